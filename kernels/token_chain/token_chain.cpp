#include "kernels/token_chain/token_chain.h"

#include <memory>
#include <utility>

#include "kernels/cpu/kernels_at.h"

namespace assay::token_chain {

TokenLawView::TokenLawView(const TokenLaw& law)
    : key(law.key),
      vocabulary(law.vocabulary),
      permutation(law.permutation.data()),
      zipf_cumulative(law.zipf_cumulative.data()) {}

namespace {

struct Shape {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int32_t vocabulary = 0;
};

struct Buffers {
  TokenLaw law;
  std::vector<std::int32_t> tokens;
  std::uint64_t next_draw = 0;
};

/// How many tokens differ from the definition's.
Check tokens_equal_definition(const Shape& shape, const Buffers& b) {
  std::vector<std::int32_t> row(static_cast<std::size_t>(shape.length));
  Check check{"tokens that differ from the definition", 0.0, 0.0};
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    draw_token_row(b.law, b.next_draw - 1, static_cast<std::uint64_t>(r), shape.length, row.data());
    for (std::int64_t i = 0; i < shape.length; ++i) {
      const auto drawn = b.tokens[static_cast<std::size_t>(r * shape.length + i)];
      if (drawn != row[static_cast<std::size_t>(i)]) check.error += 1.0;
    }
  }
  return check;
}

Workload workload(const Shape& shape) {
  const auto tokens = static_cast<std::uint64_t>(shape.rows * shape.length);
  Workload w;
  w.family = "token_chain";
  w.operation = "draw";
  w.problem = {{"rows", shape.rows}, {"length", shape.length}, {"vocabulary", shape.vocabulary}};
  w.bytes = 4 * tokens + 12 * static_cast<std::uint64_t>(shape.vocabulary);
  w.tokens = tokens;
  w.inputs = "the keyed token chain (half permutation, half Zipf(1)), a fresh draw each iteration";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    auto b = std::make_shared<Buffers>();
    b->law = make_token_law(key.key, shape.vocabulary);
    b->tokens.resize(tokens);
    const auto draw = kernels_for<CpuKernels>(device.level).draw;
    Instance instance;
    instance.iterate = [=] {
      draw(b->law, b->next_draw++, 0, shape.rows, shape.length, b->tokens.data());
    };
    instance.verify = [=] { return std::vector<Check>{tokens_equal_definition(shape, *b)}; };
    return instance;
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  return {workload({64, 1025, 50257})};
}

}  // namespace assay::token_chain
