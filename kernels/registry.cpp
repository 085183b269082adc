#include "kernels/registry.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "kernels/transformer/training_kernels.h"

/// The families in their order of the list: all that a new one adds here is its line. The folder
/// declares the same function in a header of its own.
#define ASSAY_FAMILIES(FAMILY) \
  FAMILY(gemm)                 \
  FAMILY(attention)            \
  FAMILY(norm)                 \
  FAMILY(rope)                 \
  FAMILY(activation)           \
  FAMILY(adamw)                \
  FAMILY(bias)                 \
  FAMILY(cross_entropy)        \
  FAMILY(embedding)            \
  FAMILY(moe)                  \
  FAMILY(random)               \
  FAMILY(stream)               \
  FAMILY(links)                \
  FAMILY(token_chain)          \
  FAMILY(transformer)

#define ASSAY_DECLARE_FAMILY(family) \
  namespace assay::family {          \
  std::vector<Workload> workloads(); \
  }
ASSAY_FAMILIES(ASSAY_DECLARE_FAMILY)
#undef ASSAY_DECLARE_FAMILY

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
#define ASSAY_APPEND_FAMILY(family) append(family::workloads());
  ASSAY_FAMILIES(ASSAY_APPEND_FAMILY)
#undef ASSAY_APPEND_FAMILY
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
