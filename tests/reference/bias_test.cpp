/// Bias gradient: every CPU level against the definition, and the number of threads against the
/// bits.
#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/cpu/kernels_at.h"
#include "reference/bias_case.h"

namespace assay::bias {
namespace {

TEST(BiasReference, IsTheDerivativeOfABroadcastAddition) {
  // y = x + b, loss = Σ y·dy: dloss/db_i = Σ_rows dy, added to what was there.
  const std::vector<double> dy{1, 2, 3, 10, 20, 30};
  std::vector<double> dbias{100, 100, 100};
  backward_reference(2, 3, dy.data(), dbias.data());
  EXPECT_EQ(dbias, (std::vector<double>{111, 122, 133}));
}

template <class T>
std::vector<float> run(const Case<T>& c, CpuLevel level) {
  std::vector<float> dbias = c.dbias;
  kernels_for<CpuKernels<T>>(level).backward(c.rows, c.width, c.dy.data(), dbias.data());
  return dbias;
}

template <class T>
void expect_equals_definition(std::int64_t rows, std::int64_t width, CpuLevel level) {
  const Case<T> c(rows, width);
  const Check check = c.check(run(c, level));
  EXPECT_TRUE(check.passed()) << rows << 'x' << width << ": " << check.error << " > "
                              << check.bound;
}

class BiasCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(BiasCpu, EqualsDefinitionWithinControl) {
  for (const auto& [rows, width] :
       {std::pair{256, 768}, {67, 333}, {1, 300}, {1, 1}, {31, 3}, {33, 257}, {129, 17}}) {
    expect_equals_definition<float>(rows, width, GetParam());
    expect_equals_definition<Bf16>(rows, width, GetParam());
  }
}

TEST_P(BiasCpu, ThreadsDoNotChangeBits) {
  const Case<float> c(211, 301);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = run(c, GetParam());
  omp_set_num_threads(2);
  const auto two = run(c, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, BiasCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(BiasWorkloads, OutputsVerifyEvenAfterManyIterations) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    if (unavailable_on(workload, device)) continue;
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 5; ++i) instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.error << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::bias
