#pragma once
/// Running a suite: fresh processes one after the other, and the result document of them all.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "harness/measure_process.h"
#include "harness/suite.h"
#include "results/result.h"

namespace assay::harness {

/// The edition whose rules this harness measures for.
inline constexpr const char* kEdition = "2026.1";

struct RunOptions {
  std::string suite = "quick";
  std::string device = "best";  ///< or several: "cuda:0,cuda:1", "cuda:all"
  std::optional<std::string> cpu_isa;
  std::optional<std::string> basket;  ///< nothing: the one for such a device (basket_for)
  SuiteChoices choices;               ///< filter, processes, item_seconds: a "custom" suite
  std::optional<std::int64_t> seed;   ///< repeats a run's tokens, inputs and order
  bool show_progress = true;          ///< a bar on standard error, if that is a terminal
};

/// Measures and returns the document. Ctrl-C: the running process finishes its sample, and the
/// document is returned with complete = false and the reason; a second Ctrl-C ends the process at
/// once. A crashed process leaves what it had, says so in the item's record, and ends the run,
/// incomplete. Nothing is printed but the bar.
/// Errors: input_error for unknown suites, devices, filters; check_error where no process starts.
[[nodiscard]] ResultDocument run_suite(const RunOptions& options,
                                       const CatalogueSource& source = make_catalogue,
                                       const DeviceSource& find = machine_devices);

/// What will keep a run of the suite from the grade `certified`, whatever it measures: better known
/// before its 20 minutes than after. Empty for suites that aren't graded so.
[[nodiscard]] std::vector<std::string> foreseen_shortfalls(const RunOptions& options);

/// What a run's exit code says: nothing where it is complete and each workload is valid, else the
/// check error to end with, which names the first that is not.
[[nodiscard]] std::optional<Error> verdict(const ResultDocument& result);

/// OpenMP's settings for measuring on the device, without those that the user has set: one thread
/// a usable core, bound close together. Without binding the scheduler moves threads about, and a
/// run measures that too.
[[nodiscard]] std::map<std::string, std::string> thread_settings(const Device& device);

}  // namespace assay::harness
