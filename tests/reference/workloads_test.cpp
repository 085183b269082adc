/// Every kernel that a CPU can be asked to measure, in the shapes of the basket's steps and of
/// GPT-2 124M: what it computed verifies, even after several iterations.
#include <gtest/gtest.h>
#include <omp.h>

#include <set>
#include <string>

#include "harness/catalogue.h"
#include "reference/expect_passed.h"

namespace assay {
namespace {

const harness::Catalogue& catalogue() {
  static const harness::Catalogue kAll =
      harness::make_catalogue(load_basket("tb1-lite"), harness::cpu_device());
  return kAll;
}

std::vector<std::string> families() {
  std::set<std::string> names;
  for (const harness::CatalogueEntry& entry : catalogue()) {
    const Workload& workload = entry.workload;
    if (workload.kind == WorkloadKind::kernel && workload.on_cpu) names.insert(workload.family);
  }
  return {names.begin(), names.end()};
}

class CpuWorkloads : public testing::TestWithParam<std::string> {};

TEST_P(CpuWorkloads, OutputsVerify) {
  const CpuDevice device{detect_cpu_level(), omp_get_max_threads()};
  int verified = 0;
  for (const harness::CatalogueEntry& entry : catalogue()) {
    const Workload& workload = entry.workload;
    if (workload.family != GetParam() || workload.kind != WorkloadKind::kernel) continue;
    if (unavailable_on(workload, device)) continue;
    // The same code as the smaller products', and minutes of them.
    if (workload.flops > 2'000'000'000) continue;
    SCOPED_TRACE(workload.name);
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 3; ++i) instance.iterate();
    expect_passed(instance.verify());
    ++verified;
  }
  EXPECT_GT(verified, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, CpuWorkloads, testing::ValuesIn(families()),
                         [](const auto& family) { return family.param; });

}  // namespace
}  // namespace assay
