#include "results/edition/utilisation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "results/edition/links.h"
#include "results/edition/model_flops.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

/// Mean of the processes' median clocks, or why there is none.
Stated<double> clock_mhz(const WorkloadSeries& series) {
  double sum = 0.0;
  for (const ProcessSeries& process : series.processes) {
    const Stated<double>& clock = process.record->telemetry.clock_mhz_median;
    if (!clock.has_value()) return clock;
    sum += *clock.value;
  }
  return Stated<double>::known(sum / static_cast<double>(series.processes.size()));
}

const WorkloadSeries* find_series(const std::vector<WorkloadSeries>& series,
                                  const std::string& workload) {
  const auto found =
      std::find_if(series.begin(), series.end(),
                   [&](const WorkloadSeries& candidate) { return candidate.workload == workload; });
  return found == series.end() ? nullptr : &*found;
}

/// Clock over the bundle: each item's, weighted by the time it takes.
Stated<double> bundle_clock_mhz(const std::vector<WorkloadSeries>& series,
                                const Assessment& assessment) {
  double sum = 0.0;
  for (const ItemFigures& item : assessment.items) {
    Stated<double> clock = clock_mhz(*find_series(series, item.workload));
    if (!clock.has_value()) return clock;
    sum += *clock.value * item.share / item.pflops;
  }
  double time = 0.0;
  for (const ItemFigures& item : assessment.items) time += item.share / item.pflops;
  return Stated<double>::known(sum / time);
}

Stated<double> ratio(double pflops, std::optional<double> peak_tflops, const std::string& reason) {
  if (!peak_tflops) return Stated<double>::missing(reason);
  return Stated<double>::known(pflops / (*peak_tflops * 1e-3));
}

/// K with PaLM's FLOP count in place of the model FLOPs, in PFLOP/s.
double palm_pflops(const Basket& basket, const std::vector<ItemFigures>& items) {
  // The bundle's time is that of K; only what is counted as done in it changes.
  double counted = 0.0;
  double time = 0.0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const BasketModel& model = basket.items[i].model;
    counted += items[i].share * static_cast<double>(palm_flops_per_token(model)) /
               static_cast<double>(model_flops_per_token(model));
    time += items[i].share / items[i].pflops;
  }
  return counted / time;
}

Stated<double> to_best_product(const Assessment& assessment, const std::string& precision) {
  double best = 0.0;
  for (const ItemFigures& kernel : assessment.kernels) {
    if (kernel.family == "gemm" && kernel.precision == precision && kernel.failures.empty()) {
      best = std::max(best, kernel.pflops);
    }
  }
  if (best <= 0.0) {
    return Stated<double>::missing(
        fmt::format("no product (gemm) in {} was measured in this run", precision));
  }
  return Stated<double>::known(*assessment.k_cu_per_h.value / best);
}

void judge(const WorkloadSeries& series, const Plausibility& verdict, PlausibilityReport& report) {
  if (verdict.reason.empty()) return;
  (verdict.passed ? report.explained : report.failed)
      .push_back(series.workload + ": " + verdict.reason);
}

/// The greatest clock of the multiprocessors that the driver states.
std::optional<double> stated_max_clock_mhz(const ItemRecord& record) {
  const auto& gpu = record.telemetry.gpu;
  if (!gpu || !gpu->has_value()) return std::nullopt;
  const auto found = gpu->value->find("clock_mhz_stated_max");
  return found == gpu->value->end() ? std::nullopt : found->second.value;
}

/// What holds of any device, in the table or not: its clock and its links.
void judge_device(const WorkloadSeries& workload, const ProcessSeries& process,
                  const PeakLookup& peaks, PlausibilityReport& report) {
  const ItemRecord& record = *process.record;
  const std::optional<double> maximum = stated_max_clock_mhz(record);
  const Stated<double>& clock = record.telemetry.clock_mhz_median;
  if (maximum && clock.has_value()) judge(workload, judge_clock(*clock.value, *maximum), report);
  if (process.sample_s.empty()) return;
  const double iteration_s = median(process.sample_s) / static_cast<double>(record.batch);
  const double gb_per_s = static_cast<double>(record.bytes) / iteration_s * 1e-9;
  if (const auto verdict = judge_link(record, gb_per_s, peaks.accelerator)) {
    judge(workload, *verdict, report);
  }
}

}  // namespace

