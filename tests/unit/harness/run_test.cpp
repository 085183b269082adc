// Whole runs over fresh processes: this program is its own child, with fake workloads.
#include "harness/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>

#include "base/error.h"
#include "fake_workloads.h"
#include "harness/clock.h"
#include "harness/run_progress.h"
#include "results/result_io.h"

namespace assay::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ResultDocument run(const std::string& filter, std::int64_t processes = 1) {
  RunOptions options;
  options.choices.filter = filter;
  options.choices.processes = processes;
  options.choices.item_seconds = 0.05;
  options.seed = 3;
  return run_suite(options, test::fake_catalogue);
}

/// The document can be written and read.
void expect_sound(const ResultDocument& result) {
  const nlohmann::json json = to_json(result);
  EXPECT_EQ(to_json(result_from_json(json)), json);
}

const ItemRecord& item_of(const ProcessRecord& process, const std::string& operation) {
  for (const ItemRecord& item : process.items) {
    if (item.workload.find("/" + operation + "/") != std::string::npos) return item;
  }
  throw std::out_of_range(operation);
}

TEST(Run, MeasuresInFreshProcesses) {
  const ResultDocument result = run("item|square", 2);
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.suite.name, "custom");
  ASSERT_TRUE(result.basket.has_value());
  EXPECT_EQ(result.basket->name, "tb1-lite");
  EXPECT_EQ(result.seed, 3);
  ASSERT_EQ(result.processes.size(), 2U);
  for (const ProcessRecord& process : result.processes) {
    ASSERT_EQ(process.items.size(), 3U);
    const ItemRecord& step = item_of(process, "step_a");
    EXPECT_EQ(step.status, "valid") << step.error;
    EXPECT_EQ(step.kind, "training_step");
    EXPECT_EQ(step.basket_item, "item-a");
    EXPECT_EQ(step.notes.at("algorithm"), "busy loop");
    EXPECT_GE(step.sample_end_ns.size(), 10U);
    // Losses begin at initialisation, with the warm-up.
    ASSERT_TRUE(step.training.has_value());
    EXPECT_NEAR(step.training->losses.front(), std::log(64.0), 1e-12);
    EXPECT_EQ(static_cast<std::int64_t>(step.training->losses.size()),
              step.warm_up_iterations +
                  step.batch * static_cast<std::int64_t>(step.sample_end_ns.size()));
    EXPECT_FALSE(item_of(process, "square").training.has_value());
  }
  EXPECT_EQ(result.conditions.at("omp_proc_bind").value, "close");
  expect_sound(result);
}

TEST(Run, OneFailureLeavesTheOthers) {
  const ResultDocument result = run("good|wrong|throws");
  EXPECT_TRUE(result.complete);
  const ProcessRecord& process = result.processes.front();
  EXPECT_EQ(item_of(process, "good").status, "valid");
  EXPECT_EQ(item_of(process, "wrong").status, "invalid");
  EXPECT_FALSE(item_of(process, "wrong").checks.front().passed);
  EXPECT_EQ(item_of(process, "throws").status, "failed");
  EXPECT_EQ(item_of(process, "throws").error, "broken in two lines");
  expect_sound(result);
}

TEST(Run, CrashedProcessSaysSoAndKeepsWhatItHad) {
  const ResultDocument result = run("fake/(good|crashes|interrupts/)", 2);
  EXPECT_FALSE(result.complete);
  EXPECT_THAT(result.incomplete_reason, HasSubstr("process 1 of 2 ended with signal 9"));
  EXPECT_THAT(result.incomplete_reason, HasSubstr("fake/crashes"));
  ASSERT_EQ(result.processes.size(), 1U);
  const ProcessRecord& process = result.processes.front();
  EXPECT_EQ(item_of(process, "good").status, "valid");
  EXPECT_EQ(item_of(process, "crashes").status, "failed");
  EXPECT_THAT(item_of(process, "crashes").error, HasSubstr("signal 9"));
  EXPECT_THAT(item_of(process, "interrupts").error, HasSubstr("not run"));
  expect_sound(result);
}

TEST(Run, InterruptLeavesAPartialResult) {
  const ResultDocument result = run("fake/(interrupts_parent)|item", 3);
  EXPECT_FALSE(result.complete);
  EXPECT_THAT(result.incomplete_reason, HasSubstr("interrupted in process 1 of 3"));
  ASSERT_EQ(result.processes.size(), 1U);
  const ProcessRecord& process = result.processes.front();
  EXPECT_EQ(item_of(process, "step_a").status, "valid");
  const ItemRecord& hit = item_of(process, "interrupts_parent");
  EXPECT_EQ(hit.status, "interrupted");
  EXPECT_EQ(hit.stop_reason, "interrupted");
  expect_sound(result);
}

