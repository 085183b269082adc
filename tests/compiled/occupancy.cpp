/// How many blocks of a kernel fit on a multiprocessor at once, by NVIDIA's own calculator
/// (cuda_occupancy.h of the toolkit).
///
/// Reads lines "architecture registers block_threads static_shared dynamic_shared barriers" and
/// writes for each "blocks warps max_warps limits", limits being what allows no more blocks:
/// registers, shared-memory, warps, blocks or barriers, joined by commas. An architecture it knows
/// no limits of, or a launch that doesn't fit, is an error: exit 1.
#include <cuda_occupancy.h>

#include <array>
#include <iostream>
#include <limits>
#include <optional>
#include <string>

namespace {

constexpr int kWarp = 32;
constexpr std::size_t kKiB = 1024;

/// What the CUDA C++ Programming Guide prints of a compute capability (table of technical
/// specifications). Each has 64 Ki registers for a block and a multiprocessor, 48 KiB of shared
/// memory for a block that doesn't ask for more, and 1,024 threads for a block.
struct Limits {
  int architecture;
  int threads;
  std::size_t shared_kib;           ///< of a multiprocessor
  std::size_t reserved_shared_kib;  ///< of each block, by the system
};
constexpr std::array<Limits, 7> kLimits{{{75, 1024, 64, 0},
                                         {80, 2048, 164, 1},
                                         {86, 1536, 100, 1},
                                         {89, 1536, 100, 1},
                                         {90, 2048, 228, 1},
                                         {100, 2048, 228, 1},
                                         {120, 1536, 100, 1}}};

std::optional<cudaOccDeviceProp> properties_of(int architecture) {
  for (const Limits& limits : kLimits) {
    if (limits.architecture != architecture) continue;
    cudaOccDeviceProp properties;
    properties.computeMajor = architecture / 10;
    properties.computeMinor = architecture % 10;
    properties.maxThreadsPerBlock = 1024;
    properties.maxThreadsPerMultiprocessor = limits.threads;
    properties.regsPerBlock = 64 * 1024;
    properties.regsPerMultiprocessor = 64 * 1024;
    properties.warpSize = kWarp;
    properties.sharedMemPerBlock = 48 * kKiB;
    properties.sharedMemPerMultiprocessor = limits.shared_kib * kKiB;
    properties.numSms = 1;
    properties.sharedMemPerBlockOptin = (limits.shared_kib - limits.reserved_shared_kib) * kKiB;
    properties.reservedSharedMemPerBlock = limits.reserved_shared_kib * kKiB;
    return properties;
  }
  return std::nullopt;
}

std::string limits_text(unsigned factors) {
  struct Factor {
    unsigned bit;
    const char* name;
  };
  std::string text;
  for (const auto& [bit, name] :
       {Factor{OCC_LIMIT_REGISTERS, "registers"}, Factor{OCC_LIMIT_SHARED_MEMORY, "shared-memory"},
        Factor{OCC_LIMIT_WARPS, "warps"}, Factor{OCC_LIMIT_BLOCKS, "blocks"},
        Factor{OCC_LIMIT_BARRIERS, "barriers"}}) {
    if ((factors & bit) != 0) text += (text.empty() ? "" : ",") + std::string(name);
  }
  return text;
}

}  // namespace

int main() {
  int architecture = 0;
  int block_threads = 0;
  std::size_t dynamic_shared_bytes = 0;
  cudaOccFuncAttributes function;
  function.maxThreadsPerBlock = std::numeric_limits<int>::max();
  function.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  while (std::cin >> architecture >> function.numRegs >> block_threads >>
         function.sharedSizeBytes >> dynamic_shared_bytes >> function.numBlockBarriers) {
    function.maxDynamicSharedSizeBytes = dynamic_shared_bytes;
    const auto properties = properties_of(architecture);
    if (!properties) {
      std::cerr << "occupancy: the limits of sm_" << architecture << " are not in its table\n";
      return 1;
    }
    const cudaOccDeviceState state;
    cudaOccResult result;
    const cudaOccError error = cudaOccMaxActiveBlocksPerMultiprocessor(
        &result, &*properties, &function, &state, block_threads, dynamic_shared_bytes);
    if (error != CUDA_OCC_SUCCESS || result.activeBlocksPerMultiprocessor == 0) {
      std::cerr << "occupancy: no block of " << block_threads << " threads with "
                << function.numRegs << " registers fits on sm_" << architecture << '\n';
      return 1;
    }
    const int warps = (block_threads + kWarp - 1) / kWarp;
    std::cout << result.activeBlocksPerMultiprocessor << ' '
              << result.activeBlocksPerMultiprocessor * warps << ' '
              << properties->maxThreadsPerMultiprocessor / kWarp << ' '
              << limits_text(result.limitingFactors) << '\n';
  }
}
