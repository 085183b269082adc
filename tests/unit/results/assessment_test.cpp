#include "results/edition/assessment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string_view>

#include "base/error.h"
#include "results/edition/assessment_json.h"
#include "results/edition/rate.h"
#include "results/edition/statistics.h"
#include "support/sample_result.h"

namespace assay {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

ResultDocument scored_result(std::int64_t processes = 3) {
  SampleOptions options = sample_options_of(load_basket("tb1-lite"));
  options.processes = processes;
  for (SampleItem& item : options.items) item.samples = 200;
  return sample_result(options);
}

/// A run of the certify suite with every condition met.
ResultDocument certified_result() {
  return certified_sample_result("tb1-lite", "Sample CPU 9000", 1e-4);
}

template <class Edit>
void for_each_item(ResultDocument& result, const std::string& basket_item, const Edit& edit) {
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) {
      if (item.basket_item == basket_item) edit(item);
    }
  }
}

void expect_refused(const ResultDocument& result, ExitCode code, const std::string& says) {
  try {
    (void)assess(result);
    FAIL() << "not refused: " << says;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.line();
    EXPECT_THAT(error.line(), HasSubstr(says));
  }
}

TEST(Assessment, RateIsWorkOverTheWholeWindow) {
  const ResultDocument result = scored_result();
  const Assessment assessment = assess(result);
  const Basket basket = load_basket("tb1-lite");
  ASSERT_EQ(assessment.items.size(), basket.items.size());
  // Derived here another way: seconds that each process needs for one CU, item by item.
  std::vector<double> rates;
  for (const ProcessRecord& process : result.processes) {
    double seconds_per_cu = 0.0;
    for (std::size_t i = 0; i < basket.items.size(); ++i) {
      const ItemRecord& item = process.items[i];
      ASSERT_EQ(item.basket_item, basket.items[i].name);
      const double step_s = static_cast<double>(item.sample_end_ns.back()) * 1e-9 /
                            static_cast<double>(item.sample_end_ns.size());
      seconds_per_cu += 3.6e18 * basket.items[i].share / static_cast<double>(item.flops) * step_s;
    }
    rates.push_back(3600.0 / seconds_per_cu);
  }
  ASSERT_THAT(assessment.process_cu_per_h, SizeIs(3));
  for (std::size_t p = 0; p < 3; ++p) {
    EXPECT_NEAR(assessment.process_cu_per_h[p] / rates[p], 1.0, 1e-12);
  }
  EXPECT_NEAR(*assessment.k_cu_per_h.value / mean(rates), 1.0, 1e-12);
  EXPECT_NEAR(*assessment.k_cu_per_h.value, 1e-4, 2e-6);
  EXPECT_EQ(assessment.k_sum_cu_per_h.value, assessment.k_cu_per_h.value);
  EXPECT_THAT(assessment.eta.reason, HasSubstr("one device"));
  EXPECT_LT(*assessment.k_cu_per_h.value, *assessment.geometric_mean_pflops.value * (1.0 + 1e-9));
}

TEST(Assessment, StalledSecondsCount) {
  // 30 % of the steps at 0.6 of the clock: the median does not see them, the rate must.
  ResultDocument result = scored_result();
  const double before = *assess(result).k_cu_per_h.value;
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) {
      std::int64_t extra = 0;
      std::int64_t previous = 0;
      for (std::size_t i = 0; i < item.sample_end_ns.size(); ++i) {
        const std::int64_t duration = item.sample_end_ns[i] - previous;
        previous = item.sample_end_ns[i];
        if (i % 10 < 3) extra += duration * 2 / 3;
        item.sample_end_ns[i] += extra;
      }
    }
  }
  const Assessment slowed = assess(result);
  EXPECT_NEAR(*slowed.k_cu_per_h.value / before, 1.0 / 1.2, 0.005);
  EXPECT_GT(slowed.items[0].mean_over_median, 1.1);
  EXPECT_THAT(slowed.audit_flags, Contains(HasSubstr("off the median")));
}

