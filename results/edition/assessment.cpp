#include "results/edition/assessment.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "results/edition/basket.h"
#include "results/edition/edition.h"
#include "results/edition/grade.h"
#include "results/edition/item_figures.h"
#include "results/edition/many_devices.h"
#include "results/edition/model_flops.h"
#include "results/edition/rate.h"
#include "results/edition/utilisation.h"

namespace assay {
namespace {

void require_assessable(const ResultDocument& result) {
  if (result.edition != kEdition) {
    throw input_error(fmt::format("measured for edition \"{}\"", result.edition), "edition",
                      fmt::format("this program knows {}", kEdition));
  }
  if (result.processes.empty()) {
    throw input_error("no process was measured", "processes", "run the suite again");
  }
}

/// The basket that the result names, which must be the one this program carries.
std::optional<Basket> basket_of(const ResultDocument& result) {
  if (!result.basket) return std::nullopt;
  Basket basket = load_basket(result.basket->name);
  if (basket.digest != result.basket->digest || basket.version != result.basket->version) {
    throw input_error(fmt::format("the basket {} {} of the result has digest {}, this program's "
                                  "({}) has {}",
                                  result.basket->name, result.basket->version,
                                  result.basket->digest, basket.version, basket.digest),
                      "basket", "assess it with the program it was measured with");
  }
  return basket;
}

std::int64_t dimension(const ItemRecord& record, const std::string& name, std::int64_t otherwise) {
  const auto found = record.problem.find(name);
  return found == record.problem.end() ? otherwise : found->second;
}

bool is_allowed(const std::string& precision, const Basket& basket) {
  if (basket.precision == "bf16_or_fp32") return precision == "bf16" || precision == "fp32";
  return precision == basket.precision;
}

/// What a step of a basket item must be: the basket says, not the result.
void check_against_basket(const Basket& basket, const BasketItem& item,
                          const WorkloadSeries& series, ItemFigures& figures) {
  const ItemRecord& record = series.record();
  const char* const operation = record.problem.contains("devices") ? "_gang/" : "_step/";
  if (!record.workload.starts_with("transformer/" + item.name + operation)) {
    figures.failures.push_back("is not the step of " + item.name);
  }
  if (!is_allowed(record.precision, basket)) {
    figures.failures.push_back(
        fmt::format("ran in {}, the basket says {}", record.precision, basket.precision));
  }
  const std::int64_t sequence = dimension(record, "sequence", 0);
  const double tokens = static_cast<double>(dimension(record, "batch", 0)) *
                        static_cast<double>(sequence) *
                        static_cast<double>(dimension(record, "accumulation", 1));
  if (sequence != item.model.sequence || tokens != static_cast<double>(item.tokens_per_step)) {
    figures.failures.push_back(
        fmt::format("its problem is {:.0f} tokens in sequences of {}, the basket's {} of {}",
                    tokens, sequence, item.tokens_per_step, item.model.sequence));
  }
  const std::int64_t flops = model_flops_per_token(item.model) * item.tokens_per_step;
  if (record.kind != "training_step") figures.failures.emplace_back("is not a training step");
  if (record.flops != flops) {
    figures.failures.push_back(
        fmt::format("states {} model FLOPs a step, the basket says {}", record.flops, flops));
  }
  if (record.tokens != item.tokens_per_step) {
    figures.failures.push_back(fmt::format("states {} tokens a step, the basket says {}",
                                           record.tokens, item.tokens_per_step));
  }
  if (record.training && record.training->vocabulary != item.model.vocabulary) {
    figures.failures.push_back(fmt::format("trained on {} tokens of vocabulary, the basket says {}",
                                           record.training->vocabulary, item.model.vocabulary));
  }
}

/// Splits the workloads into the basket's items, in its order, and the rest. What stands in the way
/// of a rate is returned, empty where nothing does.
std::string sort_workloads(const ResultDocument& result, const Basket* basket,
                           const std::vector<WorkloadSeries>& series, Assessment& assessment,
                           std::vector<ScoredItem>& scored) {
  std::vector<std::string> obstacles;
  for (const WorkloadSeries& workload : series) {
    if (workload.record().basket_item.empty()) {
      assessment.kernels.push_back(item_figures(workload, result.suite));
    }
  }
  if (basket == nullptr) return "the result names no basket";
  for (const BasketItem& item : basket->items) {
    const auto is_item = [&](const WorkloadSeries& candidate) {
      return candidate.record().basket_item == item.name;
    };
    const auto found = std::find_if(series.begin(), series.end(), is_item);
    if (found == series.end()) {
      obstacles.push_back(item.name + " was not measured");
      continue;
    }
    if (std::find_if(found + 1, series.end(), is_item) != series.end()) {
      throw input_error(fmt::format("two workloads are the basket's item {}", item.name),
                        found->workload);
    }
    ItemFigures figures = item_figures(*found, result.suite);
    figures.share = item.share;
    check_against_basket(*basket, item, *found, figures);
    if (found->processes.size() != result.processes.size()) {
      obstacles.push_back(fmt::format("{} was measured in {} of {} processes", item.name,
                                      found->processes.size(), result.processes.size()));
    } else if (!figures.failures.empty()) {
      obstacles.push_back(fmt::format("{} is invalid: {}", item.name, figures.failures[0]));
    }
    scored.push_back({item.share, &*found});
    assessment.items.push_back(std::move(figures));
  }
  for (const WorkloadSeries& workload : series) {
    const std::string& name = workload.record().basket_item;
    const bool known =
        name.empty() || std::any_of(basket->items.begin(), basket->items.end(),
                                    [&](const auto& item) { return item.name == name; });
    if (!known) {
      throw input_error(fmt::format("the basket {} has no item \"{}\"", basket->name, name),
                        workload.workload);
    }
  }
  return fmt::format("{}", fmt::join(obstacles, "; "));
}

/// Power over the bundle, each item for the time it takes: Σ(w·P/T) / Σ(w/T).
void rate_power(Assessment& assessment) {
  if (!assessment.k_cu_per_h.has_value()) {
    assessment.power_w = assessment.energy_j_per_cu =
        Stated<double>::missing(assessment.k_cu_per_h.reason);
    return;
  }
  double energy = 0.0;
  double time = 0.0;
  for (const ItemFigures& item : assessment.items) {
    if (!item.power_w.has_value()) {
      assessment.power_w = assessment.energy_j_per_cu =
          Stated<double>::missing(fmt::format("{}: {}", item.basket_item, item.power_w.reason));
      return;
    }
    energy += *item.power_w.value * item.share / item.pflops;
    time += item.share / item.pflops;
  }
  assessment.power_w = Stated<double>::known(energy / time);
  assessment.energy_j_per_cu =
      Stated<double>::known(energy / time * 3600.0 / *assessment.k_cu_per_h.value);
}

void rate_many_devices(const ResultDocument& result, Assessment& assessment) {
  if (result.device_count == 1) {
    assessment.k_sum_cu_per_h = assessment.k_cu_per_h;
    const auto missing = Stated<double>::missing("one device: no data-parallel run");
    assessment.k_gang_cu_per_h = assessment.eta = missing;
    return;
  }
  const auto missing = Stated<double>::missing(
      fmt::format("the result holds the samples of one of {} devices", result.device_count));
  assessment.k_sum_cu_per_h = assessment.k_gang_cu_per_h = assessment.eta = missing;
}

void refuse_invalid_workloads(const Assessment& assessment) {
  if (assessment.many_devices) {
    for (const DeviceFigures& device : assessment.many_devices->devices) {
      if (device.failures.empty()) continue;
      throw check_error(device.failures.front(), device.id,
                        "an invalid workload can't be certified");
    }
  }
  for (const auto* figures : {&assessment.items, &assessment.kernels}) {
    for (const ItemFigures& item : *figures) {
      if (item.failures.empty()) continue;
      throw check_error(item.failures.front(), item.workload,
                        "an invalid workload can't be certified");
    }
  }
}

}  // namespace

Assessment derive_figures(const ResultDocument& result) {
  return result.devices.empty() ? derive_device(result) : derive_devices(result);
}

Assessment derive_device(const ResultDocument& result) {
  require_assessable(result);
  const std::optional<Basket> basket = basket_of(result);
  const std::vector<WorkloadSeries> series = collect_series(result);
  Assessment assessment;
  assessment.edition = kEdition;
  std::vector<ScoredItem> scored;
  const std::string obstacle =
      sort_workloads(result, basket ? &*basket : nullptr, series, assessment, scored);
  if (obstacle.empty()) {
    rate_device(scored, result.processes.size(), result.timer, assessment);
  } else {
    leave_unrated(obstacle, assessment);
  }
  rate_power(assessment);
  rate_many_devices(result, assessment);
  const PeakLookup peaks = look_up_peaks(result.device, load_peaks());
  rate_utilisation(result, basket ? &*basket : nullptr, series, peaks, assessment);
  const PlausibilityReport plausibility = check_plausibility(result, series, peaks);
  assessment.audit_flags = collect_audit_flags(assessment, plausibility);
  assessment.shortfalls = certification_shortfalls(result, assessment, plausibility);
  assessment.grade = assessment.shortfalls.empty() ? "certified" : "indicative";
  return assessment;
}

Assessment assess(const ResultDocument& result) {
  if (!result.complete) {
    throw check_error(fmt::format("the run is incomplete: {}", result.incomplete_reason), "result",
                      "run the suite again to its end");
  }
  Assessment assessment = derive_figures(result);
  refuse_invalid_workloads(assessment);
  return assessment;
}

}  // namespace assay
