#pragma once
/// Helpers of instructions that work on a warp.
#include <bit>
#include <cstdint>

#include "ptx_device/emission.h"

namespace assay::ptx_device {

/// function(lane) for each lane of a mask, lowest first.
template <class Function>
void for_lanes(std::uint32_t mask, Function function) {
  for (; mask != 0; mask &= mask - 1) function(static_cast<std::uint32_t>(std::countr_zero(mask)));
}

/// bar.warp.sync, which is a collective though its opcode is that of barriers.
void decode_warp_barrier(Emission& emission);

}  // namespace assay::ptx_device