TEST(Assessment, BudgetAddsUp) {
  const Assessment assessment = assess(scored_result());
  ASSERT_THAT(assessment.budget, SizeIs(4));
  double squares = 0.0;
  for (const BudgetLine& line : assessment.budget) squares += line.u_cu_per_h * line.u_cu_per_h;
  const double combined = *assessment.u_c_cu_per_h.value;
  EXPECT_NEAR(combined / std::sqrt(squares), 1.0, 1e-12);
  // Between: processes differ by −1 %, 0, +1 % in time, s/√3 of it.
  const BudgetLine& between = assessment.budget[1];
  EXPECT_EQ(between.name, "between processes");
  EXPECT_NEAR(between.u_cu_per_h, standard_deviation(assessment.process_cu_per_h) / std::sqrt(3.0),
              1e-18);
  EXPECT_EQ(between.degrees_of_freedom.value, 2.0);
  // Within: each of 3 processes has 5 items of 200 independent samples of 1 %; with shares c_i
  // 1 % · √Σc² / √600, as found by blocks.
  const double expected =
      1e-4 * 0.01 * std::sqrt(0.01 + 0.04 + 0.09 + 0.0625 + 0.0225) / std::sqrt(200.0 * 3.0);
  EXPECT_NEAR(assessment.budget[0].u_cu_per_h / expected, 1.0, 0.4);
  // Timer: nanoseconds in a second.
  EXPECT_GT(assessment.budget[2].u_cu_per_h, 0.0);
  EXPECT_LT(assessment.budget[2].u_cu_per_h, 1e-6 * combined);
  EXPECT_FALSE(assessment.budget[2].degrees_of_freedom.has_value());
  // Nobody calibrated the clock: listed, with its reason, as 0.
  EXPECT_EQ(assessment.budget[3].u_cu_per_h, 0.0);
  EXPECT_THAT(assessment.budget[3].source, HasSubstr("no external reference"));

  const double nu = *assessment.nu_eff.value;
  EXPECT_GE(nu, 2.0);
  EXPECT_NEAR(*assessment.coverage_factor.value, student_t_quantile(0.975, nu), 1e-12);
  EXPECT_NEAR(*assessment.expanded_cu_per_h.value, *assessment.coverage_factor.value * combined,
              1e-18);
  EXPECT_NEAR(*assessment.k_cert_cu_per_h.value,
              *assessment.k_cu_per_h.value - student_t_quantile(0.95, nu) * combined, 1e-18);
}

TEST(Assessment, CalibratedClockEntersTheBudget) {
  ResultDocument result = scored_result();
  result.timer.rate_error_relative = Stated<double>::known(-0.003);
  const Assessment assessment = assess(result);
  EXPECT_NEAR(assessment.budget[3].u_cu_per_h,
              *assessment.k_cu_per_h.value * 0.003 / std::sqrt(3.0), 1e-18);
}

TEST(Assessment, FewLuckyProcessesDoNotHideTheNoise) {
  // Equal processes: no spread at all, but the noise within them still stands.
  ResultDocument result = scored_result(2);
  result.processes[1].items = result.processes[0].items;
  const Assessment assessment = assess(result);
  EXPECT_EQ(assessment.budget[1].u_cu_per_h, 0.0);
  EXPECT_GT(*assessment.u_c_cu_per_h.value, 0.0);
  EXPECT_LT(*assessment.k_cert_cu_per_h.value, *assessment.k_cu_per_h.value);
}

