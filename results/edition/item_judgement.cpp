#include "results/edition/item_judgement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "results/edition/edition.h"

namespace assay {
namespace {

void check_outputs(const ItemRecord& record, std::vector<std::string>& failures) {
  for (const CheckRecord& check : record.checks) {
    // Derived again from error and bound; NaN is never within a bound.
    if (check.passed && check.error <= check.bound) continue;
    failures.push_back(
        fmt::format("check {}: error {:.4g}, bound {:.4g}", check.name, check.error, check.bound));
  }
}

void check_training(const ItemRecord& record, std::vector<std::string>& failures) {
  if (record.kind != "training_step") return;
  if (!record.training) {
    failures.emplace_back("a training step without losses");
    return;
  }
  // A step outside the basket explains and is not scored: too short a run of it is no fault.
  if (record.basket_item.empty() && record.training->losses.size() < kLossGateStepsMin) return;
  for (std::string& failure : loss_gate_failures(*record.training)) {
    failures.push_back("loss gate: " + std::move(failure));
  }
}

/// What is left of a text after "name and value" of one dimension and the joint behind it.
std::optional<std::string_view> without_dimension(std::string_view text,
                                                  const std::string& dimension) {
  if (!text.starts_with(dimension)) return std::nullopt;
  text.remove_prefix(dimension.size());
  if (text.empty()) return text;
  if (text.front() != '_') return std::nullopt;
  return text.substr(1);
}

/// Whether a text is "m2048_n2048_k2048" of that problem, in whatever order.
bool says_problem(std::string_view text, const std::map<std::string, std::int64_t>& problem) {
  for (std::size_t named = 0; named < problem.size(); ++named) {
    std::optional<std::string_view> rest;
    for (const auto& [dimension, value] : problem) {
      if (!rest) rest = without_dimension(text, dimension + std::to_string(value));
    }
    if (!rest) return false;
    text = *rest;
  }
  return text.empty();
}

/// A name is family/operation/problem/precision, so what a reader takes it for is what was counted.
void check_name(const ItemRecord& record, std::vector<std::string>& failures) {
  const std::string ends = "/" + record.precision;
  const std::string_view name = record.workload;
  const std::size_t operation = name.find('/');
  const std::size_t problem = operation == name.npos ? name.npos : name.find('/', operation + 1);
  const bool holds = problem != name.npos && name.substr(0, operation) == record.family &&
                     name.ends_with(ends) && name.size() > problem + ends.size() &&
                     says_problem(name.substr(problem + 1, name.size() - problem - 1 - ends.size()),
                                  record.problem);
  if (!holds) failures.emplace_back("its name says another family, problem or precision");
}

/// A product is the roof that training is compared with, so its FLOPs follow from its problem.
void check_product(const ItemRecord& record, std::vector<std::string>& failures) {
  if (record.family != "gemm") return;
  double flops = 2.0;
  for (const char* side : {"m", "n", "k"}) {
    const auto found = record.problem.find(side);
    if (found == record.problem.end()) {
      failures.push_back(fmt::format("a product without {}", side));
      return;
    }
    flops *= static_cast<double>(found->second);
  }
  if (static_cast<double>(record.flops) != flops) {
    failures.push_back(fmt::format("states {} FLOPs, 2 m n k is {:.0f}", record.flops, flops));
  }
}

bool same_contract(const ItemRecord& one, const ItemRecord& other) {
  return one.kind == other.kind && one.basket_item == other.basket_item &&
         one.problem == other.problem && one.precision == other.precision &&
         one.flops == other.flops && one.bytes == other.bytes && one.tokens == other.tokens;
}

}  // namespace

std::vector<std::string> item_failures(const WorkloadSeries& series) {
  std::vector<std::string> failures;
  for (const ProcessSeries& process : series.processes) {
    const ItemRecord& record = *process.record;
    std::vector<std::string> found;
    if (record.status != "valid") found.push_back(record.status + ": " + record.error);
    // What did not run to its end has no outputs to judge.
    if (record.status == "valid") {
      check_outputs(record, found);
      check_training(record, found);
    }
    if (!same_contract(record, series.record())) {
      found.emplace_back("problem, precision or counts differ from those of the first process");
    }
    check_name(record, found);
    check_product(record, found);
    for (const std::string& failure : found) {
      failures.push_back(fmt::format("process {}: {}", process.process, failure));
    }
  }
  return failures;
}

bool is_converged(const WorkloadSeries& series, const SuiteRecord& suite) {
  return std::all_of(series.processes.begin(), series.processes.end(),
                     [&](const ProcessSeries& process) {
                       if (!process.record->converged || !process.record->steady || !process.within)
                         return false;
                       const double half_width =
                           student_t_quantile(0.975, process.within->degrees) * process.within->u;
                       return half_width <= suite.target_relative &&
                              std::abs(process.drift_relative) <= suite.target_relative;
                     });
}

std::vector<std::string> item_flags(const WorkloadSeries& series, const ItemFigures& figures,
                                    const SuiteRecord& suite) {
  std::vector<std::string> flags;
  if (std::abs(figures.mean_over_median - 1.0) > kMeanOverMedianTolerance) {
    flags.push_back(
        fmt::format("mean {:+.1f} % off the median", 100.0 * (figures.mean_over_median - 1.0)));
  }
  if (std::abs(figures.drift_relative) > suite.target_relative) {
    flags.push_back(
        fmt::format("drift {:+.1f} % of the iteration time over the window, target "
                    "{:.1f} %",
                    100.0 * figures.drift_relative, 100.0 * suite.target_relative));
  }
  if (!figures.converged) flags.emplace_back("not converged");
  if (figures.effective_samples < suite.effective_samples_min) {
    flags.push_back(fmt::format("{:.0f} effective samples, floor {:.0f}", figures.effective_samples,
                                suite.effective_samples_min));
  }
  for (const ProcessSeries& process : series.processes) {
    const TelemetryRecord& telemetry = process.record->telemetry;
    const auto flag_share = [&](const Stated<double>& share, double limit, const char* what) {
      if (!share.has_value() || *share.value <= limit) return;
      flags.push_back(fmt::format("process {}: {:.1f} % of the {}", process.process,
                                  100.0 * *share.value, what));
    };
    flag_share(telemetry.throttled_share, 0.0, "window throttled");
    flag_share(telemetry.steal_share, kStealShareMax, "CPU time taken by the hypervisor");
    flag_share(telemetry.other_load_share, kOtherLoadShareMax, "CPU time used by other processes");
    if (!process.record->steady) {
      flags.push_back(fmt::format("process {}: warm-up not steady", process.process));
    }
    if (!process.within) {
      flags.push_back(fmt::format("process {}: one sample, no uncertainty", process.process));
    }
  }
  return flags;
}

}  // namespace assay
