#include "results/edition/rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "results/edition/statistics.h"

namespace assay {
namespace {

/// One process: its rate, and how the items enter it.
struct ProcessRate {
  double cu_per_h = 0.0;
  double geometric_pflops = 0.0;
  std::vector<double> time_shares;
};

ProcessRate process_rate(const std::vector<ScoredItem>& items, std::size_t process) {
  std::vector<double> shares;
  std::vector<double> pflops;
  for (const ScoredItem& item : items) {
    shares.push_back(item.share);
    pflops.push_back(item.series->processes[process].pflops);
  }
  ProcessRate rate;
  rate.cu_per_h = compute_units_per_hour(shares, pflops);
  rate.geometric_pflops = weighted_geometric_mean(shares, pflops);
  for (std::size_t i = 0; i < items.size(); ++i) {
    rate.time_shares.push_back(time_share(rate.cu_per_h, shares[i], pflops[i]));
  }
  return rate;
}

Stated<double> stated_degrees(double degrees, const std::string& reason) {
  return std::isfinite(degrees) ? Stated<double>::known(degrees) : Stated<double>::missing(reason);
}

BudgetTerm within_processes(const std::vector<ScoredItem>& items,
                            const std::vector<ProcessRate>& rates) {
  BudgetTerm result{{"within processes", "A", 0.0, Stated<double>::missing(kNoFigure), ""}, {}};
  std::vector<Uncertainty> terms;
  const auto count = static_cast<double>(rates.size());
  for (std::size_t process = 0; process < rates.size(); ++process) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const ProcessSeries& series = items[i].series->processes[process];
      if (!series.within) {
        result.line.source = fmt::format("{} has a single sample in process {}: no figure",
                                         items[i].series->workload, process);
        return result;
      }
      terms.push_back(
          {rates[process].cu_per_h * rates[process].time_shares[i] * series.within->u / count,
           series.within->degrees});
    }
  }
  result.term = {combined_uncertainty(terms), effective_degrees(terms)};
  result.line.u_cu_per_h = result.term->u;
  result.line.degrees_of_freedom =
      stated_degrees(result.term->degrees, "infinite: no sample differs from another");
  result.line.source = "batch means of each item's step times, through the harmonic mean";
  return result;
}

BudgetTerm timer_reading(const std::vector<ScoredItem>& items,
                         const std::vector<ProcessRate>& rates, const TimerRecord& timer) {
  const auto resolution = static_cast<double>(timer.resolution_ns);
  // Two readings a window; each a rectangle of one resolution and one of a read cost.
  const double window_ns =
      std::sqrt(2.0 * (resolution * resolution + timer.read_cost_ns * timer.read_cost_ns) / 12.0);
  double u = 0.0;
  for (std::size_t process = 0; process < rates.size(); ++process) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double relative = window_ns * 1e-9 / items[i].series->processes[process].window_s;
      u += rates[process].cu_per_h * rates[process].time_shares[i] * relative /
           static_cast<double>(rates.size());
    }
  }
  return {{"timer reading", "B", u, Stated<double>::missing("infinite: limits, not a sample"),
           fmt::format("{}: resolution {} ns, read cost {:.1f} ns, rectangular", timer.clock,
                       timer.resolution_ns, timer.read_cost_ns)},
          Uncertainty{u, kInfinity}};
}

BudgetTerm clock_rate(double cu_per_h, const TimerRecord& timer) {
  BudgetTerm result{{"rate of the clock", "B", 0.0,
                     Stated<double>::missing("infinite: a limit, not a sample"), ""},
                    Uncertainty{0.0, kInfinity}};
  if (!timer.rate_error_relative.has_value()) {
    result.line.source =
        fmt::format("not calibrated, counted as 0: {}", timer.rate_error_relative.reason);
    return result;
  }
  const double error = std::abs(*timer.rate_error_relative.value);
  result.line.u_cu_per_h = result.term->u = cu_per_h * error / std::sqrt(3.0);
  result.line.source = fmt::format("{:.3g} against an external reference, rectangular", error);
  return result;
}

}  // namespace