TEST(Assessment, CoversTheTruth) {
  // 400 laboratories, each with 5 processes that differ by 0.5 %: in some 95 % of them the truth
  // lies in K ± U; keeping both lines of the budget makes it a little more.
  const Basket basket = load_basket("tb1-lite");
  SampleOptions options = sample_options_of(basket);
  options.processes = 5;
  options.items.pop_back();
  ResultDocument result = sample_result(options);
  int covered = 0;
  constexpr int kTrials = 400;
  std::uint64_t state = 1;
  const auto uniform = [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1.0p-53;
  };
  const auto normal = [&uniform] {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  };
  for (int trial = 0; trial < kTrials; ++trial) {
    for (ProcessRecord& process : result.processes) {
      const double pace = 1.0 + 0.005 * normal();
      for (ItemRecord& item : process.items) {
        const double step_ns = static_cast<double>(item.flops) / 1e11 * 1e9 / pace;
        item.sample_end_ns.assign(60, 0);
        std::int64_t end = 0;
        for (std::int64_t& sample : item.sample_end_ns) {
          end += std::llround(step_ns * (1.0 + 0.02 * normal()));
          sample = end;
        }
      }
    }
    const std::vector<WorkloadSeries> series = collect_series(result);
    std::vector<ScoredItem> scored;
    for (std::size_t i = 0; i < series.size(); ++i) {
      scored.push_back({basket.items[i].share, &series[i]});
    }
    Assessment assessment;
    rate_device(scored, result.processes.size(), result.timer, assessment);
    ASSERT_TRUE(assessment.expanded_cu_per_h.has_value());
    covered += std::abs(*assessment.k_cu_per_h.value - 1e-4) <= *assessment.expanded_cu_per_h.value
                   ? 1
                   : 0;
  }
  EXPECT_GE(covered, kTrials * 93 / 100);
  EXPECT_LE(covered, kTrials * 99 / 100);
}

TEST(Assessment, OneProcessHasNoCertifiedRate) {
  const Assessment assessment = assess(scored_result(1));
  EXPECT_TRUE(assessment.k_cu_per_h.has_value());
  EXPECT_FALSE(assessment.k_cert_cu_per_h.has_value());
  EXPECT_THAT(assessment.k_cert_cu_per_h.reason, HasSubstr("one process"));
  EXPECT_FALSE(assessment.u_c_cu_per_h.has_value());
  EXPECT_THAT(assessment.shortfalls, Contains(HasSubstr("no certified rate")));
}

TEST(Assessment, OneSampleHasNoUncertainty) {
  ResultDocument result = scored_result();
  for_each_item(result, "moe-slice-lite", [](ItemRecord& item) { item.sample_end_ns.resize(1); });
  const Assessment assessment = assess(result);
  EXPECT_TRUE(assessment.k_cu_per_h.has_value());
  EXPECT_THAT(assessment.u_c_cu_per_h.reason, HasSubstr("moe-slice-lite"));
}

TEST(Assessment, MissingItemLeavesNoRate) {
  ResultDocument result = scored_result();
  for (ProcessRecord& process : result.processes) process.items.erase(process.items.begin() + 1);
  const Assessment assessment = assess(result);
  EXPECT_FALSE(assessment.k_cu_per_h.has_value());
  EXPECT_THAT(assessment.k_cu_per_h.reason, HasSubstr("llama-1b-lite was not measured"));
  EXPECT_THAT(assessment.process_cu_per_h, IsEmpty());
  EXPECT_EQ(assessment.grade, "indicative");

  result = scored_result();
  result.processes[2].items.erase(result.processes[2].items.begin());
  EXPECT_THAT(assess(result).k_cu_per_h.reason, HasSubstr("gpt2-lite was measured in 2 of 3"));
  result.basket.reset();
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) item.basket_item.clear();
  }
  EXPECT_THAT(assess(result).k_cu_per_h.reason, HasSubstr("no basket"));
}

