#pragma once
/// A result's raw figures for a terminal: what ran, nothing judged.
#include <string>

#include "results/result.h"

namespace assay::cli {

[[nodiscard]] std::string result_table(const ResultDocument& result);

}  // namespace assay::cli
