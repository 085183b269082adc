#include "ptx_device/architecture.h"

#include <fmt/format.h>

#include "base/error.h"
#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

constexpr int kKiB = 1024;
constexpr int kMiB = 1024 * 1024;
constexpr Architecture kArchitectures[] = {
    {75, "T4", 40, 4 * kMiB, 64 * kKiB, 64 * kKiB},
    {80, "A100", 108, 40 * kMiB, 164 * kKiB, 163 * kKiB},
    {86, "A40", 84, 6 * kMiB, 100 * kKiB, 99 * kKiB},
    {89, "L40S", 142, 96 * kMiB, 100 * kKiB, 99 * kKiB},
    {90, "H100", 132, 50 * kMiB, 228 * kKiB, 227 * kKiB},
    {100, "B200", 148, 126 * kMiB, 228 * kKiB, 227 * kKiB},
    {120, "RTX 5090", 170, 96 * kMiB, 100 * kKiB, 99 * kKiB},
};

constexpr std::array<unsigned, 3> kLargestGrid = {0x7FFF'FFFF, 65535, 65535};
constexpr std::array<unsigned, 3> kLargestBlock = {1024, 1024, 64};
constexpr unsigned kRegisterGranularity = 256;  // registers are given to warps in these units

Refusal invalid(const std::string& text) {
  return {cuda::kInvalidValue, text};
}

unsigned volume(const std::array<unsigned, 3>& shape) {
  return shape[0] * shape[1] * shape[2];
}

void check_shape(const char* what, const std::array<unsigned, 3>& shape,
                 const std::array<unsigned, 3>& largest) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (shape[axis] == 0 || shape[axis] > largest[axis]) {
      throw invalid(fmt::format("{} of ({},{},{}): {} must be 1 to {}", what, shape[0], shape[1],
                                shape[2], "xyz"[axis], largest[axis]));
    }
  }
}

}  // namespace

const Architecture& architecture_of(int number) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.number == number) return architecture;
  }
  throw input_error(fmt::format("sm_{} is not an architecture of the functional device", number),
                    "functional device", "one of 75, 80, 86, 89, 90, 100, 120");
}

void check_launch(const Architecture& architecture, const KernelLimits& kernel,
                  const std::array<unsigned, 3>& grid, const std::array<unsigned, 3>& block,
                  unsigned dynamic_shared_bytes) {
  check_shape("a grid", grid, kLargestGrid);
  check_shape("a block", block, kLargestBlock);
  const unsigned threads = volume(block);
  if (threads > kThreadsPerBlock) {
    throw invalid(fmt::format("{} threads a block; at most {}", threads, kThreadsPerBlock));
  }
  if (kernel.maximum_threads[0] != 0 && threads > volume(kernel.maximum_threads)) {
    throw invalid(fmt::format("{} threads a block; the kernel was compiled for at most {}", threads,
                              volume(kernel.maximum_threads)));
  }
  if (kernel.required_threads[0] != 0 && block != kernel.required_threads) {
    throw invalid(fmt::format("a block of ({},{},{}); the kernel requires ({},{},{})", block[0],
                              block[1], block[2], kernel.required_threads[0],
                              kernel.required_threads[1], kernel.required_threads[2]));
  }
  const auto dynamic = std::int64_t{dynamic_shared_bytes};
  if (dynamic > kernel.maximum_dynamic_shared_bytes) {
    throw invalid(fmt::format(
        "{} bytes of dynamic shared memory beside {} static ones; {} are allowed, more must be "
        "asked for by max_dynamic_shared_size_bytes (sm_{}: {} in all)",
        dynamic, kernel.static_shared_bytes, kernel.maximum_dynamic_shared_bytes,
        architecture.number, architecture.shared_per_block_optin));
  }
  const unsigned warps = (threads + 31) / 32;
  const auto registers = static_cast<unsigned>(kernel.registers);
  const unsigned of_warp =
      (registers * 32 + kRegisterGranularity - 1) / kRegisterGranularity * kRegisterGranularity;
  if (of_warp * warps > kRegistersPerMultiprocessor) {
    throw Refusal(cuda::kLaunchOutOfResources,
                  fmt::format("{} threads of {} registers each; a multiprocessor has {}", threads,
                              registers, kRegistersPerMultiprocessor));
  }
}

int attribute_of(const Architecture& architecture, cuda::DeviceAttribute attribute) {
  using Attribute = cuda::DeviceAttribute;
  switch (attribute) {
    case Attribute::max_threads_per_block:
      return kThreadsPerBlock;
    case Attribute::max_shared_memory_per_block:
      return kSharedPerBlock;
    case Attribute::multiprocessors:
      return architecture.multiprocessors;
    case Attribute::l2_cache_bytes:
      return architecture.l2_bytes;
    case Attribute::compute_capability_major:
      return architecture.number / 10;
    case Attribute::compute_capability_minor:
      return architecture.number % 10;
    case Attribute::max_shared_memory_per_multiprocessor:
      return architecture.shared_per_multiprocessor;
    case Attribute::max_registers_per_multiprocessor:
      return kRegistersPerMultiprocessor;
    case Attribute::max_shared_memory_per_block_optin:
      return architecture.shared_per_block_optin;
  }
  throw invalid(fmt::format("device attribute {} is not known", static_cast<int>(attribute)));
}

}  // namespace assay::ptx_device
