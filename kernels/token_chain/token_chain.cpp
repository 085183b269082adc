#include "kernels/token_chain/token_chain.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/token_chain/token_chain_workload.h"

namespace assay::token_chain {

TokenLawView::TokenLawView(const TokenLaw& law)
    : key(law.key),
      vocabulary(law.vocabulary),
      permutation(law.permutation.data()),
      zipf_cumulative(law.zipf_cumulative.data()) {}

namespace {

struct Buffers {
  TokenLaw law;
  std::vector<std::int32_t> tokens;
  std::uint64_t next_draw = 0;
};

}  // namespace

Workload cpu_workload(const Shape& shape) {
  Workload w = declare(shape);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    auto b = std::make_shared<Buffers>();
    b->law = make_token_law(key.key, shape.vocabulary);
    b->tokens.resize(static_cast<std::size_t>(shape.rows * shape.length));
    const auto draw = kernels_for<CpuKernels>(device.level).draw;
    Instance instance;
    instance.iterate = [=] {
      draw(b->law, b->next_draw++, 0, shape.rows, shape.length, b->tokens.data());
    };
    instance.verify = [=] {
      return std::vector<Check>{tokens_check(shape, b->law, b->next_draw - 1, 0, b->tokens)};
    };
    return instance;
  };
  return w;
}

std::vector<Workload> workloads() {
  return {cuda_workload({512, 1025, 50257})};
}

}  // namespace assay::token_chain
