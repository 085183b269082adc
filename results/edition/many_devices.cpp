#include "results/edition/many_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "results/edition/rate.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

/// From the barrier.
struct Window {
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  [[nodiscard]] std::int64_t length_ns() const { return end_ns - begin_ns; }
};

/// Of an item that has samples and did not fail. A kernel that the device's own clock timed has
/// none: its samples leave gaps out, and it is a diagnostic.
std::optional<Window> window_of(const ItemRecord& item) {
  if (item.status == "failed" || item.sample_end_ns.empty() || item.device_timing) {
    return std::nullopt;
  }
  const std::int64_t begin_ns = item.window_begin_ns.value_or(0);
  return Window{begin_ns, begin_ns + item.sample_end_ns.back()};
}

/// What the devices have in common of a workload in a process, and the longest of their windows.
struct Windows {
  std::optional<Window> common;
  std::int64_t longest_ns = 0;
};
Windows windows_of(const ProcessRecord& process, const std::string& workload) {
  Windows windows;
  for (const ItemRecord& item : process.items) {
    const auto window = window_of(item);
    if (item.workload != workload || item.device.empty() || !window) continue;
    windows.longest_ns = std::max(windows.longest_ns, window->length_ns());
    if (!windows.common) windows.common = window;
    windows.common->begin_ns = std::max(windows.common->begin_ns, window->begin_ns);
    windows.common->end_ns = std::min(windows.common->end_ns, window->end_ns);
  }
  return windows;
}

std::int64_t loaded_ns(const ItemRecord& item) {
  return item.warm_up_ns + (item.sample_end_ns.empty() ? 0 : item.sample_end_ns.back());
}

/// Keeps the samples that lie whole within the common window.
void cut(ItemRecord& item, const Window& common) {
  const std::int64_t loaded = loaded_ns(item);
  const std::int64_t offset = item.window_begin_ns.value_or(0);
  std::vector<std::int64_t> ends;
  std::optional<std::int64_t> first;
  const auto boundary = [&](std::int64_t end_ns) {
    const std::int64_t at = offset + end_ns;
    if (at < common.begin_ns || at > common.end_ns) return;
    if (first) {
      ends.push_back(end_ns - *first);
    } else {
      first = end_ns;
    }
  };
  boundary(0);
  for (const std::int64_t end_ns : item.sample_end_ns) boundary(end_ns);
  item.sample_end_ns = std::move(ends);
  item.warm_up_ns = loaded - (item.sample_end_ns.empty() ? 0 : item.sample_end_ns.back());
  if (item.sample_end_ns.empty() && item.status == "valid") {
    item.status = "invalid";
    item.error = "no whole sample within the window that all devices have in common";
  }
}

/// A document about one device, with no items yet.
ResultDocument header_of(const ResultDocument& result, const DeviceRecord& device) {
  ResultDocument view = result;
  view.device = device;
  view.devices.clear();
  view.device_count = 1;
  for (ProcessRecord& process : view.processes) process.items.clear();
  return view;
}

std::string first_unrated(const std::vector<Assessment>& each, const ResultDocument& result) {
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (each[i].k_cu_per_h.has_value()) continue;
    return result.devices[i].id + ": " + each[i].k_cu_per_h.reason;
  }
  return {};
}

/// Texts of all devices: those that all have once, others with the device's name.
std::vector<std::string> joined(const ResultDocument& result, const std::vector<Assessment>& each,
                                std::vector<std::string> Assessment::*member) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < each.size(); ++i) {
    for (const std::string& text : each[i].*member) {
      const bool of_all = std::all_of(each.begin(), each.end(), [&](const Assessment& other) {
        const auto& texts = other.*member;
        return std::find(texts.begin(), texts.end(), text) != texts.end();
      });
      std::string line = of_all ? text : result.devices[i].id + ": " + text;
      if (std::find(all.begin(), all.end(), line) == all.end()) all.push_back(std::move(line));
    }
  }
  return all;
}

