#include "results/edition/grade.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "results/edition/edition.h"

namespace assay {
namespace {

/// Seconds that a process kept the device at work.
double loaded_s(const ProcessRecord& process) {
  double loaded = 0.0;
  for (const ItemRecord& item : process.items) {
    loaded += static_cast<double>(item.warm_up_ns) * 1e-9;
    if (!item.sample_end_ns.empty()) {
      loaded += static_cast<double>(item.sample_end_ns.back()) * 1e-9;
    }
  }
  return loaded;
}

/// The rules that the run was measured by are the document's word; those of the grade are ours.
void check_rules(const SuiteRecord& suite, std::vector<std::string>& shortfalls) {
  if (suite.target_relative > kCertifyTargetRelative) {
    shortfalls.push_back(fmt::format("converged means within {:.2g} % in this suite, not {:.2g} %",
                                     100.0 * suite.target_relative,
                                     100.0 * kCertifyTargetRelative));
  }
  if (suite.effective_samples_min < kCertifyEffectiveSamplesMin) {
    shortfalls.push_back(fmt::format("the suite asks for {:g} effective samples, not {:g}",
                                     suite.effective_samples_min, kCertifyEffectiveSamplesMin));
  }
  if (suite.warm_up_slope_max > kCertifyWarmUpSlopeMax) {
    shortfalls.push_back(fmt::format("steady means a slope of {:.2g} % in this suite, not {:.2g} %",
                                     100.0 * suite.warm_up_slope_max,
                                     100.0 * kCertifyWarmUpSlopeMax));
  }
}

void check_suite(const ResultDocument& result, std::vector<std::string>& shortfalls) {
  const SuiteRecord& suite = result.suite;
  if (suite.name != "certify") {
    shortfalls.push_back(fmt::format("suite {}, not certify", suite.name));
  }
  check_rules(suite, shortfalls);
  if (!suite.fixed_time) {
    shortfalls.emplace_back("the suite stops early where its target is reached");
  }
  if (!suite.filter.empty()) {
    shortfalls.push_back(fmt::format("only workloads matching \"{}\" were run", suite.filter));
  }
  const auto processes = static_cast<std::int64_t>(result.processes.size());
  if (processes < kCertifyProcesses) {
    shortfalls.push_back(fmt::format("{} fresh processes, not {}", processes, kCertifyProcesses));
  }
  for (std::size_t process = 0; process < result.processes.size(); ++process) {
    const double needed = process == 0 ? kCertifyFirstLoadedS : kCertifyLaterLoadedS;
    const double loaded = loaded_s(result.processes[process]);
    if (loaded < needed) {
      shortfalls.push_back(fmt::format("process {} loaded the device for {:.0f} s, not {:.0f} s",
                                       process, loaded, needed));
    }
  }
}

void check_provenance(const ResultDocument& result, std::vector<std::string>& shortfalls) {
  if (!result.complete) shortfalls.push_back("incomplete: " + result.incomplete_reason);
  for (std::string& shortfall : provenance_shortfalls(result.tool, result.timer)) {
    shortfalls.push_back(std::move(shortfall));
  }
  if (result.device_count > 1 && result.devices.empty()) {
    shortfalls.push_back(
        fmt::format("{} devices were loaded, and one was rated", result.device_count));
  }
}

}  // namespace

std::vector<std::string> provenance_shortfalls(const ToolRecord& tool, const TimerRecord& timer) {
  std::vector<std::string> shortfalls;
  if (tool.dirty) shortfalls.emplace_back("built from a tree with uncommitted changes");
  if (!tool.commit.has_value()) {
    shortfalls.push_back("the program's commit is not known: " + tool.commit.reason);
  }
  if (!timer.rate_error_relative.has_value()) {
    shortfalls.push_back("the clock's rate is not calibrated: " + timer.rate_error_relative.reason);
  }
  return shortfalls;
}

std::vector<std::string> certification_shortfalls(const ResultDocument& result,
                                                  const Assessment& assessment,
                                                  const PlausibilityReport& plausibility) {
  std::vector<std::string> shortfalls;
  check_suite(result, shortfalls);
  check_provenance(result, shortfalls);
  if (!assessment.k_cert_cu_per_h.has_value()) {
    shortfalls.push_back("no certified rate: " + assessment.k_cert_cu_per_h.reason);
  }
  for (const ItemFigures& item : assessment.items) {
    if (!item.failures.empty()) {
      shortfalls.push_back(fmt::format("{} is invalid: {}", item.basket_item, item.failures[0]));
    }
    if (!item.converged) shortfalls.push_back(item.basket_item + " did not converge");
    if (item.effective_samples < result.suite.effective_samples_min) {
      shortfalls.push_back(fmt::format("{}: {:.0f} effective samples, floor {:.0f}",
                                       item.basket_item, item.effective_samples,
                                       result.suite.effective_samples_min));
    }
  }
  for (const ItemFigures& kernel : assessment.kernels) {
    if (!kernel.failures.empty()) {
      shortfalls.push_back(fmt::format("{} is invalid: {}", kernel.workload, kernel.failures[0]));
    }
  }
  for (const std::string& failed : plausibility.failed) {
    shortfalls.push_back("implausible: " + failed);
  }
  return shortfalls;
}

std::vector<std::string> collect_audit_flags(const Assessment& assessment,
                                             const PlausibilityReport& plausibility) {
  std::vector<std::string> flags;
  const auto take = [&](const std::vector<ItemFigures>& figures) {
    for (const ItemFigures& item : figures) {
      for (const std::string& flag : item.flags) {
        flags.push_back((item.basket_item.empty() ? item.workload : item.basket_item) + ": " +
                        flag);
      }
    }
  };
  take(assessment.items);
  take(assessment.kernels);
  for (const std::string& failed : plausibility.failed) flags.push_back("implausible: " + failed);
  flags.insert(flags.end(), plausibility.explained.begin(), plausibility.explained.end());
  const Stated<double>& measured = assessment.mfu.measured;
  if (measured.has_value() && *measured.value > 1.0) {
    flags.push_back(fmt::format("training runs at {:.2f} of the best product of the same run",
                                *measured.value));
  }
  return flags;
}

}  // namespace assay
