#include "results/figure_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/edition/edition.h"

namespace assay {
namespace {

using nlohmann::json;

void differ(Comparison& comparison, std::string difference) {
  if (!comparison.agrees) return;
  comparison.agrees = false;
  comparison.difference = std::move(difference);
}

void compare(const json& stated, const json& derived, const std::string& place,
             Comparison& comparison) {
  if (!comparison.agrees) return;
  if (derived.is_object() && stated.is_object()) {
    for (const auto& [name, value] : derived.items()) {
      const std::string field = place + "." + name;
      if (!stated.contains(name)) {
        differ(comparison, fmt::format("{} is missing, derived {}", field, value.dump()));
      } else {
        compare(stated.at(name), value, field, comparison);
      }
    }
    for (const auto& [name, value] : stated.items()) {
      if (!derived.contains(name)) {
        differ(comparison,
               fmt::format("{}.{} says {} and can't be derived", place, name, value.dump()));
      }
    }
    return;
  }
  if (derived.is_array() && stated.is_array()) {
    if (stated.size() != derived.size()) {
      differ(comparison,
             fmt::format("{} has {} entries, derived {}", place, stated.size(), derived.size()));
    }
    for (std::size_t i = 0; i < derived.size() && comparison.agrees; ++i) {
      compare(stated[i], derived[i], fmt::format("{}[{}]", place, i), comparison);
    }
    return;
  }
  const bool whole = stated.is_number_integer() && derived.is_number_integer();
  if (stated.is_number() && derived.is_number() && !whole) {
    const auto said = stated.get<double>();
    const auto again = derived.get<double>();
    const double scale = std::max(std::abs(said), std::abs(again));
    const double deviation = said == again ? 0.0 : std::abs(said - again) / scale;
    if (deviation <= kFigureTolerance) {
      comparison.worst_deviation = std::max(comparison.worst_deviation, deviation);
      return;
    }
  } else if (stated == derived) {
    return;
  }
  differ(comparison, fmt::format("{} says {}, derived {}", place, stated.dump(), derived.dump()));
}

}  // namespace

Comparison compare_figures(const json& stated, const json& derived, const std::string& place) {
  Comparison comparison;
  compare(stated, derived, place, comparison);
  return comparison;
}

}  // namespace assay
