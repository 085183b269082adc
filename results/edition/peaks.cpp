#include "results/edition/peaks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/edition_data.h"

namespace assay {
namespace {

constexpr const char* kFile = "peaks-2026.1.json";

template <class T>
std::optional<T> optional_at(const nlohmann::json& row, const char* key) {
  const nlohmann::json& value = row.at(key);
  return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

std::map<std::string, double> known_figures(const nlohmann::json& by_precision) {
  std::map<std::string, double> figures;
  for (const auto& [precision, value] : by_precision.items()) {
    if (!value.is_null()) figures.emplace(precision, value.get<double>());
  }
  return figures;
}

Accelerator accelerator_from(const nlohmann::json& row) {
  Accelerator accelerator;
  row.at("sku").get_to(accelerator.sku);
  row.at("confidence").get_to(accelerator.confidence);
  row.at("names").get_to(accelerator.names);
  row.at("compute_capability").get_to(accelerator.compute_capability);
  accelerator.sms = optional_at<std::int64_t>(row, "sms");
  accelerator.boost_mhz = optional_at<double>(row, "boost_mhz");
  accelerator.tensor_mhz = optional_at<double>(row, "tensor_mhz");
  row.at("memory_gb").get_to(accelerator.memory_gb);
  row.at("bandwidth_gb_per_s").get_to(accelerator.bandwidth_gb_per_s);
  accelerator.dense_tflops = known_figures(row.at("dense_tflops"));
  accelerator.flop_per_clock_per_sm = known_figures(row.at("flop_per_clock_per_sm"));
  accelerator.nvlink_gb_per_s = optional_at<double>(row, "nvlink_gb_per_s");
  row.at("sources").get_to(accelerator.sources);
  row.at("notes").get_to(accelerator.notes);
  return accelerator;
}

std::optional<double> figure(const std::map<std::string, double>& figures,
                             const std::string& precision) {
  const auto found = figures.find(precision);
  return found == figures.end() ? std::nullopt : std::optional<double>(found->second);
}

}  // namespace

PeakTable peaks_from_json(const nlohmann::json& document, const std::string& where) {
  validate(document, "peaks", where);
  PeakTable table;
  document.at("edition").get_to(table.edition);
  document.at("sources").get_to(table.sources);
  std::set<std::string> names;
  for (const nlohmann::json& row : document.at("accelerators")) {
    Accelerator accelerator = accelerator_from(row);
    for (const std::string& name : accelerator.names) {
      if (!names.insert(name).second) {
        throw input_error(fmt::format("the device name \"{}\" stands in two rows", name), where);
      }
    }
    for (const std::string& source : accelerator.sources) {
      if (!table.sources.contains(source)) {
        throw input_error(fmt::format("{}: unknown source {}", accelerator.sku, source), where);
      }
    }
    table.accelerators.push_back(std::move(accelerator));
  }
  return table;
}

PeakTable load_peaks() {
  return peaks_from_json(parse_json(embedded_edition_data(kFile), kFile), kFile);
}

std::optional<Accelerator> find_accelerator(const PeakTable& table, std::string_view device_name) {
  for (const Accelerator& accelerator : table.accelerators) {
    if (std::find(accelerator.names.begin(), accelerator.names.end(), device_name) !=
        accelerator.names.end()) {
      return accelerator;
    }
  }
  return std::nullopt;
}

std::optional<double> nominal_peak_tflops(const Accelerator& accelerator,
                                          const std::string& precision) {
  return figure(accelerator.dense_tflops, precision);
}

std::optional<double> clock_adjusted_peak_tflops(const Accelerator& accelerator,
                                                 const std::string& precision, std::int64_t units,
                                                 double clock_mhz) {
  const auto per_clock = figure(accelerator.flop_per_clock_per_sm, precision);
  if (!per_clock) return std::nullopt;
  return static_cast<double>(units) * clock_mhz * *per_clock * 1e-6;
}

std::optional<double> peak_clock_mhz(const Accelerator& accelerator, const std::string& precision) {
  const bool tensor = precision != "fp32" && precision != "fp64";
  if (!tensor && accelerator.boost_mhz) return accelerator.boost_mhz;
  if (tensor && accelerator.tensor_mhz) return accelerator.tensor_mhz;
  const auto peak = figure(accelerator.dense_tflops, precision);
  const auto per_clock = figure(accelerator.flop_per_clock_per_sm, precision);
  if (!peak || !per_clock || !accelerator.sms) return std::nullopt;
  return *peak * 1e6 / (static_cast<double>(*accelerator.sms) * *per_clock);
}

Plausibility judge_clock_adjusted(double ratio) {
  if (ratio <= 1.0) return {};
  return {false, fmt::format("{:.4f} of what the units can do at the measured clock", ratio)};
}

Plausibility judge_clock(double measured_mhz, double maximum_mhz) {
  if (measured_mhz <= maximum_mhz) return {};
  return {false, fmt::format("measured clock {:.0f} MHz over the maximum of {:.0f} MHz",
                             measured_mhz, maximum_mhz)};
}

Plausibility judge_nominal(double ratio, std::optional<double> maximum_mhz,
                           std::optional<double> peak_mhz) {
  if (ratio <= 1.0) return {};
  if (!maximum_mhz || !peak_mhz) {
    return {false, fmt::format("{:.4f} of the printed peak, and no clock explains it", ratio)};
  }
  const double limit = *maximum_mhz / *peak_mhz;
  if (ratio <= limit) {
    return {true, fmt::format("boost: {:.4f} of the printed peak, which stands for {:.0f} MHz of a "
                              "maximum of {:.0f} MHz",
                              ratio, *peak_mhz, *maximum_mhz)};
  }
  return {false, fmt::format("{:.4f} of the printed peak; its maximum clock explains {:.4f}", ratio,
                             limit)};
}

}  // namespace assay
