// Suites become plans; names are found or refused with near ones.
#include "harness/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "fake_workloads.h"
#include "harness/basket_workloads.h"
#include "harness/process_spec.h"
#include "kernels/registry.h"
#include "results/edition/model_flops.h"

namespace assay::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const TimerRecord kTimer{"CLOCK_MONOTONIC", 30, 20.0, {}};

Catalogue fakes() {
  return test::fake_catalogue({}, {});
}

Plan plan_of(const std::string& suite, const SuiteChoices& choices = {}, std::int64_t seed = 1) {
  return make_plan(suite_named(suite), choices, fakes(), CpuDevice{CpuLevel::v2, 1}, seed, kTimer);
}

std::vector<std::string> operations(const PlannedProcess& process) {
  std::vector<std::string> names;
  for (const PlannedItem& item : process.items) {
    const std::size_t first = item.workload.find('/') + 1;
    names.push_back(item.workload.substr(first, item.workload.find('/', first) - first));
  }
  return names;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.line();
  }
  return "accepted";
}

TEST(Suite, QuickTakesTheBasketAndTheRoofs) {
  const Plan plan = plan_of("quick");
  EXPECT_EQ(plan.record.name, "quick");
  ASSERT_EQ(plan.processes.size(), 3U);
  EXPECT_THAT(operations(plan.processes[0]), ElementsAre("step_a", "step_b", "square", "triad"));
  EXPECT_TRUE(plan.has_basket);
  const auto& items = plan.processes[0].items;
  EXPECT_EQ(items[0].options.rule.estimator, Estimator::ratio_of_sums);
  EXPECT_EQ(items[2].options.rule.estimator, Estimator::median);
  EXPECT_DOUBLE_EQ(items[0].options.rule.target_relative, 0.02);
  EXPECT_DOUBLE_EQ(items[0].options.clock_step_ns, 50.0);
  EXPECT_DOUBLE_EQ(plan.record.item_seconds, items[0].options.item_seconds);
}

TEST(Suite, QuickIsAtMostTwoMinutes) {
  const Suite& quick = suite_named("quick");
  // Five items and two roofs, warm-up to its limit, half a second around each.
  const double item = quick.first.warm_up_max_s + quick.first.item_seconds + 0.5;
  const double roof = quick.kernel.warm_up_max_s + quick.kernel.item_seconds + 0.5;
  EXPECT_LE(static_cast<double>(quick.processes) * (5 * item + 2 * roof), 120.0);
}

TEST(Suite, StandardTakesEveryKernel) {
  const std::vector<std::string> names = operations(plan_of("standard").processes[0]);
  EXPECT_THAT(names, ::testing::Contains("good"));
  EXPECT_THAT(names, ::testing::Not(::testing::Contains("bf16")));  // unavailable on this level
}

/// The real catalogue of a CPU with BF16, whatever this one is.
Plan cpu_plan(const std::string& suite) {
  Device device = cpu_device("v2");
  device.cpu.level = CpuLevel::avx512_bf16;
  return make_plan(suite_named(suite), {}, make_catalogue(load_basket("tb1-lite"), device),
                   device.target(), 1, kTimer);
}

TEST(Suite, StandardExplainsTheBasketsStepsInAboutTenMinutes) {
  const Plan plan = cpu_plan("standard");
  std::vector<std::string> names;
  double expected_s = 0.0;
  for (const PlannedProcess& process : plan.processes) expected_s += process.expected_seconds();
  for (const PlannedItem& item : plan.processes[0].items) names.push_back(item.workload);
  EXPECT_LE(expected_s, 11.0 * 60.0) << names.size() << " items";
  using ::testing::Contains;
  using ::testing::Not;
  // A shape of the basket's in the precision of its steps; the same in the other, a shape of
  // another model and a product that is no roof stay for a filter.
  EXPECT_THAT(names, Contains("gemm/llama-1b-lite_head_forward/m256_n4032_k256/bf16"));
  EXPECT_THAT(names, Contains("norm/rmsnorm_backward/rows256_width512/bf16"));
  EXPECT_THAT(names, Not(Contains("norm/rmsnorm_backward/rows256_width512/fp32")));
  EXPECT_THAT(names, Not(Contains("norm/layernorm_backward/rows1024_width768/bf16")));
  EXPECT_THAT(names, Not(Contains("gemm/square/m2048_n2048_k2048/int8")));
  // No basket gives these a shape.
  EXPECT_THAT(names, Contains("gemm/square/m2048_n2048_k2048/bf16"));
  EXPECT_THAT(names, Contains(HasSubstr("random/normal/")));
  EXPECT_THAT(names, Contains(HasSubstr("stream/triad/")));
}