TEST(Run, WhatABudgetLeavesOutIsNamed) {
  RunOptions options;
  options.choices.filter = "good|square|last";
  options.choices.processes = 1;
  options.choices.item_seconds = 0.1;
  options.choices.budget_seconds = 0.05;
  const ResultDocument result = run_suite(options, test::fake_catalogue);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.incomplete_reason, "process 1 of 1 did not come to 2 of its 3 workloads");
  ASSERT_EQ(result.processes.front().items.size(), 3U);
  EXPECT_EQ(item_of(result.processes.front(), "square").status, "valid");
  EXPECT_EQ(item_of(result.processes.front(), "last").error,
            "not run: the budget of 0.05 s was used up");
  expect_sound(result);
}

TEST(Run, SecondInterruptEndsAProcessThatDoesNotStop) {
  const auto begin = std::chrono::steady_clock::now();
  const ResultDocument result = run("fake/hangs", 2);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.processes.front().items.front().status, "interrupted");
  expect_sound(result);
}

TEST(Run, RefusesSeedsAndSuitesThatDoNotExist) {
  RunOptions options;
  options.seed = -1;
  EXPECT_THROW(static_cast<void>(run_suite(options, test::fake_catalogue)), Error);
  options.seed.reset();
  options.suite = "quickest";
  EXPECT_THROW(static_cast<void>(run_suite(options, test::fake_catalogue)), Error);
}

TEST(Run, WhatKeepsItFromBeingCertifiedIsKnownBefore) {
  const auto suite = [](const std::string& name) {
    RunOptions options;
    options.suite = name;
    return options;
  };
  EXPECT_TRUE(foreseen_shortfalls(suite("quick")).empty());
  const bool is_disciplined = read_reference().is_disciplined;
  const auto foreseen = foreseen_shortfalls(suite("certify"));
  const auto of_clock = [](const std::string& line) {
    return line.starts_with("the clock's rate");
  };
  EXPECT_EQ(std::ranges::any_of(foreseen, of_clock), !is_disciplined);
}

TEST(Run, UserSettingsOfThreadsStand) {
  const Device device = cpu_device();
  unsetenv("OMP_PLACES");
  EXPECT_EQ(thread_settings(device).at("OMP_PLACES"), "cores");
  setenv("OMP_PLACES", "threads", 1);
  EXPECT_FALSE(thread_settings(device).contains("OMP_PLACES"));
  unsetenv("OMP_PLACES");
}

TEST(RunProgress, CountsPlannedTimeAndCorrectsItByExperience) {
  Plan plan;
  PlannedItem item;
  item.workload = "a/b/c/d";
  item.options.item_seconds = 9.0;
  item.options.warm_up_min_s = 0.6;
  ASSERT_DOUBLE_EQ(expected_seconds(item), 10.0);
  plan.processes = {{0, 1, {item, item}}, {1, 1, {item, item}}};
  std::int64_t now = 0;
  std::string drawn;
  {
    RunProgress progress(
        plan, [&](const std::string& text) { drawn += text; }, [&] { return now; });
    progress.begin_process(0);
    EXPECT_DOUBLE_EQ(progress.seconds_left(), 40.0);
    progress.line("begin 0");
    EXPECT_EQ(progress.running(), "a/b/c/d");
    now += 5'000'000'000;
    EXPECT_DOUBLE_EQ(progress.done(), 0.125);
    progress.line("end 0");  // took half of what was planned
    EXPECT_FALSE(progress.running().has_value());
    EXPECT_DOUBLE_EQ(progress.done(), 0.25);
    EXPECT_DOUBLE_EQ(progress.seconds_left(), 15.0);
    progress.line("begin 9");  // nonsense is ignored
    progress.line("");
    progress.draw();
    EXPECT_THAT(drawn, HasSubstr("25 %"));
    EXPECT_THAT(drawn, HasSubstr("0:15 left"));
  }
  EXPECT_THAT(drawn, ::testing::EndsWith("\r\x1b[K"));
}

}  // namespace
}  // namespace assay::harness

int main(int argc, char** argv) {
  if (argc == 6 && std::string(argv[1]) == "measure-process") {
    assay::harness::measure_process(argv[3], argv[5], assay::harness::test::fake_catalogue,
                                    assay::harness::test::fake_devices);
    return 0;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