// Weights ---------------------------------------------------------------------------------------

/// What must be equal for hashes to be.
using Kind = std::tuple<std::string, std::string, std::int64_t, std::string>;
Kind kind_of(const DeviceRecord& device) {
  return {device.name, device.isa, device.units, device.driver.value.value_or("")};
}

/// The hash that most devices of a kind have for a workload in a process; none on a tie.
std::optional<std::uint64_t> hash_of_most(const ResultDocument& result, const Kind& kind,
                                          const ProcessRecord& process,
                                          const std::string& workload) {
  std::map<std::uint64_t, int> counts;
  for (const ItemRecord& item : process.items) {
    if (item.workload != workload || !item.weights) continue;
    for (const DeviceRecord& device : result.devices) {
      if (device.id == item.device && kind_of(device) == kind) ++counts[item.weights->hash];
    }
  }
  std::optional<std::uint64_t> most;
  int best = 0;
  for (const auto& [hash, count] : counts) {
    if (count == best) most.reset();
    if (count > best) {
      best = count;
      most = hash;
    }
  }
  return most;
}

Stated<std::string> weights_of(const ResultDocument& result, const DeviceRecord& device) {
  const Kind kind = kind_of(device);
  const auto of_kind =
      std::count_if(result.devices.begin(), result.devices.end(),
                    [&](const DeviceRecord& other) { return kind_of(other) == kind; });
  if (of_kind < 2) return Stated<std::string>::missing("no other device is of its kind");
  bool any = false;
  std::set<std::string> different;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (item.device != device.id || !item.weights) continue;
      any = true;
      if (hash_of_most(result, kind, process, item.workload) == item.weights->hash) continue;
      different.insert(fmt::format("{} in process {}", item.workload, process.index));
    }
  }
  if (!any) return Stated<std::string>::missing("no hash of weights was recorded");
  if (different.empty()) return Stated<std::string>::known("equal");
  std::string text = "different: ";
  for (const std::string& one : different) text += (text.back() == ' ' ? "" : "; ") + one;
  return Stated<std::string>::known(text);
}

// Figures ---------------------------------------------------------------------------------------

DeviceFigures figures_of(const ResultDocument& result, std::size_t i,
                         const Assessment& assessment) {
  DeviceFigures figures;
  figures.id = result.devices[i].id;
  figures.uuid = result.devices[i].uuid;
  figures.process_cu_per_h = assessment.process_cu_per_h;
  figures.k_cu_per_h = assessment.k_cu_per_h;
  figures.u_c_cu_per_h = assessment.u_c_cu_per_h;
  for (const ItemFigures& item : assessment.items) {
    if (!item.process_pflops.empty()) figures.item_pflops[item.basket_item] = item.pflops;
    for (const std::string& failure : item.failures) {
      figures.failures.push_back(item.basket_item + ": " + failure);
    }
  }
  for (const ItemFigures& kernel : assessment.kernels) {
    for (const std::string& failure : kernel.failures) {
      figures.failures.push_back(kernel.workload + ": " + failure);
    }
  }
  figures.weights = weights_of(result, result.devices[i]);
  return figures;
}

Stated<double> common_window_share(const ResultDocument& result) {
  double least = kInfinity;
  for (const ProcessRecord& process : result.processes) {
    for (const std::string& workload : process.order) {
      const Windows windows = windows_of(process, workload);
      if (!windows.common) continue;
      const std::int64_t common_ns = std::max<std::int64_t>(windows.common->length_ns(), 0);
      least =
          std::min(least, static_cast<double>(common_ns) / static_cast<double>(windows.longest_ns));
    }
  }
  return std::isfinite(least) ? Stated<double>::known(least)
                              : Stated<double>::missing("no device has a window");
}

