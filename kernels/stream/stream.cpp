#include "kernels/stream/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::stream {
namespace {

constexpr double kScale = 3.0;

/// All last-level caches together, as Linux describes them (a processor of many chiplets has one
/// each). 0 where nothing is described.
std::int64_t described_cache_bytes() {
  std::set<std::string> seen;
  std::int64_t total = 0;
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (long cpu = 0; cpu < cpus; ++cpu) {
    const std::string folder =
        "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index3/";
    std::string shared_by;
    std::int64_t size = 0;
    char unit = 0;
    std::ifstream(folder + "shared_cpu_list") >> shared_by;
    std::ifstream(folder + "size") >> size >> unit;
    if (shared_by.empty() || unit != 'K' || !seen.insert(shared_by).second) continue;
    total += size * 1024;
  }
  return total;
}

/// Memory aligned to cache lines, touched first by the threads that will use it, so that on a
/// machine of several sockets each page lies beside its reader.
class Array {
 public:
  explicit Array(std::int64_t n, double seed)
      : values_(static_cast<double*>(std::aligned_alloc(
            64, (static_cast<std::size_t>(n) * sizeof(double) + 63) / 64 * 64))) {
    if (!values_) throw std::bad_alloc();
    double* values = values_.get();
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < n; ++i) values[i] = seed + static_cast<double>(i % 1021);
  }
  [[nodiscard]] double* data() const {
    return values_.get();
  }

 private:
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  std::unique_ptr<double, Free> values_;
};

/// How many elements differ from the definition, recomputed a stretch at a time. The scale and the
/// inputs are such that every triad is exact, fused or not.
template <class Definition>
Check elements_that_differ(std::int64_t n, const Array& a, const Definition& definition) {
  constexpr std::int64_t kStretch = 4096;
  std::vector<double> exact(kStretch);
  Check check{"elements that differ from the definition", 0.0, 0.0};
  for (std::int64_t first = 0; first < n; first += kStretch) {
    const std::int64_t count = std::min(kStretch, n - first);
    definition(first, count, exact.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const bool equal = a.data()[first + i] == exact[static_cast<std::size_t>(i)];
      if (!equal) check.error += 1.0;
    }
  }
  return check;
}

Instance make_copy(std::int64_t n, const CpuDevice& device, double seed) {
  struct Buffers {
    Array a, b;
  };
  auto buffers = std::make_shared<Buffers>(Buffers{Array(n, -1.0), Array(n, seed)});
  const auto copy = kernels_for<CpuKernels>(device.level).copy;
  Instance instance;
  instance.iterate = [=] { copy(n, buffers->b.data(), buffers->a.data()); };
  instance.verify = [=] {
    return std::vector<Check>{elements_that_differ(
        n, buffers->a, [&](std::int64_t first, std::int64_t count, double* exact) {
          copy_reference(count, buffers->b.data() + first, exact);
        })};
  };
  return instance;
}

Instance make_triad(std::int64_t n, const CpuDevice& device, double seed) {
  struct Buffers {
    Array a, b, c;
  };
  auto buffers =
      std::make_shared<Buffers>(Buffers{Array(n, -1.0), Array(n, seed), Array(n, seed + 1.0)});
  const auto triad = kernels_for<CpuKernels>(device.level).triad;
  Instance instance;
  instance.iterate = [=] {
    triad(n, kScale, buffers->b.data(), buffers->c.data(), buffers->a.data());
  };
  instance.verify = [=] {
    return std::vector<Check>{elements_that_differ(
        n, buffers->a, [&](std::int64_t first, std::int64_t count, double* exact) {
          triad_reference(count, kScale, buffers->b.data() + first, buffers->c.data() + first,
                          exact);
        })};
  };
  return instance;
}

Workload workload(bool triad, std::int64_t n) {
  Workload w;
  w.family = "stream";
  w.operation = triad ? "triad" : "copy";
  w.problem = {{"n", n}};
  w.sized_by_machine = true;
  w.precision = Precision::fp64;
  w.flops = triad ? 2 * static_cast<std::uint64_t>(n) : 0;
  w.bytes = (triad ? 24 : 16) * static_cast<std::uint64_t>(n);
  w.inputs = "integers in a ramp of 1021 from a start drawn by the key";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    const auto seed = static_cast<double>(integer_input(key.key, 1, 1, 1 << 20)[0]);
    return triad ? make_triad(n, device, seed) : make_copy(n, device, seed);
  };
  return named(std::move(w));
}

}  // namespace

std::int64_t array_elements() {
  constexpr std::int64_t kFloorBytes = std::int64_t{64} << 20;
  // sysconf's figure may be of the whole package even where a virtual machine has a slice of it.
  const std::int64_t described = described_cache_bytes();
  const std::int64_t cache = described > 0 ? described : sysconf(_SC_LEVEL3_CACHE_SIZE);
  const std::int64_t bytes = std::max(kFloorBytes, 4 * cache);
  constexpr std::int64_t kMebi = 1 << 20;
  return (bytes + kMebi - 1) / kMebi * kMebi / static_cast<std::int64_t>(sizeof(double));
}

std::vector<Workload> workloads() {
  const std::int64_t n = array_elements();
  return {workload(false, n), workload(true, n)};
}

}  // namespace assay::stream