TEST(Assessment, GradeFollowsFromWhatWasRun) {
  const Assessment certified = assess(certified_result());
  EXPECT_EQ(certified.grade, "certified");
  EXPECT_THAT(certified.shortfalls, IsEmpty());

  const auto expect_shortfall = [](const char* says, auto&& edit) {
    ResultDocument result = certified_result();
    edit(result);
    const Assessment assessment = assess(result);
    EXPECT_EQ(assessment.grade, "indicative") << says;
    EXPECT_THAT(assessment.shortfalls, Contains(HasSubstr(says)));
  };
  expect_shortfall("suite standard", [](auto& result) { result.suite.name = "standard"; });
  expect_shortfall("stops early", [](auto& result) { result.suite.fixed_time = false; });
  expect_shortfall("only workloads", [](auto& result) { result.suite.filter = "lite"; });
  expect_shortfall("4 fresh processes", [](auto& result) { result.processes.pop_back(); });
  expect_shortfall("uncommitted", [](auto& result) { result.tool.dirty = true; });
  expect_shortfall("commit is not known", [](auto& result) {
    result.tool.commit = Stated<std::string>::missing("no repository");
  });
  expect_shortfall("not calibrated", [](auto& result) {
    result.timer.rate_error_relative = Stated<double>::missing("no reference");
  });
  expect_shortfall("process 0 loaded the device", [](auto& result) {
    for (ItemRecord& item : result.processes[0].items) item.warm_up_ns = 60'000'000'000;
  });
  expect_shortfall("process 3 loaded the device", [](auto& result) {
    for (ItemRecord& item : result.processes[3].items) item.warm_up_ns = 1'000'000'000;
  });
  expect_shortfall("gpt2-lite did not converge", [](auto& result) {
    for_each_item(result, "gpt2-lite", [](ItemRecord& item) { item.converged = false; });
  });
  expect_shortfall("effective samples, floor",
                   [](auto& result) { result.suite.effective_samples_min = 201.0; });
  expect_shortfall("2 devices", [](auto& result) { result.device_count = 2; });
  // The suite's own word for its rules does not lower those of the grade.
  expect_shortfall("asks for 59 effective samples, not 60",
                   [](auto& result) { result.suite.effective_samples_min = 59.0; });
  expect_shortfall("within 1 % in this suite, not 0.5 %",
                   [](auto& result) { result.suite.target_relative = 0.01; });
  expect_shortfall("a slope of 1 % in this suite, not 0.5 %",
                   [](auto& result) { result.suite.warm_up_slope_max = 0.01; });
}

TEST(Assessment, ConvergenceIsDerivedAgain) {
  // Recorded as converged, but the samples say otherwise.
  ResultDocument result = scored_result();
  result.suite.target_relative = 0.0005;
  const Assessment assessment = assess(result);
  for (const ItemFigures& item : assessment.items) EXPECT_FALSE(item.converged);
  EXPECT_TRUE(assess(scored_result()).items[0].converged);
}

TEST(Assessment, DriftIsFlagged) {
  SampleOptions options = sample_options_of(load_basket("tb1-lite"));
  options.items[2].drift_relative = 0.06;
  const Assessment assessment = assess(sample_result(options));
  EXPECT_NEAR(assessment.items[2].drift_relative, 0.06, 0.01);
  EXPECT_FALSE(assessment.items[2].converged);
  EXPECT_THAT(assessment.audit_flags, Contains(HasSubstr("llama-8b-slice-lite: drift +")));
  EXPECT_TRUE(assessment.items[1].converged);
}

TEST(Assessment, FlagsWhatTheTelemetrySaw) {
  ResultDocument result = scored_result();
  result.processes[1].items[0].telemetry.throttled_share = Stated<double>::known(0.2);
  result.processes[2].items[0].telemetry.steal_share = Stated<double>::known(0.05);
  result.processes[0].items[3].telemetry.other_load_share = Stated<double>::known(0.5);
  result.processes[0].items[4].steady = false;
  const auto flags = assess(result).audit_flags;
  EXPECT_THAT(flags, Contains(HasSubstr("process 1: 20.0 % of the window throttled")));
  EXPECT_THAT(flags, Contains(HasSubstr("taken by the hypervisor")));
  EXPECT_THAT(flags, Contains(HasSubstr("used by other processes")));
  EXPECT_THAT(flags, Contains(HasSubstr("warm-up not steady")));
  EXPECT_THAT(assess(scored_result()).audit_flags, IsEmpty());
}

