#pragma once
/// Where each state space lies in the generic address space of the device.
#include <cstdint>

namespace assay::ptx_device {

inline constexpr std::uint64_t kWindowBytes = std::uint64_t{1} << 32U;
inline constexpr std::uint64_t kParameterWindow = 0x4000'0000'0000;
inline constexpr std::uint64_t kSharedWindow = 0x5000'0000'0000;
inline constexpr std::uint64_t kLocalWindow = 0x6000'0000'0000;
inline constexpr std::uint64_t kGlobalBegin = 0x7000'0000'0000;
/// Addresses of each device's memory: device d begins at kGlobalBegin + d × this.
inline constexpr std::uint64_t kDeviceSpan = std::uint64_t{1} << 40U;

/// The first shared address of a block: since sm_80 a block's first 1 KiB belongs to the system.
/// So no variable of a kernel is at address 0.
inline constexpr std::uint32_t kSharedBegin = 1024;
/// The first local address of a thread.
inline constexpr std::uint32_t kLocalBegin = 256;

inline bool in_window(std::uint64_t address, std::uint64_t window) {
  return address - window < kWindowBytes;
}

}  // namespace assay::ptx_device
