#include "kernels/stream/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <set>
#include <string>

#include "kernels/cpu/kernels_at.h"
#include "kernels/stream/stream_workload.h"

namespace assay::stream {
namespace {

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
      : values_(static_cast<double*>(
            std::aligned_alloc(64, (static_cast<std::size_t>(n) * sizeof(double) / 64 + 1) * 64))) {
    if (!values_) throw std::bad_alloc();
    double* values = values_.get();
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < n; ++i) values[i] = ramp(seed, i);
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

Instance make_instance(Operation operation, std::int64_t n, const CpuDevice& device, double seed) {
  struct Buffers {
    Array a, b, c;
  };
  // A copy reads no c.
  const std::int64_t c_elements = operation == Operation::triad ? n : 0;
  auto buffers = std::make_shared<Buffers>(
      Buffers{Array(n, -1.0), Array(n, seed), Array(c_elements, c_seed(seed))});
  const CpuKernels& kernels = kernels_for<CpuKernels>(device.level);
  Instance instance;
  instance.iterate = [=, &kernels] {
    const Buffers& x = *buffers;
    operation == Operation::triad ? kernels.triad(n, kScale, x.b.data(), x.c.data(), x.a.data())
                                  : kernels.copy(n, x.b.data(), x.a.data());
  };
  instance.verify = [=] {
    return std::vector<Check>{elements_that_differ(operation, n, seed, buffers->a.data())};
  };
  return instance;
}

Workload workload(Operation operation, std::int64_t n) {
  Workload w = declare(operation, n);
  w.sized_by_machine = true;
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return make_instance(operation, n, device, drawn_seed(key));
  };
  return w;
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
  return {workload(Operation::copy, n), workload(Operation::triad, n),
          cuda_workload(Operation::copy, kCudaElements),
          cuda_workload(Operation::triad, kCudaElements)};
}

}  // namespace assay::stream
