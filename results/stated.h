#pragma once
/// A figure that may be missing, but never silently: a value, or the reason why there is none.
/// JSON: {"value": x} or {"value": null, "reason": "..."}.
#include <optional>
#include <string>
#include <utility>

namespace assay {

template <class T>
struct Stated {
  std::optional<T> value;
  std::string reason;  ///< non-empty iff there is no value

  [[nodiscard]] static Stated known(T known_value) { return {std::move(known_value), {}}; }
  [[nodiscard]] static Stated missing(std::string why) { return {std::nullopt, std::move(why)}; }
  [[nodiscard]] bool has_value() const { return value.has_value(); }
};

}  // namespace assay
