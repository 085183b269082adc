#include "kernels/registry.h"

#include <iterator>
#include <utility>

#include "kernels/norm/norm.h"

namespace assay {
namespace {

std::vector<Workload> collect() {
  std::vector<Workload> all;
  const auto append = [&all](std::vector<Workload> family) {
    std::move(family.begin(), family.end(), std::back_inserter(all));
  };
  append(norm::workloads());
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
