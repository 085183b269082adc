#pragma once
/// Stated figures in JSON: {"value": x}, or {"value": null, "reason": "..."} where there is none.
/// The functions are found by nlohmann/json itself: `json field = stated;` writes a figure and
/// `field.get<Stated<double>>()` reads it. T is double, std::int64_t, std::string or
/// a vector of integers.
///
/// A schema says the same by a reference to $defs/stated_number (or _integer, _text) as
/// results/schema/result.schema.json has them; a document that passed validate() always reads.
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "results/stated.h"

namespace assay {

template <class T>
concept StatedFigure = std::same_as<T, double> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::string> || std::same_as<T, std::vector<std::int64_t>>;

/// A known figure that is not finite becomes null with that as its reason: JSON has no such
/// number. Errors: input_error for a missing figure without a reason.
template <StatedFigure T>
void to_json(nlohmann::json& field, const Stated<T>& stated) {
  if (stated.has_value()) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(*stated.value)) {
        field = {{"value", nullptr}, {"reason", "the figure was not a finite number"}};
        return;
      }
    }
    field = {{"value", *stated.value}};
    return;
  }
  if (stated.reason.empty()) throw input_error("a missing figure must state its reason");
  field = {{"value", nullptr}, {"reason", stated.reason}};
}

/// Errors: input_error where `field` is not of the form above or the value is of another type.
template <StatedFigure T>
void from_json(const nlohmann::json& field, Stated<T>& stated) {
  if (!field.is_object() || !field.contains("value")) {
    throw input_error("expected an object with a field \"value\"");
  }
  const nlohmann::json& value = field.at("value");
  const bool has_reason = field.contains("reason");
  if (field.size() != (has_reason ? 2U : 1U)) {
    throw input_error("expected no fields but \"value\" and \"reason\"");
  }
  if (value.is_null()) {
    if (!has_reason || !field.at("reason").is_string() ||
        field.at("reason").get_ref<const std::string&>().empty()) {
      throw input_error("a missing figure must state its reason");
    }
    stated = Stated<T>::missing(field.at("reason").get<std::string>());
    return;
  }
  if (has_reason) throw input_error("a reason stands only where \"value\" is null");
  bool fits = false;
  if constexpr (std::same_as<T, double>) fits = value.is_number();
  if constexpr (std::same_as<T, std::int64_t>) fits = value.is_number_integer();
  if constexpr (std::same_as<T, std::string>) fits = value.is_string();
  if constexpr (std::same_as<T, std::vector<std::int64_t>>) {
    fits = value.is_array() && std::all_of(value.begin(), value.end(), [](const auto& element) {
             return element.is_number_integer();
           });
  }
  if (!fits) throw input_error("\"value\" is of the wrong type: " + value.dump());
  stated = Stated<T>::known(value.get<T>());
}

}  // namespace assay
