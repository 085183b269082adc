#pragma once
/// The suites as data (docs/figures.md), and how one becomes a plan: which workloads run in
/// which fresh process, in which order, with which rules.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/catalogue.h"
#include "harness/sampler.h"
#include "results/result.h"

namespace assay::harness {

/// Times of one workload in one process.
struct Window {
  double warm_up_min_s = 0.0;
  double warm_up_max_s = 0.0;
  double item_seconds = 0.0;  ///< longest timed window
};

enum class Kernels { roofs, all };

struct Suite {
  std::string_view name;
  std::int64_t processes = 0;
  double target_relative = 0.0;
  bool fixed_time = false;
  Kernels kernels = Kernels::roofs;
  /// Scored items in the first process and in the later ones. With `shared_seconds` the window is
  /// that many seconds divided by the number of items: so long a process keeps the device loaded.
  Window first;
  Window later;
  std::optional<double> shared_seconds_first;
  std::optional<double> shared_seconds_later;
  Window kernel;
  bool scored = true;  ///< the basket's items are in it
  std::optional<Window> roofs =
      std::nullopt;  ///< where the roofs take longer than other kernels; they run first
  /// Of a process: what has not begun by then is left out, and the run is incomplete.
  std::optional<double> budget_seconds = std::nullopt;
};

/// quick: at most two minutes on two cores. Three processes; an item takes 5 s of each, warm-up
/// included; the product and triad as roofs. ±2 %.
/// standard: every kernel and item, about ten minutes; where the basket's steps give a family its
/// shapes (on a CPU), those alone. Three processes. ±1 %.
/// certify: five processes; the first keeps the device loaded for ten minutes, the other four for
/// two minutes each; fixed time, the same product and triad as roofs. ±0.5 %.
/// gpu-check: no item. The roofs and the copy, then a short set of samples of each kernel, most
/// telling first: one of each family before a second of any. One process, four minutes at most.
/// Algorithms that a library offers are chosen in the first process and taken over by the others.
/// On several devices each of a suite's seconds is one of all of them at once, and those that a
/// process shares out among scored items are shared with the items that all train together.
[[nodiscard]] const std::vector<Suite>& suites();

/// Errors: input_error listing the suites.
[[nodiscard]] const Suite& suite_named(std::string_view name);

/// What a user may change; any change but the budget makes the suite "custom".
struct SuiteChoices {
  std::string filter;
  std::optional<std::int64_t> processes;
  std::optional<double> item_seconds;
  std::optional<double> budget_seconds;  ///< of a process, in place of the suite's
};

struct PlannedItem {
  std::string workload;
  std::string basket_item;
  SamplerOptions options;
};

struct PlannedProcess {
  std::int64_t index = 0;
  std::int64_t seed = 0;
  std::vector<PlannedItem> items;                 ///< in the order they run
  std::optional<double> budget_s = std::nullopt;  ///< what has not begun by then is left out
  [[nodiscard]] double expected_seconds() const;
};

struct Plan {
  SuiteRecord record;
  std::vector<PlannedProcess> processes;
  bool has_basket = false;  ///< at least one item of the basket is in it
};

/// The suite for a device: with a filter all matching entries of the catalogue, else the basket's
/// items and the suite's kernels; training steps outside the basket only by filter. Entries that
/// are unavailable on the device are left out. The first process runs them in the catalogue's
/// order, later ones in an order drawn from the seed.
/// Errors: input_error where nothing is left (naming the reason), for a filter that matches
/// nothing, and for choices out of range; also where an item of the basket is unavailable and no
/// filter was given: there is no mean over the rest.
[[nodiscard]] Plan make_plan(const Suite& suite, const SuiteChoices& choices,
                             const Catalogue& catalogue, const Target& target, std::int64_t seed,
                             const TimerRecord& timer);

/// What one planned item is likely to take, in seconds: warm-up, window, set-up and verification.
[[nodiscard]] double expected_seconds(const PlannedItem& item);

}  // namespace assay::harness