/// A line's u over K, of each process's noise or of the timer.
double relative_u(const Assessment& assessment, std::size_t line) {
  return assessment.budget[line].u_cu_per_h / *assessment.k_cu_per_h.value;
}
Uncertainty term_of(const BudgetLine& line) {
  return {line.u_cu_per_h, line.degrees_of_freedom.value.value_or(kInfinity)};
}

// Places of rate_device()'s budget.
constexpr std::size_t kWithin = 0;
constexpr std::size_t kTimer = 2;
constexpr std::size_t kClock = 3;

/// The mean device's K and budget, which is that of the sum over n.
void rate_mean_device(const std::vector<Assessment>& each, Assessment& node) {
  const auto n = static_cast<double>(each.size());
  node.process_cu_per_h.assign(each.front().process_cu_per_h.size(), 0.0);
  double geometric = 0.0;
  std::vector<Uncertainty> within;
  BudgetLine noise = each.front().budget[kWithin];
  bool has_noise = true;
  BudgetLine timer = each.front().budget[kTimer];
  BudgetLine clock = each.front().budget[kClock];
  timer.u_cu_per_h = clock.u_cu_per_h = 0.0;
  for (const Assessment& device : each) {
    for (std::size_t p = 0; p < node.process_cu_per_h.size(); ++p) {
      node.process_cu_per_h[p] += device.process_cu_per_h[p] / n;
    }
    geometric += *device.geometric_mean_pflops.value / n;
    Uncertainty own = term_of(device.budget[kWithin]);
    own.u /= n;
    within.push_back(own);
    if (device.budget[kWithin].degrees_of_freedom.reason == kNoFigure && has_noise) {
      has_noise = false;
      noise = device.budget[kWithin];
    }
    timer.u_cu_per_h += device.budget[kTimer].u_cu_per_h / n;
    clock.u_cu_per_h += device.budget[kClock].u_cu_per_h / n;
    node.clock_resolution_relative =
        std::max(node.clock_resolution_relative, device.clock_resolution_relative);
  }
  node.k_cu_per_h = Stated<double>::known(mean(node.process_cu_per_h));
  node.geometric_mean_pflops = Stated<double>::known(geometric);
  BudgetTerm noise_term{noise, std::nullopt};
  if (has_noise) {
    noise_term.term = {combined_uncertainty(within), effective_degrees(within)};
    noise_term.line.u_cu_per_h = noise_term.term->u;
    noise_term.line.degrees_of_freedom =
        std::isfinite(noise_term.term->degrees)
            ? Stated<double>::known(noise_term.term->degrees)
            : Stated<double>::missing("infinite: no sample differs from another");
  }
  node.budget.clear();
  combine_budget({noise_term,
                  between_processes(node.process_cu_per_h),
                  {timer, Uncertainty{timer.u_cu_per_h, kInfinity}},
                  {clock, Uncertainty{clock.u_cu_per_h, kInfinity}}},
                 node);
}

Stated<double> times(const Stated<double>& figure, double factor) {
  return figure.has_value() ? Stated<double>::known(*figure.value * factor) : figure;
}

/// Power of the mean device, energy of all over the work of all.
void rate_power(const ResultDocument& result, const std::vector<Assessment>& each,
                Assessment& node) {
  const auto n = static_cast<double>(each.size());
  double power_w = 0.0;
  for (std::size_t i = 0; i < each.size(); ++i) {
    if (!each[i].power_w.has_value()) {
      node.power_w = node.energy_j_per_cu =
          Stated<double>::missing(result.devices[i].id + ": " + each[i].power_w.reason);
      return;
    }
    power_w += *each[i].power_w.value / n;
  }
  node.power_w = Stated<double>::known(power_w);
  node.energy_j_per_cu = Stated<double>::known(power_w * 3600.0 / *node.k_cu_per_h.value);
}