BudgetTerm between_processes(const std::vector<double>& cu_per_h) {
  BudgetTerm result{{kBetweenProcesses, "A", 0.0, Stated<double>::missing("one process"),
                     "one process: no spread to see"},
                    {}};
  if (cu_per_h.size() < 2) return result;
  const auto count = static_cast<double>(cu_per_h.size());
  result.term = {standard_deviation(cu_per_h) / std::sqrt(count), count - 1.0};
  result.line.u_cu_per_h = result.term->u;
  result.line.degrees_of_freedom = Stated<double>::known(count - 1.0);
  result.line.source = fmt::format("spread of {} fresh processes, s/sqrt(n)", cu_per_h.size());
  return result;
}

void combine_budget(const std::vector<BudgetTerm>& budget, Assessment& assessment) {
  std::vector<Uncertainty> terms;
  for (const BudgetTerm& each : budget) {
    assessment.budget.push_back(each.line);
    if (each.term) terms.push_back(*each.term);
  }
  const auto gap =
      std::find_if(budget.begin(), budget.end(), [](const BudgetTerm& each) { return !each.term; });
  if (gap != budget.end()) {
    const auto missing = Stated<double>::missing(gap->line.name + ": " + gap->line.source);
    assessment.u_c_cu_per_h = assessment.nu_eff = assessment.coverage_factor = missing;
    assessment.expanded_cu_per_h = assessment.k_cert_cu_per_h = missing;
    return;
  }
  const double combined = combined_uncertainty(terms);
  const double degrees = effective_degrees(terms);
  const double coverage = student_t_quantile(0.975, degrees);
  assessment.u_c_cu_per_h = Stated<double>::known(combined);
  assessment.nu_eff = stated_degrees(degrees, "infinite: no term has finite degrees of freedom");
  assessment.coverage_factor = Stated<double>::known(coverage);
  assessment.expanded_cu_per_h = Stated<double>::known(coverage * combined);
  const double certified =
      *assessment.k_cu_per_h.value - student_t_quantile(0.95, degrees) * combined;
  assessment.k_cert_cu_per_h =
      certified > 0.0
          ? Stated<double>::known(certified)
          : Stated<double>::missing("the uncertainty is as large as the rate: nothing is certain");
}

void rate_device(const std::vector<ScoredItem>& items, std::size_t processes,
                 const TimerRecord& timer, Assessment& assessment) {
  std::vector<ProcessRate> rates;
  std::vector<double> geometric;
  double shortest_window_s = kInfinity;
  for (std::size_t process = 0; process < processes; ++process) {
    rates.push_back(process_rate(items, process));
    assessment.process_cu_per_h.push_back(rates.back().cu_per_h);
    geometric.push_back(rates.back().geometric_pflops);
    for (const ScoredItem& item : items) {
      shortest_window_s = std::min(shortest_window_s, item.series->processes[process].window_s);
    }
  }
  const double cu_per_h = mean(assessment.process_cu_per_h);
  assessment.k_cu_per_h = Stated<double>::known(cu_per_h);
  assessment.geometric_mean_pflops = Stated<double>::known(mean(geometric));
  assessment.clock_resolution_relative =
      static_cast<double>(timer.resolution_ns) * 1e-9 / shortest_window_s;
  combine_budget({within_processes(items, rates), between_processes(assessment.process_cu_per_h),
                  timer_reading(items, rates, timer), clock_rate(cu_per_h, timer)},
                 assessment);
}

void leave_unrated(const std::string& reason, Assessment& assessment) {
  const auto missing = Stated<double>::missing(reason);
  assessment.k_cu_per_h = assessment.geometric_mean_pflops = missing;
  assessment.u_c_cu_per_h = assessment.nu_eff = assessment.coverage_factor = missing;
  assessment.expanded_cu_per_h = assessment.k_cert_cu_per_h = missing;
}

}  // namespace assay