TEST(Assessment, RefusesWhatMayNotBeCertified) {
  ResultDocument result = scored_result();
  result.complete = false;
  result.incomplete_reason = "interrupted";
  expect_refused(result, ExitCode::failed_check, "interrupted");

  for (const char* status : {"invalid", "failed", "interrupted"}) {
    result = scored_result();
    result.processes[1].items[2].status = status;
    result.processes[1].items[2].error = "row 3 differs";
    expect_refused(result, ExitCode::failed_check, "row 3 differs");
    expect_refused(result, ExitCode::failed_check, "llama-8b-slice-lite");
    // The same in a table while measuring: shown, and no rate made of it.
    const Assessment shown = derive_figures(result);
    EXPECT_THAT(shown.items[2].failures, Contains(HasSubstr("row 3 differs")));
    EXPECT_FALSE(shown.k_cu_per_h.has_value());
  }
  result = scored_result();
  result.processes[2].items.back().checks[0].error = 1.0;
  expect_refused(result, ExitCode::failed_check, "check output");
  result.processes[2].items.back().checks[0].error = std::nan("");
  expect_refused(result, ExitCode::failed_check, "check output");
  result = scored_result();
  for (double& loss : result.processes[0].items[1].training->losses) loss = 8.0;
  expect_refused(result, ExitCode::failed_check, "loss gate");
}

TEST(Assessment, TheBasketSaysWhatAStepIs) {
  ResultDocument result = scored_result();
  for_each_item(result, "gpt2-lite", [](ItemRecord& item) { item.flops *= 2; });
  expect_refused(result, ExitCode::failed_check, "the basket says");
  result = scored_result();
  for_each_item(result, "gpt2-lite", [](ItemRecord& item) { item.tokens *= 2; });
  expect_refused(result, ExitCode::failed_check, "tokens a step");
  const auto renamed = [](const char* from, const char* to) {
    return [=](ItemRecord& item) {
      item.workload.replace(item.workload.find(from), std::string_view(from).size(), to);
    };
  };
  result = scored_result();
  for_each_item(result, "gpt2-lite", renamed("gpt2-lite", "bogus"));
  expect_refused(result, ExitCode::failed_check, "is not the step of gpt2-lite");
  result = scored_result();
  for_each_item(result, "gpt2-lite", renamed("sequence256", "sequence512"));
  expect_refused(result, ExitCode::failed_check, "its name says another");
  result = scored_result();
  for_each_item(result, "gpt2-lite", [&](ItemRecord& item) {
    renamed("batch1", "batch2")(item);
    item.problem["batch"] = 2;
  });
  expect_refused(result, ExitCode::failed_check, "512 tokens in sequences of 256");
  result = scored_result();
  for_each_item(result, "gpt2-lite", [&](ItemRecord& item) {
    renamed("fp32", "int8")(item);
    item.precision = "int8";
  });
  expect_refused(result, ExitCode::failed_check, "ran in int8, the basket says bf16_or_fp32");
  result = scored_result();
  result.processes[1].items[0].bytes += 1;
  expect_refused(result, ExitCode::failed_check, "differ from those of the first process");
}

TEST(Assessment, AProductsFlopsFollowFromItsProblem) {
  // Products are the roof behind the MFU, so what they count is not the document's to say.
  const auto edited = [](const std::function<void(ItemRecord&)>& edit) {
    ResultDocument result = scored_result();
    for (ProcessRecord& process : result.processes) edit(process.items.back());
    return result;
  };
  expect_refused(edited([](ItemRecord& item) { item.flops *= 2; }), ExitCode::failed_check,
                 "2 m n k is 268435456");
  expect_refused(edited([](ItemRecord& item) {
                   item.problem.erase("k");
                   item.workload = "gemm/square/m512_n512/fp32";
                 }),
                 ExitCode::failed_check, "a product without k");
  for (const char* name :
       {"gemm/square/m512_n512_k1024/fp32", "gemm/square/m512_n512/fp32",
        "gemm/square/m512_n512_k512_k512/fp32", "attention/square/m512_n512_k512/fp32",
        "gemm/square/m512_n512_k512/bf16", "gemm/square/m512_n512_k512", "gemm/fp32"}) {
    expect_refused(edited([&](ItemRecord& item) { item.workload = name; }), ExitCode::failed_check,
                   "its name says another");
  }
  // The order of the dimensions is not the map's.
  (void)assess(edited([](ItemRecord& item) { item.workload = "gemm/square/m512_n512_k512/fp32"; }));
  (void)assess(edited([](ItemRecord& item) { item.workload = "gemm/square/k512_m512_n512/fp32"; }));
}

