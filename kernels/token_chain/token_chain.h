#pragma once
/// Draws the training tokens of one step on the device (law and definition: base/token_law.h).
/// Rows are independent, so they are drawn in parallel; inside a row the chain is sequential.
#include <cstdint>
#include <vector>

#include "base/token_law.h"
#include "kernels/workload.h"

namespace assay::token_chain {

struct CpuKernels {
  /// tokens: (rows, length); row r of draw d is named (d, first_row + r). Bit-identical to
  /// draw_token_row.
  void (*draw)(const TokenLaw&, std::uint64_t draw, std::uint64_t first_row, std::int64_t rows,
               std::int64_t length, std::int32_t* tokens);
};

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::token_chain
