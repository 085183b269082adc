#include "support/result_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "results/edition/headroom.h"
#include "results/edition/item_figures.h"
#include "support/table.h"

namespace assay::cli {
namespace {

struct Row {
  const ItemRecord* first = nullptr;
  std::vector<double> rates;  ///< FLOP/s of each process over its window
  std::size_t samples = 0;
  bool converged = true;
  std::string trouble;
};

std::string range(const std::vector<double>& rates, double scale) {
  if (rates.empty()) return "-";
  double low = rates.front();
  double high = rates.front();
  for (const double rate : rates) {
    low = std::min(low, rate);
    high = std::max(high, rate);
  }
  return with_prefix(low * scale) + " .. " + with_prefix(high * scale);
}

/// Figures of the kernels that ran and passed in each process that came to them.
std::vector<ItemFigures> kernel_figures(const ResultDocument& result) {
  std::vector<ItemFigures> all;
  for (const WorkloadSeries& series : collect_series(result)) {
    const bool sound = std::all_of(
        series.processes.begin(), series.processes.end(), [](const ProcessSeries& process) {
          return process.record->kind == "kernel" && process.record->status == "valid";
        });
    if (sound) all.push_back(item_figures(series, result.suite));
  }
  return all;
}

/// What a table says of a kernel and its roof.
std::string roof_cell(const ItemFigures& kernel, const Roofs& roofs) {
  if (is_measured_roof(kernel, roofs)) return "the roof";
  const Stated<double> share = roof_share(kernel, roofs);
  if (!share.has_value()) return "-";
  const double percent = std::round(100.0 * *share.value);
  // Above its roof is who finds the operands of the last iteration in a cache.
  return fmt::format("{:.0f} %{}", percent, percent > 100.0 ? " (cached)" : "");
}

std::map<std::string, std::string> roof_column(const std::vector<ItemFigures>& kernels) {
  const Roofs roofs = measured_roofs(kernels);
  std::map<std::string, std::string> column;
  for (const ItemFigures& kernel : kernels) column[kernel.workload] = roof_cell(kernel, roofs);
  return column;
}

/// A line for each item whose time by kernel is known.
std::string headroom_lines(const ResultDocument& result, const std::vector<ItemFigures>& kernels) {
  std::string lines;
  for (const Headroom& of : implementation_headroom(result, kernels)) {
    lines +=
        fmt::format("{}: {:.0f} % of the kernels' time is in Assay's own",
                    of.basket_item.empty() ? of.workload : of.basket_item, 100.0 * of.own_share);
    lines += of.headroom.has_value()
                 ? fmt::format(", at {:.0f} % of their roof: headroom {:.0f} %\n",
                               100.0 * *of.own_roof_share.value, 100.0 * *of.headroom.value)
                 : fmt::format("; headroom unknown: {}\n", of.headroom.reason);
  }
  return lines;
}

}  // namespace

std::string result_table(const ResultDocument& result) {
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      Row& row = rows[item.workload];
      if (row.first == nullptr) {
        row.first = &item;
        order.push_back(item.workload);
      }
      row.samples += item.sample_end_ns.size();
      row.converged = row.converged && item.converged;
      if (item.status != "valid") row.trouble = item.status + ": " + item.error;
      if (!item.sample_end_ns.empty()) {
        const auto iterations =
            static_cast<double>(item.sample_end_ns.size()) * static_cast<double>(item.batch);
        row.rates.push_back(iterations / (static_cast<double>(item.sample_end_ns.back()) * 1e-9));
      }
    }
  }
  const std::vector<ItemFigures> kernels = kernel_figures(result);
  const std::map<std::string, std::string> of_roof = roof_column(kernels);
  Table table({{"workload"},
               {"samples", Align::right},
               {"FLOP/s over processes", Align::right},
               {"B/s", Align::right},
               {"of roof", Align::right},
               {"converged"},
               {"status"}});
  for (const std::string& name : order) {
    const Row& row = rows.at(name);
    const auto flops = static_cast<double>(row.first->flops);
    const auto bytes = static_cast<double>(row.first->bytes);
    table.add({row.first->basket_item.empty() ? name : row.first->basket_item,
               std::to_string(row.samples), flops > 0 ? range(row.rates, flops) : "-",
               row.first->basket_item.empty() && bytes > 0 ? range(row.rates, bytes) : "-",
               of_roof.contains(name) ? of_roof.at(name) : "-", row.converged ? "yes" : "no",
               row.trouble.empty() ? "valid" : row.trouble});
  }
  return table.text() + headroom_lines(result, kernels);
}

}  // namespace assay::cli
