/// The one list of workloads: names unique, every entry well formed.
#include "kernels/registry.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace assay {
namespace {

/// Folders under kernels/ with a header that declares workloads().
std::set<std::string> families_of_the_folders() {
  std::set<std::string> families;
  const std::filesystem::path kernels = std::filesystem::path(ASSAY_SOURCE_DIR) / "kernels";
  for (const auto& file : std::filesystem::recursive_directory_iterator(kernels)) {
    if (file.path().extension() != ".h") continue;
    std::ifstream stream(file.path());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (text.find("std::vector<Workload> workloads();") == std::string::npos) continue;
    families.insert(file.path().parent_path().filename());
  }
  return families;
}

TEST(Registry, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Workload& workload : workload_registry()) {
    EXPECT_TRUE(names.insert(workload.name).second) << workload.name;
    EXPECT_EQ(find_workload(workload.name), &workload);
  }
  EXPECT_GT(names.size(), 30U);
  EXPECT_EQ(find_workload("no/such/workload"), nullptr);
  EXPECT_EQ(find_workload(""), nullptr);
}

TEST(Registry, EveryWorkloadIsWellFormed) {
  for (const Workload& workload : workload_registry()) {
    SCOPED_TRACE(workload.name);
    EXPECT_EQ(workload.name, named(workload).name);
    EXPECT_FALSE(workload.family.empty());
    EXPECT_FALSE(workload.operation.empty());
    EXPECT_FALSE(workload.problem.empty());
    EXPECT_FALSE(workload.inputs.empty());
    EXPECT_GT(workload.bytes, 0U);
    EXPECT_TRUE(workload.on_cpu || workload.on_cuda);
    for (const Dimension& dimension : workload.problem) {
      EXPECT_FALSE(dimension.name.empty());
      const bool is_ordinal = dimension.name == "from" || dimension.name == "to";
      EXPECT_GE(dimension.value, is_ordinal ? 0 : 1) << dimension.name;
    }
    // Names go into regular expressions, paths and JSON: nothing to quote.
    EXPECT_EQ(workload.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-."),
              std::string::npos);
  }
}

TEST(Registry, HoldsEveryFamilyOnce) {
  // Families stand together, so that a table by family has one heading each.
  std::set<std::string> finished;
  std::string current;
  for (const Workload& workload : workload_registry()) {
    if (workload.family == current) continue;
    EXPECT_TRUE(finished.insert(workload.family).second) << workload.family << " appears twice";
    current = workload.family;
  }
  EXPECT_EQ(finished, families_of_the_folders());
}

TEST(Registry, Bf16NeedsALevelThatHasIt) {
  Workload workload;
  workload.precision = Precision::bf16;
  workload.on_cpu = [](const CpuDevice&, const InputKey&) { return Instance{}; };
  EXPECT_TRUE(unavailable_on(workload, CpuDevice{CpuLevel::avx512, 1}));
  EXPECT_FALSE(unavailable_on(workload, CpuDevice{CpuLevel::avx512_bf16, 1}));
  workload.precision = Precision::fp32;
  EXPECT_FALSE(unavailable_on(workload, CpuDevice{CpuLevel::v2, 1}));
  workload.on_cpu = nullptr;
  EXPECT_TRUE(unavailable_on(workload, CpuDevice{CpuLevel::v2, 1}));
}

/// Turing computes in FP16, but its instructions aren't those that attention is made of.
TEST(Registry, AKernelMayNeedANewerGpuThanItsPrecision) {
  Workload workload;
  workload.family = "attention";
  workload.operation = "attention_forward";
  workload.precision = Precision::fp16;
  workload.on_cuda = [](cuda::Stream&, const InputKey&) { return Instance{}; };
  EXPECT_EQ(unavailable_on(workload, CudaTarget{75, nullptr}), std::nullopt);
  workload.least_compute_capability = 80;
  EXPECT_EQ(unavailable_on(workload, CudaTarget{75, nullptr}),
            "attention/attention_forward needs compute capability 8.0");
  EXPECT_EQ(unavailable_on(workload, CudaTarget{80, nullptr}), std::nullopt);
  workload.precision = Precision::fp8_e4m3;
  EXPECT_EQ(unavailable_on(workload, CudaTarget{80, nullptr}),
            "fp8_e4m3 needs compute capability 8.9");
}

/// What a T4 is offered: nothing whose launch would be refused.
TEST(Registry, TuringIsOfferedNoKernelOfNewerInstructions) {
  int offered = 0;
  for (const Workload& workload : workload_registry()) {
    if (!workload.on_cuda || unavailable_on(workload, CudaTarget{75, nullptr, 8})) continue;
    ++offered;
    EXPECT_NE(workload.family, "attention") << workload.name;
    EXPECT_NE(workload.precision, Precision::bf16) << workload.name;
  }
  EXPECT_GT(offered, 0);
}

TEST(Registry, TextOfAProblem) {
  EXPECT_EQ(problem_text({{"rows", 4}, {"width", 8}}), "rows4_width8");
  EXPECT_EQ(problem_text({}), "");
}

}  // namespace
}  // namespace assay
