#pragma once
/// The arithmetic of the host's NCCL.
#include <cstddef>
#include <vector>

#include "kernels/cuda/nccl.h"

namespace assay::host_nccl {

/// The reduction of `count` elements over `parts`, one array a rank, in their order; types narrower
/// than 32 bits are summed in float and rounded after each addition, as the library does.
[[nodiscard]] std::vector<std::byte> reduce(const std::vector<const std::byte*>& parts,
                                            std::size_t count, cuda::nccl::DataType type,
                                            cuda::nccl::Reduction reduction);

}  // namespace assay::host_nccl
