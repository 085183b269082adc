#pragma once
/// Runs the blocks of a grid.
#include "ptx_device/block.h"

namespace assay::ptx_device {

/// Executes all blocks, on options.workers threads, in options.order. A block that only waits for
/// another lets others start, as many as a GPU could hold at once. Throws Fault.
[[nodiscard]] Counters execute(const Launch& launch);

}  // namespace assay::ptx_device