TEST(Suite, QuickIsNotLengthenedByTheBasketsKernels) {
  EXPECT_EQ(cpu_plan("quick").processes[0].items.size(), 5U + 2U);
}

TEST(Suite, CertifyLoadsTenMinutesThenFourTimesTwo) {
  const Plan plan = plan_of("certify");
  ASSERT_EQ(plan.processes.size(), 5U);
  const auto loaded_s = [](const PlannedProcess& process) {
    double sum = 0.0;
    for (const PlannedItem& item : process.items) {
      EXPECT_TRUE(item.options.fixed_time);
      if (!item.basket_item.empty()) sum += item.options.item_seconds;
    }
    return sum;
  };
  EXPECT_DOUBLE_EQ(loaded_s(plan.processes[0]), 600.0);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_DOUBLE_EQ(loaded_s(plan.processes[i]), 120.0);
  EXPECT_DOUBLE_EQ(plan.record.target_relative, 0.005);
}

TEST(Suite, GpuCheckSeesEachFamilyBeforeItsBudgetIsUsedUp) {
  const Plan plan = plan_of("gpu-check");
  EXPECT_EQ(plan.record.name, "gpu-check");
  EXPECT_FALSE(plan.has_basket);
  ASSERT_EQ(plan.processes.size(), 1U);
  const PlannedProcess& process = plan.processes.front();
  EXPECT_EQ(process.budget_s, 240.0);
  // The roofs, then the fakes in their order, being of one family.
  const std::vector<std::string> names = operations(process);
  ASSERT_GE(names.size(), 4U);
  EXPECT_THAT(std::vector<std::string>(names.begin(), names.begin() + 4),
              ElementsAre("square", "triad", "good", "wrong"));
  EXPECT_DOUBLE_EQ(process.items[0].options.item_seconds, 1.5);
  EXPECT_DOUBLE_EQ(process.items[2].options.item_seconds, 0.4);

  Catalogue families = fakes();
  families.push_back({test::fake_roof("norm", "layernorm"), ""});
  const Plan mixed =
      make_plan(suite_named("gpu-check"), {}, families, CpuDevice{CpuLevel::v2, 1}, 1, kTimer);
  EXPECT_THAT(operations(mixed.processes.front())[3], "layernorm");  // before a second fake
}