/// Why there is no gang's rate, empty where there is one.
std::string gang_obstacle(const ResultDocument& result) {
  bool any = false;
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (item.gang_item.empty()) continue;
      any = true;
      const auto devices = item.problem.find("devices");
      const std::int64_t n = devices == item.problem.end() ? 0 : devices->second;
      if (n != result.device_count) {
        return fmt::format("{} was trained by {} of {} devices, and nothing is extrapolated",
                           item.gang_item, n, result.device_count);
      }
    }
  }
  return any ? "" : "no data-parallel run was measured";
}

void leave_no_eta(const std::string& reason, Assessment& node) {
  node.eta = node.many_devices->u_c_eta = node.many_devices->expanded_eta =
      Stated<double>::missing(reason);
}

void rate_eta(const Assessment& gang, const Assessment& slowest, Assessment& node) {
  ManyDevices& many = *node.many_devices;
  const double eta = *gang.k_cu_per_h.value / *slowest.k_cu_per_h.value;
  node.eta = Stated<double>::known(eta);
  if (!gang.u_c_cu_per_h.has_value() || !slowest.u_c_cu_per_h.has_value()) {
    many.u_c_eta = many.expanded_eta = Stated<double>::missing(
        gang.u_c_cu_per_h.has_value() ? slowest.u_c_cu_per_h.reason : gang.u_c_cu_per_h.reason);
    return;
  }
  std::vector<double> ratios;
  for (std::size_t p = 0; p < gang.process_cu_per_h.size(); ++p) {
    ratios.push_back(gang.process_cu_per_h[p] / slowest.process_cu_per_h[p]);
  }
  std::vector<Uncertainty> terms{*between_processes(ratios).term};
  for (const Assessment* one : {&gang, &slowest}) {
    terms.push_back({eta * relative_u(*one, kWithin), term_of(one->budget[kWithin]).degrees});
    terms.push_back({eta * relative_u(*one, kTimer), kInfinity});
  }
  const double u = combined_uncertainty(terms);
  many.u_c_eta = Stated<double>::known(u);
  many.expanded_eta =
      Stated<double>::known(u * student_t_quantile(0.975, effective_degrees(terms)));
}

/// The gang's rate, and η where all devices are rated (`slowest` is there).
void rate_gang(const ResultDocument& result, const Assessment* slowest, Assessment& node) {
  ManyDevices& many = *node.many_devices;
  const auto n = static_cast<double>(result.device_count);
  std::string obstacle = gang_obstacle(result);
  std::optional<Assessment> gang;
  if (obstacle.empty()) {
    gang = derive_device(gang_view(result));
    if (!gang->k_cu_per_h.has_value()) obstacle = "data parallel: " + gang->k_cu_per_h.reason;
  }
  if (!obstacle.empty()) {
    node.k_gang_cu_per_h = many.u_c_gang_cu_per_h = many.expanded_gang_cu_per_h =
        many.k_gang_cert_cu_per_h = Stated<double>::missing(obstacle);
    return leave_no_eta(obstacle, node);
  }
  node.k_gang_cu_per_h = times(gang->k_cu_per_h, n);
  many.u_c_gang_cu_per_h = times(gang->u_c_cu_per_h, n);
  many.expanded_gang_cu_per_h = times(gang->expanded_cu_per_h, n);
  many.k_gang_cert_cu_per_h = times(gang->k_cert_cu_per_h, n);
  for (const double rate : gang->process_cu_per_h) many.process_gang_cu_per_h.push_back(rate * n);
  if (slowest == nullptr) return leave_no_eta(node.k_cu_per_h.reason, node);
  rate_eta(*gang, *slowest, node);
}

/// What failed of the work that all devices did together, as shortfalls.
void note_gang_failures(const ResultDocument& result, std::vector<std::string>& shortfalls) {
  for (const ProcessRecord& process : result.processes) {
    for (const ItemRecord& item : process.items) {
      if (!item.device.empty() || item.status == "valid") continue;
      shortfalls.push_back(fmt::format("process {}: {} is {}: {}", process.index, item.workload,
                                       item.status, item.error));
    }
  }
}

}  // namespace