PeakLookup look_up_peaks(const DeviceRecord& device, const PeakTable& table) {
  if (device.backend == "cpu") {
    return {std::nullopt, "a CPU: the table of peaks holds accelerators only"};
  }
  std::optional<Accelerator> found = find_accelerator(table, device.name);
  if (!found) {
    return {std::nullopt, fmt::format("\"{}\" is not in the table of peaks", device.name)};
  }
  if (found->sms && *found->sms != device.units) {
    return {std::nullopt, fmt::format("{} units where the table's {} has {}: a partition, or "
                                      "another part",
                                      device.units, found->sku, *found->sms)};
  }
  return {std::move(found), {}};
}

Stated<std::string> scored_precision(const std::vector<ItemFigures>& items) {
  if (items.empty()) return Stated<std::string>::missing("no scored item");
  for (const ItemFigures& item : items) {
    if (item.precision != items.front().precision) {
      return Stated<std::string>::missing("the items ran in several precisions");
    }
  }
  return Stated<std::string>::known(items.front().precision);
}

void rate_utilisation(const ResultDocument& result, const Basket* basket,
                      const std::vector<WorkloadSeries>& series, const PeakLookup& peaks,
                      Assessment& assessment) {
  const Stated<std::string> precision = scored_precision(assessment.items);
  Mfu& mfu = assessment.mfu;
  if (basket == nullptr || !assessment.k_cu_per_h.has_value() || !precision.has_value()) {
    const std::string reason =
        assessment.k_cu_per_h.has_value() ? precision.reason : assessment.k_cu_per_h.reason;
    mfu.nominal = mfu.clock_adjusted = mfu.measured = mfu.palm_nominal =
        Stated<double>::missing(reason);
    return;
  }
  mfu.measured = to_best_product(assessment, *precision.value);
  if (!peaks.accelerator) {
    mfu.nominal = mfu.clock_adjusted = mfu.palm_nominal = Stated<double>::missing(peaks.reason);
    return;
  }
  const std::string none =
      fmt::format("the table has no {} peak for {}", *precision.value, peaks.accelerator->sku);
  const double delivered = *assessment.k_cu_per_h.value;  // CU/h are PFLOP/s by definition
  const auto nominal = nominal_peak_tflops(*peaks.accelerator, *precision.value);
  mfu.nominal = ratio(delivered, nominal, none);
  mfu.palm_nominal = ratio(palm_pflops(*basket, assessment.items), nominal, none);
  const Stated<double> clock = bundle_clock_mhz(series, assessment);
  mfu.clock_adjusted = clock.has_value()
                           ? ratio(delivered,
                                   clock_adjusted_peak_tflops(*peaks.accelerator, *precision.value,
                                                              result.device.units, *clock.value),
                                   none)
                           : Stated<double>::missing("no clock was measured: " + clock.reason);
}

PlausibilityReport check_plausibility(const ResultDocument& result,
                                      const std::vector<WorkloadSeries>& series,
                                      const PeakLookup& peaks) {
  PlausibilityReport report;
  for (const WorkloadSeries& workload : series) {
    for (const ProcessSeries& process : workload.processes) {
      judge_device(workload, process, peaks, report);
    }
  }
  if (!peaks.accelerator) return report;
  const Accelerator& accelerator = *peaks.accelerator;
  for (const WorkloadSeries& workload : series) {
    const std::string& precision = workload.record().precision;
    const auto nominal = nominal_peak_tflops(accelerator, precision);
    const auto peak_clock = peak_clock_mhz(accelerator, precision);
    for (const ProcessSeries& process : workload.processes) {
      const Stated<double>& clock = process.record->telemetry.clock_mhz_median;
      if (nominal) {
        // GeForce cards run above the boost clock that is printed, so the clock that was measured
        // explains as much as the printed one does.
        std::optional<double> maximum = accelerator.boost_mhz;
        if (clock.has_value()) maximum = std::max(maximum.value_or(0.0), *clock.value);
        if (const auto stated = stated_max_clock_mhz(*process.record)) {
          maximum = std::max(maximum.value_or(0.0), *stated);
        }
        judge(workload, judge_nominal(process.pflops / (*nominal * 1e-3), maximum, peak_clock),
              report);
      }
      if (!clock.has_value()) continue;
      const auto adjusted =
          clock_adjusted_peak_tflops(accelerator, precision, result.device.units, *clock.value);
      if (adjusted)
        judge(workload, judge_clock_adjusted(process.pflops / (*adjusted * 1e-3)), report);
    }
  }
  return report;
}

}  // namespace assay
