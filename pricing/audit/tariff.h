#pragma once
/// Posted prices, as sellers post them: one row of a CSV each.
///
/// Columns: seller, seller_code (unified social credit code; empty: unknown), sku (the device's
/// name as its certificate states it), unit, price, currency, vat (excluded, included, unstated),
/// date, source; and, where they apply: site, affiliates (codes, separated by ';'), quantity (units
/// that the price buys; 1), devices (of a node), configuration (a basket item, for training
/// tokens), vat_rate, cny_per_currency with exchange_source, region, precision and sparsity (dense,
/// sparse) of a nameplate P, accelerator (row of the peak table whose P the seller counts by, where
/// the device's name is not in that table), certificate (its id; empty: found by seller and SKU),
/// declared_pue.
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/rational.h"

namespace assay::pricing {

/// What a posted unit counts.
enum class Counted { device, node, nameplate_pflops, cu, training_token, inference_token, core };

struct PostedUnit {
  std::string_view name;
  Counted counted;
  int hours;  ///< that one unit lasts; 0: a quantity without time
};

/// A month is 730 hours and a year 8,760, as a seller of 24·365 hours means them.
[[nodiscard]] const std::vector<PostedUnit>& posted_units();

enum class PostedVat { excluded, included, unstated };

struct Tariff {
  std::size_t line = 0;  ///< of the CSV
  std::string seller;
  std::string seller_code;
  std::vector<std::string> affiliates;
  std::string site;
  std::string sku;
  const PostedUnit* unit = nullptr;
  std::string price_text;
  Rational cny;  ///< for one unit, in CNY, VAT as posted
  std::string currency;
  PostedVat vat = PostedVat::excluded;
  std::string vat_rate_text;
  std::optional<Rational> vat_rate;
  std::string date;
  std::string source;
  std::string region;
  int devices = 0;            ///< of a node
  std::string configuration;  ///< basket item
  std::string precision;      ///< empty: not stated
  std::string sparsity;       ///< dense, sparse; empty: not stated
  std::string accelerator;    ///< row of the peak table; empty: by the device's name
  std::string certificate;
  std::optional<Rational> declared_pue;
};

/// Errors: input_error naming file, line and column: what results/csv.h refuses, an unknown unit,
/// a price that is not above 0, a currency without its rate, VAT included without its rate, a date
/// that does not exist, a node without its number of devices, a token without configuration.
[[nodiscard]] std::vector<Tariff> read_tariffs(const std::filesystem::path& path);
[[nodiscard]] std::vector<Tariff> parse_tariffs(std::string_view text, const std::string& file);

}  // namespace assay::pricing
