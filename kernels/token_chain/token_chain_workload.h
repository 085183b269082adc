#pragma once
/// What the CPU's and CUDA's workloads of the token chain share: the check against the definition
/// and the declaration without a back end.
#include <utility>
#include <vector>

#include "kernels/token_chain/token_chain.h"

namespace assay::token_chain {

struct Shape {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int32_t vocabulary = 0;
};

/// How many tokens of a draw differ from the definition's. tokens: (rows, length).
inline Check tokens_check(const Shape& shape, const TokenLaw& law, std::uint64_t draw,
                          std::uint64_t first_row, const std::vector<std::int32_t>& tokens) {
  std::vector<std::int32_t> row(static_cast<std::size_t>(shape.length));
  Check check{"tokens that differ from the definition", 0.0, 0.0};
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    draw_token_row(law, draw, first_row + static_cast<std::uint64_t>(r), shape.length, row.data());
    for (std::int64_t i = 0; i < shape.length; ++i) {
      const auto drawn = tokens[static_cast<std::size_t>(r * shape.length + i)];
      if (drawn != row[static_cast<std::size_t>(i)]) check.error += 1.0;
    }
  }
  return check;
}

/// The workload of that problem, with no back end yet.
inline Workload declare(const Shape& shape) {
  const auto tokens = static_cast<std::uint64_t>(shape.rows * shape.length);
  Workload w;
  w.family = "token_chain";
  w.operation = "draw";
  w.problem = {{"rows", shape.rows}, {"length", shape.length}, {"vocabulary", shape.vocabulary}};
  w.bytes = 4 * tokens + 12 * static_cast<std::uint64_t>(shape.vocabulary);
  w.tokens = tokens;
  w.inputs = "the keyed token chain (half permutation, half Zipf(1)), a fresh draw each iteration";
  return named(std::move(w));
}

/// On a CPU and on CUDA.
[[nodiscard]] Workload cpu_workload(const Shape& shape);
[[nodiscard]] Workload cuda_workload(const Shape& shape);

}  // namespace assay::token_chain
