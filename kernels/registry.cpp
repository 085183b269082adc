#include "kernels/registry.h"

#include <iterator>
#include <utility>

#include "kernels/activation/activation.h"
#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/bias/bias.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gemm/gemm.h"
#include "kernels/links/links.h"
#include "kernels/moe/moe.h"
#include "kernels/norm/norm.h"
#include "kernels/random/random.h"
#include "kernels/rope/rope.h"
#include "kernels/stream/stream.h"
#include "kernels/token_chain/token_chain.h"
#include "kernels/transformer/step.h"

namespace assay {
namespace {

std::vector<Workload> collect() {
  std::vector<Workload> all;
  const auto append = [&all](std::vector<Workload> family) {
    std::move(family.begin(), family.end(), std::back_inserter(all));
  };
  append(gemm::workloads());
  append(attention::workloads());
  append(norm::workloads());
  append(rope::workloads());
  append(activation::workloads());
  append(adamw::workloads());
  append(bias::workloads());
  append(cross_entropy::workloads());
  append(embedding::workloads());
  append(moe::workloads());
  append(random::workloads());
  append(stream::workloads());
  append(links::workloads());
  append(token_chain::workloads());
  append(transformer::workloads());
  return all;
}

}  // namespace

const std::vector<Workload>& workload_registry() {
  static const std::vector<Workload> kAll = collect();
  return kAll;
}

const Workload* find_workload(std::string_view name) {
  for (const Workload& workload : workload_registry()) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

}  // namespace assay