TEST(Assessment, RefusesWhatCannotBeAssessed) {
  ResultDocument result = scored_result();
  result.edition = "2019.1";
  expect_refused(result, ExitCode::usage, "2019.1");
  result = scored_result();
  result.processes.clear();
  expect_refused(result, ExitCode::usage, "no process");
  result = scored_result();
  result.processes[0].items[0].sample_end_ns.clear();
  expect_refused(result, ExitCode::usage, "no samples");
  result = scored_result();
  std::swap(result.processes[0].items[0].sample_end_ns[3],
            result.processes[0].items[0].sample_end_ns[4]);
  expect_refused(result, ExitCode::usage, "ascend");
  result = scored_result();
  result.basket->digest = std::string(64, '0');
  expect_refused(result, ExitCode::usage, "digest");
  result = scored_result();
  result.processes[0].items[1] = result.processes[0].items[0];
  expect_refused(result, ExitCode::usage, "twice");
  result = scored_result();
  for_each_item(result, "gpt2-lite", [](ItemRecord& item) { item.basket_item = "gpt9"; });
  expect_refused(result, ExitCode::usage, "gpt9");
}

TEST(Assessment, UtilisationOfACpuIsOfItsOwnBestProduct) {
  const Assessment assessment = assess(scored_result());
  EXPECT_THAT(assessment.mfu.nominal.reason, HasSubstr("CPU"));
  ASSERT_THAT(assessment.kernels, SizeIs(1));
  EXPECT_NEAR(*assessment.mfu.measured.value,
              *assessment.k_cu_per_h.value / assessment.kernels[0].pflops, 1e-15);
  // A product in another precision is no roof.
  SampleOptions options = sample_options_of(load_basket("tb1-lite"));
  options.items.back() = in_precision(options.items.back(), "bf16");
  EXPECT_THAT(assess(sample_result(options)).mfu.measured.reason, HasSubstr("fp32"));
}

/// The same samples as if an accelerator had made them.
ResultDocument on_accelerator(double pflops, double clock_mhz) {
  SampleOptions options = sample_options_of(load_basket("tb1-lite"), pflops);
  for (SampleItem& item : options.items) {
    item = in_precision(item, "bf16");
    item.noise_relative = 1e-4;
    item.process_iteration_s.resize(1);
  }
  options.items.pop_back();
  ResultDocument result = sample_result(options);
  result.device.backend = "cuda";
  result.device.id = "cuda:0";
  result.device.name = "NVIDIA H100 80GB HBM3";
  result.device.units = 132;
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) {
      item.telemetry.clock_mhz_median = Stated<double>::known(clock_mhz);
    }
  }
  return result;
}

TEST(Assessment, UtilisationOfAnAcceleratorIsOfThePrintedPeak) {
  const Assessment assessment = assess(on_accelerator(0.4, 1700.0));
  EXPECT_NEAR(*assessment.mfu.nominal.value, 400.0 / 989.4, 1e-3);
  EXPECT_NEAR(*assessment.mfu.clock_adjusted.value, 400.0 / (132 * 1700.0 * 4096 * 1e-6), 1e-3);
  EXPECT_GT(*assessment.mfu.palm_nominal.value, *assessment.mfu.nominal.value);
  EXPECT_THAT(assessment.shortfalls, Not(Contains(HasSubstr("implausible"))));

  ResultDocument partition = on_accelerator(0.1, 1700.0);
  partition.device.units = 66;
  EXPECT_THAT(assess(partition).mfu.nominal.reason, HasSubstr("partition"));
  partition.device.name = "NVIDIA H1000";
  EXPECT_THAT(assess(partition).mfu.nominal.reason, HasSubstr("not in the table"));
}

