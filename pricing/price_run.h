#pragma once
/// What `assay price` does: reads documents, prices, and writes only when everything came out.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pricing/monte_carlo.h"

namespace assay::pricing {

/// As the command takes them; an empty path is one that was not given.
struct PriceRun {
  std::vector<std::filesystem::path> certificates;
  std::filesystem::path key;
  std::filesystem::path revocations;  ///< CSV, pricing/revocations.h
  std::string basket;                 ///< the only basket to price by; empty: whichever it is
  std::filesystem::path cost_sheet;
  std::filesystem::path assets;
  std::filesystem::path meter;
  std::filesystem::path completed_sheet;
  std::filesystem::path output = "rate-card.json";
  std::filesystem::path report;
  std::filesystem::path filing;
  std::string date_utc;
  std::int64_t draws = kDefaultDraws;
  std::uint64_t seed = kDefaultSeed;
  std::filesystem::path ceiling_rule;
  std::filesystem::path rate_cards;
  std::string supplier;
};

struct PriceOutcome {
  std::string text;         ///< for a person
  nlohmann::json document;  ///< the card, the site's rate or the proposal
};

/// Errors: those of what it calls; input_error for options that do not go together.
[[nodiscard]] PriceOutcome run_price(const PriceRun& run);

}  // namespace assay::pricing
