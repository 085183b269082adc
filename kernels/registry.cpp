#include "kernels/registry.h"

#include <algorithm>
#include <iterator>
#include <string>
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
#include "kernels/transformer/training_kernels.h"

namespace assay {
namespace {

/// Families together, in the order in which they first stand here.
void stand_by_family(std::vector<Workload>& all) {
  std::vector<std::string> families;
  const auto place = [&](const Workload& workload) {
    return std::find(families.begin(), families.end(), workload.family) - families.begin();
  };
  for (const Workload& workload : all) {
    if (place(workload) == std::ssize(families)) families.push_back(workload.family);
  }
  std::stable_sort(all.begin(), all.end(),
                   [&](const Workload& a, const Workload& b) { return place(a) < place(b); });
}

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
  append(transformer::gpt2_kernels());
  stand_by_family(all);
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