TEST(Assessment, MoreThanThePeakIsImplausible) {
  // Over the printed peak at boost: printed with its reason. Over what the clock allows: a failure.
  const Assessment boosted = assess(on_accelerator(1.02, 1980.0));
  EXPECT_THAT(boosted.audit_flags, Contains(HasSubstr("boost")));
  EXPECT_THAT(boosted.shortfalls, Not(Contains(HasSubstr("implausible"))));
  const Assessment impossible = assess(on_accelerator(1.02, 1700.0));
  EXPECT_THAT(impossible.shortfalls, Contains(HasSubstr("implausible")));
  const Assessment wild = assess(on_accelerator(1.5, 1980.0));
  EXPECT_THAT(wild.audit_flags, Contains(HasSubstr("implausible")));
}

TEST(Assessment, PowerIsWeightedByTheTimeOfTheBundle) {
  ResultDocument result = scored_result();
  EXPECT_FALSE(assess(result).power_w.has_value());
  double watts = 100.0;
  for (const BasketItem& item : load_basket("tb1-lite").items) {
    for_each_item(result, item.name, [&](ItemRecord& record) {
      record.telemetry.power_w = Stated<double>::known(watts);
      record.telemetry.energy_j =
          Stated<double>::known(watts * static_cast<double>(record.sample_end_ns.back()) * 1e-9);
    });
    watts += 50.0;
  }
  const Assessment assessment = assess(result);
  double energy = 0.0;
  double time = 0.0;
  for (const ItemFigures& item : assessment.items) {
    time += item.share / item.pflops;
    energy += *item.power_w.value * item.share / item.pflops;
    EXPECT_NEAR(*item.energy_j_per_iteration.value,
                *item.power_w.value * static_cast<double>(item.flops) / item.pflops * 1e-15,
                0.001 * *item.energy_j_per_iteration.value);
  }
  EXPECT_NEAR(*assessment.power_w.value, energy / time, 1e-9);
  EXPECT_NEAR(*assessment.energy_j_per_cu.value,
              *assessment.power_w.value * 3600.0 / *assessment.k_cu_per_h.value, 1e-3);
}

TEST(Assessment, KernelsGoByTheMedian) {
  ResultDocument result = scored_result();
  ItemRecord& kernel = result.processes[0].items.back();
  // One stall of a second moves the mean and not the median.
  for (std::size_t i = 30; i < kernel.sample_end_ns.size(); ++i) {
    kernel.sample_end_ns[i] += 1'000'000'000;
  }
  const Assessment assessment = assess(result);
  const ItemFigures& figures = assessment.kernels[0];
  EXPECT_NEAR(figures.process_pflops[0] / figures.process_pflops[1], 1.0, 0.01);
  EXPECT_NEAR(figures.pflops * 1e15, 268435456.0 / 0.0020, 0.01 * figures.pflops * 1e15);
  EXPECT_NEAR(*figures.gigabytes_per_s.value, 3145728.0 / 0.0020 * 1e-9, 0.02);
  EXPECT_GT(figures.mean_over_median, 1.5);
}

TEST(Assessment, SameResultSameBits) {
  const ResultDocument result = scored_result();
  EXPECT_EQ(to_json(assess(result)).dump(), to_json(assess(result)).dump());
}

TEST(Assessment, JsonBringsEverythingBack) {
  const Assessment assessment = assess(scored_result());
  const nlohmann::json json = to_json(assessment);
  EXPECT_EQ(to_json(assessment_from_json(json)), json);
  EXPECT_EQ(assessment_from_json(json).k_cu_per_h.value, assessment.k_cu_per_h.value);
  EXPECT_EQ(assessment_from_json(json).items.size(), 5U);
}

}  // namespace
}  // namespace assay
