#include "results/edition/item_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "results/edition/edition.h"
#include "results/edition/item_judgement.h"

namespace assay {
namespace {

std::string place(const ResultDocument& result, std::size_t process, const ItemRecord& record) {
  return fmt::format("process {}, {}", result.processes[process].index, record.workload);
}

std::vector<double> sample_durations_s(const ItemRecord& record, const std::string& where) {
  std::vector<double> durations;
  durations.reserve(record.sample_end_ns.size());
  std::int64_t previous = 0;
  for (const std::int64_t end : record.sample_end_ns) {
    if (end <= previous) throw input_error("sample ends do not ascend", where);
    durations.push_back(static_cast<double>(end - previous) * 1e-9);
    previous = end;
  }
  return durations;
}

/// Standard uncertainty of a correlated series' median, relative: its 95 % interval over 2·t.
Uncertainty median_error(const std::vector<double>& samples, double effective) {
  const Interval interval = median_interval(samples, 0.95);
  const double degrees = std::max(1.0, effective - 1.0);
  const double half = 0.5 * (interval.upper - interval.lower);
  return {half / student_t_quantile(0.975, degrees) / median(samples), degrees};
}

ProcessSeries process_series(const ResultDocument& result, std::size_t process,
                             const ItemRecord& record) {
  const std::string where = place(result, process, record);
  ProcessSeries series;
  series.process = process;
  series.record = &record;
  series.sample_s = sample_durations_s(record, where);
  if (series.sample_s.empty()) {
    if (record.status == "valid") throw input_error("no samples", where);
    return series;
  }
  series.drift_relative = relative_drift(series.sample_s);
  const auto flops_per_sample = static_cast<double>(record.flops * record.batch);
  series.window_s = static_cast<double>(record.sample_end_ns.back()) * 1e-9;
  if (record.kind == "training_step") {
    // A ratio of sums over the whole window: a stalled second counts as it is paid.
    const auto samples = static_cast<double>(series.sample_s.size());
    series.pflops = flops_per_sample * samples / series.window_s * 1e-15;
    series.effective_samples = effective_samples(series.sample_s);
    if (series.sample_s.size() >= 2) series.within = equal_work_rate_error(series.sample_s);
  } else {
    series.pflops = flops_per_sample / median(series.sample_s) * 1e-15;
    series.effective_samples = effective_samples_of_median(series.sample_s);
    if (series.sample_s.size() >= 2) {
      series.within = median_error(series.sample_s, series.effective_samples);
    }
  }
  return series;
}

/// Iterations per second: what PFLOP/s and GB/s are both made of.
double iterations_per_s(const ProcessSeries& series) {
  const auto batch = static_cast<double>(series.record->batch);
  return series.record->kind == "training_step"
             ? batch * static_cast<double>(series.sample_s.size()) / series.window_s
             : batch / median(series.sample_s);
}

void summarise_rate(const WorkloadSeries& series, ItemFigures& figures) {
  std::vector<Uncertainty> within;
  double bytes_per_s = 0.0;
  const auto count = static_cast<double>(series.processes.size());
  for (const ProcessSeries& process : series.processes) {
    figures.process_pflops.push_back(process.pflops);
    bytes_per_s += static_cast<double>(figures.bytes) * iterations_per_s(process) / count;
    if (process.within) {
      within.push_back({process.within->u / count, process.within->degrees});
    }
  }
  figures.pflops = mean(figures.process_pflops);
  figures.gigabytes_per_s =
      figures.bytes > 0 ? Stated<double>::known(bytes_per_s * 1e-9)
                        : Stated<double>::missing("the workload states no compulsory bytes");
  // Processes of one workload differ by percents at most, so relative errors may be averaged.
  if (within.size() == series.processes.size()) {
    figures.within_relative = combined_uncertainty(within);
    const double degrees = effective_degrees(within);
    figures.within_degrees = std::isfinite(degrees) ? degrees : 0.0;
  }
  if (series.processes.size() >= 2 && figures.pflops > 0.0) {
    figures.between_relative =
        standard_deviation(figures.process_pflops) / std::sqrt(count) / figures.pflops;
  }
}

void summarise_samples(const WorkloadSeries& series, ItemFigures& figures) {
  std::vector<double> pooled;
  figures.mean_over_median = 1.0;
  figures.effective_samples = series.processes.front().effective_samples;
  for (const ProcessSeries& process : series.processes) {
    const auto batch = static_cast<double>(process.record->batch);
    for (const double sample : process.sample_s) pooled.push_back(sample / batch);
    const double ratio = mean(process.sample_s) / median(process.sample_s);
    if (std::abs(ratio - 1.0) > std::abs(figures.mean_over_median - 1.0)) {
      figures.mean_over_median = ratio;
    }
    if (std::abs(process.drift_relative) > std::abs(figures.drift_relative)) {
      figures.drift_relative = process.drift_relative;
    }
    figures.effective_samples = std::min(figures.effective_samples, process.effective_samples);
  }
  figures.median_s = median(pooled);
  figures.p5_s = quantile(pooled, 0.05);
  figures.p95_s = quantile(pooled, 0.95);
  figures.mad_s = median_absolute_deviation(pooled);
}

/// Mean over processes of what each of them states; missing as soon as one has none.
template <class Read>
Stated<double> mean_over_processes(const WorkloadSeries& series, const Read& read) {
  double sum = 0.0;
  for (const ProcessSeries& process : series.processes) {
    Stated<double> figure = read(process);
    if (!figure.has_value()) return figure;
    sum += *figure.value;
  }
  return Stated<double>::known(sum / static_cast<double>(series.processes.size()));
}

void summarise_energy(const WorkloadSeries& series, ItemFigures& figures) {
  figures.power_w = mean_over_processes(
      series, [](const ProcessSeries& process) { return process.record->telemetry.power_w; });
  figures.energy_j_per_iteration =
      mean_over_processes(series, [](const ProcessSeries& process) -> Stated<double> {
        const Stated<double>& energy = process.record->telemetry.energy_j;
        if (!energy.has_value()) return energy;
        const auto iterations = static_cast<double>(process.record->batch) *
                                static_cast<double>(process.sample_s.size());
        return Stated<double>::known(*energy.value / iterations);
      });
}

void summarise_losses(const WorkloadSeries& series, ItemFigures& figures) {
  const auto missing = Stated<double>::missing(
      series.is_training_step() ? "the step recorded no losses" : "a kernel has no loss");
  const auto figure = [&](auto&& read) {
    return mean_over_processes(series, [&](const ProcessSeries& process) -> Stated<double> {
      const auto& training = process.record->training;
      if (!training || training->losses.empty()) return Stated<double>(missing);
      return Stated<double>::known(read(*training));
    });
  };
  figures.first_loss = figure([](const TrainingRecord& record) { return record.losses.front(); });
  figures.final_loss = figure([](const TrainingRecord& record) { return final_loss(record); });
}

}  // namespace

std::vector<WorkloadSeries> collect_series(const ResultDocument& result) {
  std::vector<WorkloadSeries> all;
  for (std::size_t process = 0; process < result.processes.size(); ++process) {
    for (const ItemRecord& record : result.processes[process].items) {
      auto series = std::find_if(all.begin(), all.end(), [&](const WorkloadSeries& candidate) {
        return candidate.workload == record.workload;
      });
      if (series == all.end()) {
        all.push_back({record.workload, {}});
        series = std::prev(all.end());
      } else if (series->processes.back().process == process) {
        throw input_error("the workload stands twice", place(result, process, record));
      }
      series->processes.push_back(process_series(result, process, record));
    }
  }
  return all;
}

ItemFigures item_figures(const WorkloadSeries& series, const SuiteRecord& suite) {
  const ItemRecord& record = series.record();
  ItemFigures figures;
  figures.workload = series.workload;
  figures.family = record.family;
  figures.kind = record.kind;
  figures.basket_item = record.basket_item;
  figures.flops = record.flops;
  figures.bytes = record.bytes;
  figures.precision = record.precision;
  figures.failures = item_failures(series);
  const bool sampled =
      std::all_of(series.processes.begin(), series.processes.end(),
                  [](const ProcessSeries& process) { return !process.sample_s.empty(); });
  if (!sampled) {
    const auto missing = Stated<double>::missing("a process has no samples");
    figures.gigabytes_per_s = missing;
    figures.first_loss = figures.final_loss = missing;
    figures.energy_j_per_iteration = figures.power_w = missing;
    return figures;
  }
  summarise_rate(series, figures);
  summarise_samples(series, figures);
  summarise_energy(series, figures);
  summarise_losses(series, figures);
  figures.converged = is_converged(series, suite);
  figures.flags = item_flags(series, figures, suite);
  return figures;
}

}  // namespace assay
