/// Copy and triad: every CPU level against the definition.
#include "kernels/stream/stream.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "kernels/cpu/kernels_at.h"

namespace assay::stream {
namespace {

/// n doubles at 64 bytes, and a guard behind them that nothing may write.
class Array {
 public:
  Array(std::int64_t n, double start)
      : size_(n),
        values_(static_cast<double*>(
            std::aligned_alloc(64, static_cast<std::size_t>(n + 16) / 8 * 64))) {
    for (std::int64_t i = 0; i <= n; ++i) values_.get()[i] = start + static_cast<double>(i);
  }
  [[nodiscard]] double* data() const { return values_.get(); }
  [[nodiscard]] std::vector<double> values() const {
    return {values_.get(), values_.get() + size_};
  }
  [[nodiscard]] double guard() const { return values_.get()[size_]; }

 private:
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  std::int64_t size_;
  std::unique_ptr<double, Free> values_;
};

class StreamCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(StreamCpu, EqualsDefinition) {
  const auto& kernels = kernels_for<CpuKernels>(GetParam());
  for (const std::int64_t n : {100'000, 4096, 513, 512, 511, 7, 1, 0}) {
    const Array a(n, -1.0);
    const Array b(n, 0.5);
    const Array c(n, 0.25);
    std::vector<double> exact(static_cast<std::size_t>(n));
    const double guard = a.guard();
    kernels.copy(n, b.data(), a.data());
    copy_reference(n, b.data(), exact.data());
    EXPECT_EQ(a.values(), exact) << n;
    kernels.triad(n, 3.0, b.data(), c.data(), a.data());
    triad_reference(n, 3.0, b.data(), c.data(), exact.data());
    EXPECT_EQ(a.values(), exact) << n;
    EXPECT_EQ(a.guard(), guard) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, StreamCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(StreamWorkloads, ArraysAreFarBeyondTheCache) {
  const std::int64_t bytes = 8 * array_elements();
  EXPECT_GE(bytes, std::int64_t{64} << 20);
  std::ifstream size("/sys/devices/system/cpu/cpu0/cache/index3/size");
  std::int64_t kibibytes = 0;
  size >> kibibytes;  // stays 0 where Linux describes no cache
  EXPECT_GE(bytes, 4 * 1024 * kibibytes);
}

TEST(StreamWorkloads, TriadVerifiesOnceItHasRun) {
  const Instance instance = workloads().at(1).on_cpu({detect_cpu_level(), 2}, {42});
  EXPECT_FALSE(instance.verify().front().passed()) << "nothing was computed yet";
  instance.iterate();
  EXPECT_TRUE(instance.verify().front().passed());
}

}  // namespace
}  // namespace assay::stream
