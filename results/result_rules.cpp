#include "results/result_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "results/json_path.h"

namespace assay {
namespace {

/// Throws at one place of one document.
class Judge {
 public:
  Judge(const std::string& where, const JsonPath& path) : where_(where), path_(path) {}

  void require(bool holds, std::string_view field, const std::string& rule) const {
    if (!holds) throw input_error(rule, place(where_, pointer_text(path_.member(field))));
  }
  void require(bool holds, std::string_view field, std::size_t index,
               const std::string& rule) const {
    if (holds) return;
    const JsonPath array = path_.member(field);
    throw input_error(rule, place(where_, pointer_text(array.element(index))));
  }

 private:
  const std::string& where_;
  const JsonPath& path_;
};

/// Each step has a loss: those of the warm-up and of the samples, and, where devices waited for
/// each other, those that kept this one warm.
void check_steps(const ItemRecord& item, const Judge& judge) {
  const auto losses = static_cast<std::int64_t>(item.training->losses.size());
  const auto samples = static_cast<std::int64_t>(item.sample_end_ns.size());
  // By division: no batch that a document claims may overflow.
  const std::int64_t timed = losses - item.warm_up_iterations;
  const bool exact = timed % item.batch == 0 && timed / item.batch == samples;
  const bool more = timed / item.batch >= samples && item.window_begin_ns.has_value();
  judge.require(exact || more, "losses",
                fmt::format("{} losses for {} warm-up steps and {} samples of {} steps", losses,
                            item.warm_up_iterations, samples, item.batch));
}

void check_training(const ItemRecord& item, const std::string& where, const JsonPath& path) {
  const TrainingRecord& training = *item.training;
  const Judge judge(where, path);
  judge.require(training.gradient_norms.size() == training.losses.size(), "gradient_norms",
                fmt::format("expected one for each of the {} losses, got {}",
                            training.losses.size(), training.gradient_norms.size()));
  if (item.status != "valid") return;
  judge.require(!training.losses.empty(), "losses", "a valid training step has losses");
  check_steps(item, judge);
  for (std::size_t i = 0; i < training.losses.size(); ++i) {
    judge.require(std::isfinite(training.losses[i]), "losses", i,
                  "not a finite number, in an item said to be valid");
    judge.require(std::isfinite(training.gradient_norms[i]), "gradient_norms", i,
                  "not a finite number, in an item said to be valid");
  }
}

void check_checks(const ItemRecord& item, const std::string& where, const JsonPath& path) {
  for (std::size_t i = 0; i < item.checks.size(); ++i) {
    const CheckRecord& check = item.checks[i];
    const JsonPath at = path.element(i);
    const Judge judge(where, at);
    judge.require(
        check.passed == (check.error <= check.bound), "passed",
        fmt::format("contradicts the error {} and the bound {}", check.error, check.bound));
    judge.require(
        check.passed || item.status != "valid", "passed",
        fmt::format("the check \"{}\" failed in an item said to be valid", excerpt(check.name)));
  }
}

void check_item(const ItemRecord& item, const std::string& where, const JsonPath& path) {
  const Judge judge(where, path);
  const bool valid = item.status == "valid";
  judge.require(!valid || !item.sample_end_ns.empty(), "sample_end_ns",
                "no samples, in an item said to be valid");
  judge.require(!valid || !item.checks.empty(), "checks",
                "no output was checked, in an item said to be valid");
  judge.require(!valid || item.warm_up_iterations > 0, "warm_up_iterations",
                "no warm-up, in an item said to be valid");
  for (std::size_t i = 1; i < item.sample_end_ns.size(); ++i) {
    judge.require(item.sample_end_ns[i] > item.sample_end_ns[i - 1], "sample_end_ns", i,
                  fmt::format("sample ends must ascend, got {} after {}", item.sample_end_ns[i],
                              item.sample_end_ns[i - 1]));
  }
  if (item.device_timing && item.device_timing->sm_clock_mhz.has_value()) {
    const std::size_t clocks = item.device_timing->sm_clock_mhz.value->size();
    judge.require(clocks == item.sample_end_ns.size(), "device_timing",
                  fmt::format("expected one SM clock for each of the {} samples, got {}",
                              item.sample_end_ns.size(), clocks));
  }
  judge.require(valid == item.error.empty(), "error",
                valid ? "an error, in an item said to be valid"
                      : fmt::format("an item that is {} states its error", item.status));
  judge.require(item.error.find('\n') == std::string::npos, "error", "must be one line");
  judge.require(!valid || item.stop_reason != "failed", "stop_reason",
                "\"failed\", in an item said to be valid");
  check_checks(item, where, path.member("checks"));
  if (item.kind == "kernel") {
    judge.require(!item.training.has_value(), "training", "a kernel has no training record");
    judge.require(item.basket_item.empty(), "basket_item", "a kernel is no item of a basket");
  } else {
    judge.require(item.training.has_value() || !valid, "training",
                  "a valid training step has a training record");
  }
  judge.require(item.window_begin_ns.has_value() == !item.device.empty() || !valid,
                "window_begin_ns", "stands exactly where a device does");
  judge.require(item.gang_item.empty() || (item.kind == "training_step" &&
                                           item.basket_item.empty() && item.device.empty()),
                "gang_item", "is of a training step that no single device ran");
  if (item.training) check_training(item, where, path.member("training"));
}

void check_process(const ProcessRecord& process, const std::string& where, const JsonPath& path) {
  const JsonPath items = path.member("items");
  std::set<std::pair<std::string, std::string>> done;
  for (std::size_t i = 0; i < process.items.size(); ++i) {
    const ItemRecord& item = process.items[i];
    const JsonPath at = items.element(i);
    const Judge judge(where, at);
    const bool is_planned =
        std::find(process.order.begin(), process.order.end(), item.workload) != process.order.end();
    judge.require(is_planned && done.emplace(item.workload, item.device).second, "workload",
                  fmt::format("\"{}\" is not in the order of this process, or stands twice",
                              excerpt(item.workload)));
    check_item(item, where, at);
  }
}

void check_ran(const ResultDocument& result, const ProcessRecord& process, const Judge& judge) {
  if (result.devices.empty()) {
    judge.require(process.items.size() == process.order.size(), "complete",
                  fmt::format("process {} ran {} of {} workloads", process.index,
                              process.items.size(), process.order.size()));
    return;
  }
  for (const std::string& workload : process.order) {
    std::size_t of_devices = 0;
    std::size_t of_all = 0;
    for (const ItemRecord& item : process.items) {
      if (item.workload == workload) ++(item.device.empty() ? of_all : of_devices);
    }
    const bool once = of_all == 1 && of_devices == 0;
    judge.require(once || (of_all == 0 && of_devices == result.devices.size()), "complete",
                  fmt::format("process {} did not run \"{}\" on all devices", process.index,
                              excerpt(workload)));
  }
}

void check_devices(const ResultDocument& result, const std::string& where, const Judge& judge) {
  std::set<std::string> ids;
  const JsonPath root;
  const JsonPath devices = root.member("devices");
  for (std::size_t i = 0; i < result.devices.size(); ++i) {
    const JsonPath at = devices.element(i);
    Judge(where, at).require(ids.insert(result.devices[i].id).second, "id",
                             "another device has the same");
  }
  if (result.devices.empty()) return;
  judge.require(static_cast<std::int64_t>(result.devices.size()) == result.device_count, "devices",
                fmt::format("expected the {} of device_count, got {}", result.device_count,
                            result.devices.size()));
  judge.require(result.devices.front().id == result.device.id, "devices",
                "the first must be the one of \"device\"");
}

bool has_device(const ResultDocument& result, const std::string& id) {
  return std::any_of(result.devices.begin(), result.devices.end(),
                     [&](const DeviceRecord& device) { return device.id == id; });
}

void check_complete(const ResultDocument& result, const Judge& judge) {
  judge.require(static_cast<std::int64_t>(result.processes.size()) == result.suite.processes,
                "processes",
                fmt::format("a complete run has the {} that its suite asks for, got {}",
                            result.suite.processes, result.processes.size()));
  for (const ProcessRecord& process : result.processes) {
    check_ran(result, process, judge);
    for (const ItemRecord& item : process.items) {
      judge.require(item.status != "interrupted", "complete",
                    fmt::format("process {} was interrupted in \"{}\"", process.index,
                                excerpt(item.workload)));
    }
  }
}

}  // namespace

void check_process_rules(const ProcessRecord& process, const std::string& where) {
  check_process(process, where, {});
}

void check_result_rules(const ResultDocument& result, const std::string& where) {
  const JsonPath root;
  const Judge judge(where, root);
  judge.require(result.complete == result.incomplete_reason.empty(), "incomplete_reason",
                result.complete ? "a reason, in a run said to be complete"
                                : "an incomplete run states its reason");
  check_devices(result, where, judge);
  const JsonPath processes = root.member("processes");
  for (std::size_t i = 0; i < result.processes.size(); ++i) {
    const ProcessRecord& process = result.processes[i];
    const JsonPath at = processes.element(i);
    if (i > 0) {
      Judge(where, at).require(process.index > result.processes[i - 1].index, "index",
                               "process indices must ascend");
    }
    check_process(process, where, at);
    const JsonPath items = at.member("items");
    for (std::size_t j = 0; j < process.items.size(); ++j) {
      const JsonPath item = items.element(j);
      const ItemRecord& record = process.items[j];
      const Judge of_item(where, item);
      const bool scored = !record.basket_item.empty() || !record.gang_item.empty();
      of_item.require(!scored || result.basket.has_value(), "basket_item",
                      "the item of a basket, in a result without one");
      of_item.require(record.device.empty() || has_device(result, record.device), "device",
                      "is none of the result's devices");
    }
  }
  if (result.complete) check_complete(result, judge);
}

}  // namespace assay
