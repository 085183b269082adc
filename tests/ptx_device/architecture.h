#pragma once
/// What a device of each architecture offers, and the launches it refuses.
///
/// Limits: CUDA C++ Programming Guide, "Compute Capabilities", table "Technical Specifications per
/// Compute Capability". Multiprocessors and L2 are those of one product of the architecture, from
/// NVIDIA's data sheets (T4, A100, A40, L40S, H100 SXM, B200, RTX 5090).
#include <array>
#include <cstdint>
#include <string>

#include "kernels/cuda/driver.h"
#include "ptx_device/instruction.h"

namespace assay::ptx_device {

struct Architecture {
  int number = 80;
  const char* product = "";
  int multiprocessors = 0;
  int l2_bytes = 0;
  int shared_per_multiprocessor = 0;
  int shared_per_block_optin = 0;
};

inline constexpr int kSharedPerBlock = 48 * 1024;  ///< without asking for more
inline constexpr int kRegistersPerMultiprocessor = 64 * 1024;
inline constexpr int kThreadsPerBlock = 1024;

/// Throws an input error for an architecture that is not known.
[[nodiscard]] const Architecture& architecture_of(int number);

/// A kernel as a driver knows it.
struct KernelLimits {
  int static_shared_bytes = 0;
  int maximum_dynamic_shared_bytes = 0;  ///< as function_set_attribute left it
  int registers = 0;                     ///< a thread; 0: not known
  std::array<unsigned, 3> maximum_threads{};
  std::array<unsigned, 3> required_threads{};
};

/// Throws Refusal with the code a driver returns for a launch that the architecture cannot do.
void check_launch(const Architecture& architecture, const KernelLimits& kernel,
                  const std::array<unsigned, 3>& grid, const std::array<unsigned, 3>& block,
                  unsigned dynamic_shared_bytes);

/// device_get_attribute. Throws Refusal(kInvalidValue) for one that is not known.
[[nodiscard]] int attribute_of(const Architecture& architecture, cuda::DeviceAttribute attribute);

}  // namespace assay::ptx_device
