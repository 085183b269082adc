#pragma once
/// Comparing figures that were derived again with those of a document.
#include <nlohmann/json.hpp>
#include <string>

namespace assay {

struct Comparison {
  bool agrees = true;
  std::string difference;        ///< the first, in words, with its place
  double worst_deviation = 0.0;  ///< relative, over all numbers that agree
};

/// Compares `stated` with `derived`, field by field. Numbers agree within kFigureTolerance
/// (edition.h) of the larger, integers, texts and nulls exactly, arrays in length and order,
/// objects in their fields: a missing figure is a difference, and so is one too many. `place` names
/// both.
[[nodiscard]] Comparison compare_figures(const nlohmann::json& stated,
                                         const nlohmann::json& derived, const std::string& place);

}  // namespace assay
