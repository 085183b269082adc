#include "harness/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/philox.h"
#include "results/edition/edition.h"
#include "results/edition/loss_gate.h"

namespace assay::harness {
namespace {

constexpr double kDay = 86'400.0;

/// The roofs: the arithmetic roof is the square product in the precision of the basket's steps
/// (docs/figures.md), the memory roof is triad.
bool is_roof(const Workload& workload, Precision step_precision) {
  if (workload.family == "stream") return workload.operation == "triad";
  return workload.family == "gemm" && workload.operation == "square" &&
         workload.precision == step_precision;
}

Precision step_precision_of(const Catalogue& catalogue) {
  for (const CatalogueEntry& entry : catalogue) {
    if (!entry.basket_item.empty()) return entry.workload.precision;
  }
  return Precision::fp32;
}

/// The families whose kernels the basket's steps give their shapes. Other shapes of these are left
/// out of a suite that takes all kernels: the basket's explain its rate, and time is short.
std::set<std::string> families_of_basket(const Catalogue& catalogue) {
  std::set<std::string> families;
  for (const CatalogueEntry& entry : catalogue) {
    if (entry.basket_kernel) families.insert(entry.workload.family);
  }
  return families;
}

bool in_suite(const CatalogueEntry& entry, const Suite& suite, Precision step_precision,
              const std::set<std::string>& basket_families) {
  if (!entry.basket_item.empty() || !entry.gang_item.empty()) return suite.scored;
  if (entry.workload.kind == WorkloadKind::training_step) return false;
  if (is_roof(entry.workload, step_precision)) return true;
  if (suite.kernels == Kernels::roofs) return false;
  return entry.basket_kernel || !basket_families.contains(entry.workload.family);
}

/// Most telling first: the roofs and the copy, then the first of each family, the second of each…
/// Whatever a budget cuts off, each family has been seen.
void most_telling_first(Catalogue& entries, Precision step_precision) {
  std::map<std::string, int> seen;
  std::vector<std::pair<int, CatalogueEntry>> ranked;
  for (CatalogueEntry& entry : entries) {
    const bool first = is_roof(entry.workload, step_precision) || entry.workload.family == "stream";
    ranked.emplace_back(first ? 0 : ++seen[entry.workload.family], std::move(entry));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = std::move(ranked[i].second);
}

Catalogue chosen_entries(const Suite& suite, const SuiteChoices& choices,
                         const Catalogue& catalogue, const Target& target) {
  const bool by_filter = !choices.filter.empty();
  const Catalogue candidates = filtered(catalogue, choices.filter);
  const Precision precision = step_precision_of(catalogue);
  const std::set<std::string> basket_families = families_of_basket(catalogue);
  Catalogue chosen;
  std::string why_not;
  for (const CatalogueEntry& entry : candidates) {
    if (!by_filter && !in_suite(entry, suite, precision, basket_families)) continue;
    if (const auto reason = unavailable_on(entry.workload, target)) {
      why_not = *reason;
      if (!by_filter && !entry.basket_item.empty()) {
        throw input_error(*reason, "basket item " + entry.basket_item,
                          "there is no rate without all items; name single ones by --filter");
      }
      continue;
    }
    chosen.push_back(entry);
  }
  if (chosen.empty()) {
    throw input_error(why_not.empty() ? "nothing to run" : why_not,
                      by_filter ? "--filter " + choices.filter : std::string(suite.name));
  }
  if (suite.roofs) most_telling_first(chosen, precision);
  return chosen;
}

void check(const SuiteChoices& choices) {
  if (choices.processes && (*choices.processes < 1 || *choices.processes > 1000)) {
    throw input_error("the number of processes must lie between 1 and 1000", "--processes");
  }
  const bool sensible =
      !choices.item_seconds || (*choices.item_seconds >= 0.01 && *choices.item_seconds <= kDay);
  if (!sensible) throw input_error("must lie between 0.01 and 86400 s", "--item-seconds");
  if (choices.budget_seconds &&
      !(*choices.budget_seconds > 0.0 && *choices.budget_seconds <= kDay)) {
    throw input_error("must be more than 0 and at most 86400 s", "--budget-seconds");
  }
}

Window scored_window(const Suite& suite, bool first, std::size_t scored_items) {
  Window window = first ? suite.first : suite.later;
  const auto& shared = first ? suite.shared_seconds_first : suite.shared_seconds_later;
  if (shared) {
    window.item_seconds = *shared / static_cast<double>(std::max<std::size_t>(scored_items, 1));
  }
  return window;
}

SamplerOptions sampler_options(const Suite& suite, const SuiteChoices& choices, Window window,
                               bool scored, const TimerRecord& timer) {
  if (choices.item_seconds) {
    window.item_seconds =
        scored ? *choices.item_seconds : std::min(window.item_seconds, *choices.item_seconds);
    window.warm_up_max_s = std::min(window.warm_up_max_s, window.item_seconds);
    window.warm_up_min_s = std::min(window.warm_up_min_s, window.warm_up_max_s);
  }
  SamplerOptions options;
  options.rule.estimator = scored ? Estimator::ratio_of_sums : Estimator::median;
  options.rule.target_relative = suite.target_relative;
  options.rule.drift_max_relative = suite.target_relative;
  options.fixed_time = suite.fixed_time;
  if (scored) options.iterations_min = kLossGateStepsMin;
  options.item_seconds = window.item_seconds;
  options.warm_up_min_s = window.warm_up_min_s;
  options.warm_up_max_s = window.warm_up_max_s;
  options.clock_step_ns = static_cast<double>(timer.resolution_ns) + timer.read_cost_ns;
  return options;
}

/// Fisher-Yates with Philox words keyed by seed and process.
void shuffle(std::vector<PlannedItem>& items, std::int64_t seed, std::int64_t process) {
  for (std::size_t i = items.size(); i > 1; --i) {
    const Philox4 draw =
        philox(static_cast<std::uint64_t>(seed), i, static_cast<std::uint64_t>(process));
    const auto j = static_cast<std::size_t>(philox_uniform(draw.word[0]) * static_cast<double>(i));
    std::swap(items[i - 1], items[std::min(j, i - 1)]);
  }
}

}  // namespace

const std::vector<Suite>& suites() {
  static const std::vector<Suite> kSuites = {
      {.name = "quick",
       .processes = 3,
       .target_relative = 0.02,
       .fixed_time = false,
       .kernels = Kernels::roofs,
       .first = {0.5, 1.0, 4.0},
       .later = {0.5, 1.0, 4.0},
       .shared_seconds_first = {},
       .shared_seconds_later = {},
       .kernel = {0.2, 0.5, 1.5}},
      {.name = "standard",
       .processes = 3,
       .target_relative = 0.01,
       .fixed_time = false,
       .kernels = Kernels::all,
       .first = {0.5, 2.0, 8.0},
       .later = {0.5, 2.0, 8.0},
       .shared_seconds_first = {},
       .shared_seconds_later = {},
       .kernel = {0.1, 0.4, 0.5}},
      {.name = "certify",
       .processes = 5,
       .target_relative = kCertifyTargetRelative,
       .fixed_time = true,
       .kernels = Kernels::roofs,
       .first = {1.0, 10.0, 0.0},
       .later = {1.0, 5.0, 0.0},
       .shared_seconds_first = 600.0,
       .shared_seconds_later = 120.0,
       .kernel = {0.5, 2.0, 5.0}},
      {.name = "gpu-check",
       .processes = 1,
       .target_relative = 0.02,
       .fixed_time = false,
       .kernels = Kernels::all,
       .first = {},
       .later = {},
       .shared_seconds_first = {},
       .shared_seconds_later = {},
       .kernel = {0.02, 0.1, 0.4},
       .scored = false,
       .roofs = Window{0.2, 0.5, 1.5},
       .budget_seconds = 240.0},
  };
  return kSuites;
}

const Suite& suite_named(std::string_view name) {
  std::string names;
  for (const Suite& suite : suites()) {
    if (suite.name == name) return suite;
    names += (names.empty() ? "" : ", ") + std::string(suite.name);
  }
  throw input_error("no such suite", "--suite " + std::string(name), "there are " + names);
}

double expected_seconds(const PlannedItem& item) {
  // Set-up and verification of a kernel take a few tenths of a second.
  constexpr double kAround = 0.4;
  return item.options.warm_up_min_s + item.options.item_seconds + kAround;
}

double PlannedProcess::expected_seconds() const {
  return std::accumulate(items.begin(), items.end(), 0.0, [](double sum, const PlannedItem& item) {
    return sum + harness::expected_seconds(item);
  });
}

Plan make_plan(const Suite& suite, const SuiteChoices& choices, const Catalogue& catalogue,
               const Target& target, std::int64_t seed, const TimerRecord& timer) {
  check(choices);
  const Catalogue entries = chosen_entries(suite, choices, catalogue, target);
  const auto scored = static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](const CatalogueEntry& entry) {
        return !entry.basket_item.empty() || !entry.gang_item.empty();
      }));
  Plan plan;
  plan.has_basket = scored > 0;
  const bool custom = !choices.filter.empty() || choices.processes || choices.item_seconds;
  SuiteRecord& record = plan.record;
  record.name = custom ? "custom" : std::string(suite.name);
  record.processes = choices.processes.value_or(suite.processes);
  record.target_relative = suite.target_relative;
  record.fixed_time = suite.fixed_time;
  record.filter = choices.filter;
  const Precision precision = step_precision_of(catalogue);
  for (std::int64_t index = 0; index < record.processes; ++index) {
    PlannedProcess process{index, seed, {}, suite.budget_seconds};
    if (choices.budget_seconds) process.budget_s = choices.budget_seconds;
    for (const CatalogueEntry& entry : entries) {
      // A training step outside the basket is timed like a scored one: its steps take as long.
      const bool step = entry.workload.kind == WorkloadKind::training_step;
      Window window = step ? scored_window(suite, index == 0, scored) : suite.kernel;
      if (suite.roofs && is_roof(entry.workload, precision)) window = *suite.roofs;
      process.items.push_back({entry.workload.name, entry.basket_item,
                               sampler_options(suite, choices, window, step, timer)});
      record.item_seconds =
          std::max(record.item_seconds, process.items.back().options.item_seconds);
    }
    if (index > 0) shuffle(process.items, seed, index);
    plan.processes.push_back(std::move(process));
  }
  const SamplerOptions& any = plan.processes.front().items.front().options;
  record.look_factor = any.rule.look_factor;
  record.effective_samples_min = any.rule.effective_samples_min;
  record.warm_up_slope_max = any.warm_up_slope_max;
  return plan;
}

}  // namespace assay::harness