TEST(Suite, OrderIsDrawnFromTheSeed) {
  const auto orders = [](std::int64_t seed) {
    std::vector<std::vector<std::string>> all;
    for (const PlannedProcess& process : plan_of("standard", {}, seed).processes) {
      all.push_back(operations(process));
    }
    return all;
  };
  EXPECT_EQ(orders(7), orders(7));
  EXPECT_NE(orders(7), orders(8));
  auto first = orders(7)[0];
  auto second = orders(7)[1];
  EXPECT_NE(first, second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
}

TEST(Suite, ChoicesMakeItCustom) {
  SuiteChoices filter;
  filter.filter = "good|wrong";
  const Plan plan = plan_of("quick", filter);
  EXPECT_EQ(plan.record.name, "custom");
  EXPECT_EQ(plan.record.filter, "good|wrong");
  EXPECT_THAT(operations(plan.processes[0]), ElementsAre("good", "wrong"));
  EXPECT_FALSE(plan.has_basket);
  SuiteChoices fewer;
  fewer.processes = 1;
  fewer.item_seconds = 0.2;
  const Plan shorter = plan_of("quick", fewer);
  EXPECT_EQ(shorter.record.name, "custom");
  EXPECT_EQ(shorter.processes.size(), 1U);
  EXPECT_DOUBLE_EQ(shorter.record.item_seconds, 0.2);
  EXPECT_LE(shorter.processes[0].items[0].options.warm_up_max_s, 0.2);
}

TEST(Suite, RefusesWhatCantRun) {
  EXPECT_THAT(refusal([] { static_cast<void>(suite_named("quickest")); }),
              HasSubstr("quick, standard, certify, gpu-check"));
  SuiteChoices unavailable;
  unavailable.filter = "fake/bf16";
  EXPECT_THAT(refusal([&] { plan_of("quick", unavailable); }), HasSubstr("no CPU implementation"));
  SuiteChoices none;
  none.processes = 0;
  EXPECT_THAT(refusal([&] { plan_of("quick", none); }), HasSubstr("--processes"));
  Catalogue broken = fakes();
  broken[1].workload.on_cpu = nullptr;
  EXPECT_THAT(refusal([&] {
                static_cast<void>(make_plan(suite_named("quick"), {}, broken,
                                            CpuDevice{CpuLevel::v2, 1}, 1, kTimer));
              }),
              HasSubstr("item-b"));
}

TEST(Catalogue, FilterFindsInvertsAndNamesNearOnes) {
  EXPECT_EQ(filtered(fakes(), "item-a").size(), 1U);
  EXPECT_EQ(filtered(fakes(), "^fake/").size(), fakes().size() - 2);
  EXPECT_EQ(filtered(fakes(), "-^fake/").size(), 2U);
  EXPECT_THAT(refusal([] { static_cast<void>(filtered(fakes(), "throwz")); }),
              HasSubstr("near: fake/throws"));
  EXPECT_THAT(refusal([] { static_cast<void>(filtered(fakes(), "/goood/")); }),
              HasSubstr("near: fake/good"));
  // Another word is near nothing, though most of its letters are in every name.
  EXPECT_THAT(refusal([] { static_cast<void>(filtered(fakes(), "nosuch", "--benchmark_filter")); }),
              AllOf(HasSubstr("--benchmark_filter nosuch: no workload matches"),
                    HasSubstr("`assay list` shows all"), Not(HasSubstr("near"))));
  EXPECT_THAT(refusal([] { static_cast<void>(filtered(fakes(), "(")); }),
              HasSubstr("not a regular expression"));
  EXPECT_THAT(refusal([] { static_cast<void>(entry_of(fakes(), "fake/goodd/n1/fp32")); }),
              HasSubstr("near: fake/good"));
}

TEST(BasketFor, IsTheDevicesWhereNobodyNamesOne) {
  Device gpu;
  gpu.cuda = CudaChoice{};
  EXPECT_EQ(basket_for(std::nullopt, gpu).name, "tb1");
  EXPECT_EQ(basket_for(std::nullopt, cpu_device()).name, "tb1-lite");
  EXPECT_EQ(basket_for("tb1-lite", gpu).name, "tb1-lite");
  EXPECT_EQ(basket_for("tb1", cpu_device()).name, "tb1");
}

TEST(Catalogue, NamesAreUnique) {
  const Basket basket = load_basket("tb1-lite");
  std::set<std::string> names;
  for (const CatalogueEntry& entry : make_catalogue(basket, cpu_device())) {
    EXPECT_TRUE(names.insert(entry.workload.name).second) << entry.workload.name;
  }
  EXPECT_GT(names.size(), basket.items.size() + workload_registry().size());
}

TEST(Catalogue, HoldsEveryProductOfTheBasketsModels) {
  // As the step computes them: of each model the FLOPs of its products add up to those that the
  // edition counts for its weights, 6 a parameter and token (heads are padded, so at least those).
  const Device device = cpu_device("v2");
  for (const BasketItem& item : load_basket("tb1-lite").items) {
    Basket one = load_basket("tb1-lite");
    one.items = {item};
    const transformer::StepOptions step = step_options(one, item, device);
    const auto layers = static_cast<std::uint64_t>(step.model.layers);
    const auto experts = static_cast<std::uint64_t>(step.model.experts);
    std::uint64_t sum = 0;
    for (const CatalogueEntry& entry : make_catalogue(one, device)) {
      const Workload& w = entry.workload;
      if (!entry.basket_kernel || w.family != "gemm") continue;
      const bool head = w.operation.find("_head_") != std::string::npos;
      const bool expert = w.operation.find("_expert_") != std::string::npos;
      sum += w.flops * (head ? 1 : layers) * (expert ? experts : 1);
    }
    const auto counted = 6 * transformer::matmul_parameters(step.model) *
                         static_cast<std::uint64_t>(item.tokens_per_step);
    EXPECT_GE(sum, counted) << item.name;
    EXPECT_LE(static_cast<double>(sum), 1.02 * static_cast<double>(counted)) << item.name;
  }
}

TEST(Catalogue, ListSaysWhatIsUnavailableAndWhy) {
  const auto list = list_workloads(fakes(), CpuDevice{CpuLevel::v2, 1});
  EXPECT_DOUBLE_EQ(list.front().flops_per_byte, 0.25);
  EXPECT_FALSE(list.front().unavailable.has_value());
  EXPECT_TRUE(list.back().unavailable.has_value());
  EXPECT_TRUE(list.back().back_ends.empty());
}

TEST(BasketWorkloads, CountTheEditionsModelFlops) {
  const Basket basket = load_basket("tb1-lite");
  for (const BasketItem& item : basket.items) {
    const Workload workload = basket_workload(basket, item, cpu_device("v2"));
    EXPECT_EQ(workload.kind, WorkloadKind::training_step);
    EXPECT_EQ(workload.precision, Precision::fp32);
    EXPECT_EQ(static_cast<std::int64_t>(workload.tokens), item.tokens_per_step);
    EXPECT_EQ(static_cast<std::int64_t>(workload.flops),
              model_flops_per_token(item.model) * item.tokens_per_step);
    EXPECT_LE(workload.flops, 10'000'000'000U) << item.name;
  }
}

TEST(BasketWorkloads, MicroBatchShrinksWithMemory) {
  const Basket basket = load_basket("tb1");
  const BasketItem& item = basket.items.front();
  const std::int64_t rows = item.tokens_per_step / item.model.sequence;
  Device device = cpu_device("v2");
  device.record.memory_bytes = std::int64_t{1} << 50;
  EXPECT_EQ(step_options(basket, item, device).batch, rows);
  EXPECT_EQ(step_options(basket, item, device).accumulation, 1);
  device.record.memory_bytes = std::int64_t{16} << 30;
  const transformer::StepOptions smaller = step_options(basket, item, device);
  EXPECT_LT(smaller.batch, rows);
  EXPECT_EQ(smaller.batch * smaller.accumulation, rows);
  EXPECT_LE(step_memory_bytes(smaller), device.record.memory_bytes / 2);
  // tb1 is BF16 only.
  EXPECT_EQ(smaller.precision, Precision::bf16);
}

TEST(ProcessSpec, GoesThroughJsonUnchanged) {
  const Plan plan = plan_of("quick");
  const std::map<std::string, std::string> choices = {{"conditions", "choice"}};
  const ProcessSpec spec{"tb1-lite", "cpu:0", "v3", make_nonce(5), 3, choices, plan.processes[1]};
  const nlohmann::json json = to_json(spec);
  EXPECT_EQ(to_json(spec_from_json(nlohmann::json::parse(json.dump()), "spec")), json);
  nlohmann::json cut = json;
  cut.erase("nonce");
  EXPECT_THAT(refusal([&] { static_cast<void>(spec_from_json(cut, "spec.json")); }),
              HasSubstr("spec.json"));
}

TEST(Nonce, IsRepeatableBySeedAndFreshWithout) {
  EXPECT_EQ(make_nonce(7), make_nonce(7));
  EXPECT_NE(make_nonce(7), make_nonce(8));
  EXPECT_NE(make_nonce({}), make_nonce({}));
  EXPECT_THAT(make_nonce({}), ::testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(key_of_nonce("00000000000000ff0123456789abcdef"), 255U);
  EXPECT_EQ(seed_of_nonce("000000000000000000000000000000ff"), 255);
}

}  // namespace
}  // namespace assay::harness
