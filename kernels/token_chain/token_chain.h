#pragma once
/// Draws the training tokens of one step on the device (law and definition: base/token_law.h).
///
/// FLOPs: none, all integers. Bytes: the tokens written, the law's tables (12·V) read once.
///
/// On CUDA: kernels/token_chain/token_chain_cuda.h.
/// Decomposition on a CPU: rows are independent, so they are drawn in parallel; inside a row the
/// chain is sequential. A Zipf draw is a binary search without branches.
#include <cstdint>
#include <vector>

#include "kernels/token_chain/operands.h"
#include "kernels/workload.h"

namespace assay::token_chain {

struct CpuKernels {
  /// tokens: (rows, length); row r of draw d is named (d, first_row + r). Bit-identical to
  /// draw_token_row.
  void (*draw)(const TokenLawView&, std::uint64_t draw, std::uint64_t first_row, std::int64_t rows,
               std::int64_t length, std::int32_t* tokens);
};

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::token_chain
