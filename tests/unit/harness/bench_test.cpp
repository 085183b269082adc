// `assay bench`: Google Benchmark's flags and formats on the sampler's figures.
#include "harness/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "fake_workloads.h"
#include "harness/bench_host.h"

namespace assay::harness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Bench {
  std::string text;
  std::string trouble;
};

Bench bench(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"--benchmark_min_time=0.02", "--benchmark_min_warmup_time=0.01"});
  BenchOptions options;
  options.restart_for_binding = false;
  options.seed = 1;
  Bench done;
  const std::optional<Error> trouble = run_bench(
      flags, options, [&](const std::string& text) { done.text += text; }, test::fake_catalogue);
  if (trouble) done.trouble = trouble->line();
  return done;
}

TEST(Bench, ConsoleHasOurNamesAndNothingOfTheLibrarys) {
  const Bench done = bench({"--benchmark_filter=fake/good"});
  EXPECT_EQ(done.trouble, "");
  EXPECT_THAT(done.text, HasSubstr("fake/good/n1/fp32 "));
  EXPECT_THAT(done.text, HasSubstr("FLOP/s="));
  EXPECT_THAT(done.text, HasSubstr("bytes/s="));
  for (const char* word : {"manual_time", "iterations:1", "DEBUG", "CPU Time", "CPU\n"}) {
    EXPECT_THAT(done.text, Not(HasSubstr(word)));
  }
}

TEST(Bench, JsonIsTheSamplersFigure) {
  const Bench done = bench({"--benchmark_filter=fake/good", "--benchmark_format=json"});
  const auto json = nlohmann::json::parse(done.text);
  EXPECT_TRUE(json["context"].contains("assay_build_type"));
  EXPECT_FALSE(json["context"].contains("library_build_type"));
  ASSERT_EQ(json["benchmarks"].size(), 1U);
  const auto& run = json["benchmarks"][0];
  EXPECT_EQ(run["name"], "fake/good/n1/fp32");
  EXPECT_FALSE(run.contains("cpu_time"));
  // The busy loop takes 100 us; a loaded machine can only make it longer.
  EXPECT_EQ(run["time_unit"], "ns");
  const double time_ns = run["real_time"];
  EXPECT_GE(time_ns, 99'000.0);
  EXPECT_NEAR(run["FLOP/s"].get<double>(), 1000.0 / (time_ns * 1e-9), 1.0);
  EXPECT_GE(run["iterations"].get<int>(), 5);
}

TEST(Bench, RepetitionsGiveWindowsAndAggregates) {
  const Bench done = bench(
      {"--benchmark_filter=fake/good", "--benchmark_repetitions=3", "--benchmark_format=json"});
  const auto json = nlohmann::json::parse(done.text);
  std::vector<std::string> names;
  for (const auto& run : json["benchmarks"]) names.push_back(run["name"]);
  const std::string base = "fake/good/n1/fp32";
  EXPECT_THAT(names, ::testing::ElementsAre(base, base, base, base + "_mean", base + "_median",
                                            base + "_stddev", base + "_cv"));
}

TEST(Bench, FailuresAreOneLineEachAndTheOthersRun) {
  const Bench done = bench({"--benchmark_filter=fake/(good|wrong|throws)"});
  EXPECT_EQ(done.trouble, "fake/wrong/n1/fp32: invalid: output check failed: output");
  EXPECT_THAT(done.text, HasSubstr("ERROR: failed: broken in two lines\n"));
  EXPECT_THAT(done.text, HasSubstr("ERROR: invalid: output check failed: output\n"));
  EXPECT_THAT(done.text, HasSubstr("FLOP/s="));
}

TEST(Bench, InterruptSkipsTheLaterBodies) {
  const Bench done = bench({"--benchmark_filter=fake/(interrupts|last)/"});
  EXPECT_THAT(done.trouble, HasSubstr("fake/interrupts/n1/fp32: interrupted"));
  EXPECT_THAT(done.text, HasSubstr("fake/interrupts/n1/fp32"));
  EXPECT_THAT(done.text, HasSubstr("ERROR: interrupted: interrupted before its output"));
  EXPECT_THAT(done.text, HasSubstr("ERROR: interrupted: interrupted before it began"));
}

TEST(Bench, ListsNamesWithoutSuffixes) {
  const Bench done = bench({"--benchmark_list_tests", "--benchmark_filter=-^fake/"});
  EXPECT_EQ(done.text, "gemm/square/n1/fp32\nstream/triad/n1/fp32\n");
  const Bench json =
      bench({"--benchmark_list_tests", "--benchmark_filter=-^fake/", "--benchmark_format=json"});
  EXPECT_EQ(nlohmann::json::parse(json.text)["benchmarks"],
            nlohmann::json({"gemm/square/n1/fp32", "stream/triad/n1/fp32"}));
}

TEST(Bench, CsvAndOutFile) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("assay-bench-" + std::to_string(getpid()) + ".json");
  const Bench done = bench({"--benchmark_filter=fake/good", "--benchmark_format=csv",
                            "--benchmark_out=" + path.string()});
  EXPECT_THAT(done.text, ::testing::StartsWith("name,iterations,real_time,time_unit"));
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file);
  EXPECT_EQ(json["benchmarks"][0]["name"], "fake/good/n1/fp32");
  std::filesystem::remove(path);
}

TEST(Bench, RefusesBadFlags) {
  for (const char* flag :
       {"--benchmark_filter=nothing-like-this", "--benchmark_min_time=soon",
        "--benchmark_repetitions=0", "--benchmark_format=xml", "--no_such_flag=1", "plain"}) {
    try {
      bench({flag});
      ADD_FAILURE() << flag << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << flag;
    }
  }
}

TEST(HostFlags, AreSortedByReader) {
  const HostFlags flags = parse_host_flags(
      {"--benchmark_min_time=0.25s", "--benchmark_counters_tabular=true", "-benchmark_filter=a"});
  EXPECT_DOUBLE_EQ(flags.min_time_s.value(), 0.25);
  EXPECT_EQ(flags.filter, "a");
  EXPECT_THAT(flags.rest, ::testing::ElementsAre("--benchmark_counters_tabular=true"));
}

}  // namespace
}  // namespace assay::harness