ResultDocument device_view(const ResultDocument& result, const DeviceRecord& device) {
  ResultDocument view = header_of(result, device);
  for (std::size_t p = 0; p < result.processes.size(); ++p) {
    const ProcessRecord& process = result.processes[p];
    std::int64_t loaded_together_ns = 0;
    for (const ItemRecord& item : process.items) {
      const bool of_gang = !item.gang_item.empty();
      if (of_gang) loaded_together_ns += loaded_ns(item);
      // Links between devices explain each device's figures alike.
      if (of_gang || (!item.device.empty() && item.device != device.id)) continue;
      ItemRecord& own = view.processes[p].items.emplace_back(item);
      const auto common = windows_of(process, item.workload).common;
      if (common && window_of(item)) cut(own, *common);
      own.device.clear();
      own.window_begin_ns.reset();
    }
    if (!view.processes[p].items.empty()) {
      view.processes[p].items.front().warm_up_ns += loaded_together_ns;
    }
  }
  return view;
}

ResultDocument gang_view(const ResultDocument& result) {
  ResultDocument view = header_of(result, result.device);
  for (std::size_t p = 0; p < result.processes.size(); ++p) {
    for (const ItemRecord& item : result.processes[p].items) {
      if (item.gang_item.empty()) continue;
      ItemRecord& own = view.processes[p].items.emplace_back(item);
      own.basket_item = std::exchange(own.gang_item, "");
      // What doesn't divide is not the basket's work; its count then tells.
      if (own.flops % result.device_count == 0) own.flops /= result.device_count;
      if (own.tokens % result.device_count == 0) own.tokens /= result.device_count;
      if (own.bytes % result.device_count == 0) own.bytes /= result.device_count;
    }
  }
  return view;
}

Assessment derive_devices(const ResultDocument& result) {
  std::vector<Assessment> each;
  for (const DeviceRecord& device : result.devices) {
    each.push_back(derive_device(device_view(result, device)));
  }
  const std::string unrated = first_unrated(each, result);
  const auto slower = [](const Assessment& a, const Assessment& b) {
    return *a.k_cu_per_h.value < *b.k_cu_per_h.value;
  };
  const std::size_t place =
      unrated.empty() ? static_cast<std::size_t>(
                            std::min_element(each.begin(), each.end(), slower) - each.begin())
                      : 0;
  Assessment node = each[place];
  ManyDevices& many = node.many_devices.emplace();
  for (std::size_t i = 0; i < each.size(); ++i) {
    many.devices.push_back(figures_of(result, i, each[i]));
  }
  many.common_window_share = common_window_share(result);
  const auto n = static_cast<double>(each.size());
  if (unrated.empty()) {
    many.slowest_device = result.devices[place].id;
    rate_mean_device(each, node);
    rate_power(result, each, node);
  } else {
    node.process_cu_per_h.clear();
    node.budget.clear();
    leave_unrated(unrated, node);
    node.power_w = node.energy_j_per_cu = Stated<double>::missing(unrated);
  }
  node.k_sum_cu_per_h = times(node.k_cu_per_h, n);
  many.u_c_sum_cu_per_h = times(node.u_c_cu_per_h, n);
  many.expanded_sum_cu_per_h = times(node.expanded_cu_per_h, n);
  many.k_sum_cert_cu_per_h = times(node.k_cert_cu_per_h, n);
  rate_gang(result, unrated.empty() ? &each[place] : nullptr, node);
  node.audit_flags = joined(result, each, &Assessment::audit_flags);
  for (const DeviceFigures& device : many.devices) {
    if (device.weights.has_value() && *device.weights.value != "equal") {
      node.audit_flags.push_back(device.id + ": weights are " + *device.weights.value);
    }
  }
  node.shortfalls = joined(result, each, &Assessment::shortfalls);
  note_gang_failures(result, node.shortfalls);
  node.grade = node.shortfalls.empty() ? "certified" : "indicative";
  return node;
}

}  // namespace assay
