#include "pricing/audit/tariff.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

#include "base/error.h"
#include "pricing/parallel.h"
#include "results/csv.h"
#include "results/date_time.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing {

namespace {

constexpr int kDay = 24;
constexpr int kMonth = 730;
constexpr int kYear = 8760;
constexpr int kMostDevices = 1024;
constexpr std::size_t kCreditCodeLength = 18;

/// The columns, in the order of kColumns.
enum class Column : std::size_t {
  seller,
  seller_code,
  sku,
  unit,
  price,
  currency,
  vat,
  date,
  source,
  site,
  affiliates,
  quantity,
  devices,
  configuration,
  vat_rate,
  cny_per_currency,
  exchange_source,
  region,
  precision,
  sparsity,
  accelerator,
  certificate,
  declared_pue
};
constexpr std::size_t kRequired = 9;
constexpr std::array<std::string_view, 23> kColumns = {
    "seller",          "seller_code",   "sku",         "unit",
    "price",           "currency",      "vat",         "date",
    "source",          "site",          "affiliates",  "quantity",
    "devices",         "configuration", "vat_rate",    "cny_per_currency",
    "exchange_source", "region",        "precision",   "sparsity",
    "accelerator",     "certificate",   "declared_pue"};

/// Where the columns stand in this file, looked up once.
struct Layout {
  std::array<std::optional<std::size_t>, kColumns.size()> positions;

  explicit Layout(const CsvTable& table) {
    for (std::size_t i = 0; i < kColumns.size(); ++i) positions[i] = table.position(kColumns[i]);
  }
};

/// One row. Where a field stands is put into words only when it has to be refused.
class Row {
 public:
  Row(const CsvTable& table, const Layout& layout, std::size_t row)
      : table_(table), layout_(layout), row_(row) {}

  [[nodiscard]] const std::string& text(Column column) const {
    static const std::string nothing;
    const std::optional<std::size_t>& position =
        layout_.positions[static_cast<std::size_t>(column)];
    return position ? table_.rows[row_][*position] : nothing;
  }
  [[nodiscard]] const std::string& needed(Column column) const {
    const std::string& found = text(column);
    if (found.empty()) throw input_error("is empty", where(column), "fill it in");
    return found;
  }
  [[nodiscard]] std::string where(Column column) const {
    return table_.where(row_, kColumns[static_cast<std::size_t>(column)]);
  }
  [[nodiscard]] Rational decimal(Column column) const {
    std::optional<Rational> value = decimal_of(text(column));
    return value ? std::move(*value) : parse_decimal(text(column), where(column));
  }
  [[nodiscard]] Rational positive(Column column) const {
    Rational value = decimal(column);
    if (numerator(value) <= 0) {
      throw input_error(excerpt(text(column)) + " is not above 0", where(column));
    }
    return value;
  }
  /// A field that holds one of a few words; the empty one, where allowed, stands first.
  [[nodiscard]] const std::string& one_of(Column column,
                                          std::initializer_list<std::string_view> allowed) const {
    const std::string& found = text(column);
    if (std::find(allowed.begin(), allowed.end(), found) != allowed.end()) return found;
    std::string names;
    for (const std::string_view each : allowed) {
      if (!each.empty()) names += (names.empty() ? "" : ", ") + std::string(each);
    }
    throw input_error("'" + excerpt(found) + "' is not allowed", where(column), "one of: " + names);
  }
  [[nodiscard]] std::size_t line() const { return table_.lines[row_]; }

 private:
  const CsvTable& table_;
  const Layout& layout_;
  std::size_t row_;
};

const PostedUnit* unit_of(const Row& row) {
  const std::string& name = row.needed(Column::unit);
  for (const PostedUnit& unit : posted_units()) {
    if (unit.name == name) return &unit;
  }
  std::vector<std::string> names;
  for (const PostedUnit& unit : posted_units()) names.emplace_back(unit.name);
  const std::string near = near_name(name, names);
  throw input_error("unknown unit '" + excerpt(name) + "'", row.where(Column::unit),
                    "did you mean '" + (near.empty() ? names.front() : near) + "'?");
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

void check_code(const Row& row, Column column, const std::string& code) {
  const bool letters = std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  });
  if (code.size() != kCreditCodeLength || !letters) {
    throw input_error("'" + excerpt(code) + "' is no unified social credit code", row.where(column),
                      "18 digits and capitals; leave it empty where it is unknown");
  }
}

void read_price(const Row& row, Tariff& tariff) {
  tariff.price_text = row.needed(Column::price);
  tariff.cny = row.positive(Column::price);
  if (!row.text(Column::quantity).empty()) tariff.cny /= row.positive(Column::quantity);
  tariff.currency = row.needed(Column::currency);
  const bool rate = !row.text(Column::cny_per_currency).empty();
  if (tariff.currency == "CNY") {
    if (!rate) return;
    throw input_error("CNY needs no exchange rate", row.where(Column::cny_per_currency),
                      "leave it empty");
  }
  if (!rate) {
    throw input_error("a price in " + excerpt(tariff.currency) + " without an exchange rate",
                      row.where(Column::currency), "give cny_per_currency and exchange_source");
  }
  tariff.cny *= row.positive(Column::cny_per_currency);
  (void)row.needed(Column::exchange_source);
}

void read_vat(const Row& row, Tariff& tariff) {
  const std::string& basis = row.one_of(Column::vat, {"excluded", "included", "unstated"});
  tariff.vat = basis == "excluded"   ? PostedVat::excluded
               : basis == "included" ? PostedVat::included
                                     : PostedVat::unstated;
  tariff.vat_rate_text = row.text(Column::vat_rate);
  if (!tariff.vat_rate_text.empty()) {
    tariff.vat_rate = row.decimal(Column::vat_rate);
    if (*tariff.vat_rate < 0 || *tariff.vat_rate >= 1) {
      throw input_error("a VAT rate of " + tariff.vat_rate_text, row.where(Column::vat_rate),
                        "write 13 % as 0.13");
    }
  } else if (tariff.vat == PostedVat::included) {
    throw input_error("VAT is included at no stated rate", row.where(Column::vat),
                      "give vat_rate, or write unstated");
  }
}

void read_unit(const Row& row, Tariff& tariff) {
  tariff.unit = unit_of(row);
  if (tariff.unit->counted == Counted::node) {
    const std::string& text = row.needed(Column::devices);
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), tariff.devices);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || tariff.devices < 1 || tariff.devices > kMostDevices) {
      throw input_error("a node of '" + excerpt(text) + "' devices", row.where(Column::devices),
                        "a whole number from 1 to 1024");
    }
  }
  if (tariff.unit->counted == Counted::training_token) {
    tariff.configuration = row.needed(Column::configuration);
  }
  tariff.precision = row.one_of(Column::precision, {"", "fp16", "bf16", "fp8", "tf32", "fp32"});
  tariff.sparsity = row.one_of(Column::sparsity, {"", "dense", "sparse"});
  tariff.accelerator = row.text(Column::accelerator);
}

Tariff tariff_of(const Row& row) {
  Tariff tariff;
  tariff.line = row.line();
  tariff.seller = row.needed(Column::seller);
  tariff.seller_code = row.text(Column::seller_code);
  if (!tariff.seller_code.empty()) check_code(row, Column::seller_code, tariff.seller_code);
  tariff.affiliates = split(row.text(Column::affiliates));
  for (const std::string& code : tariff.affiliates) check_code(row, Column::affiliates, code);
  tariff.site = row.text(Column::site);
  tariff.sku = row.needed(Column::sku);
  read_unit(row, tariff);
  read_price(row, tariff);
  read_vat(row, tariff);
  tariff.date = row.text(Column::date);  // many posted prices have none: it stays unknown
  if (!tariff.date.empty() && !is_date(tariff.date)) {
    throw input_error("'" + excerpt(tariff.date) + "' is no date", row.where(Column::date),
                      "write it as 2026-01-31, or leave it empty where it is unknown");
  }
  tariff.source = row.needed(Column::source);
  tariff.region = row.text(Column::region);
  tariff.certificate = row.text(Column::certificate);
  if (!row.text(Column::declared_pue).empty()) {
    tariff.declared_pue = row.decimal(Column::declared_pue);
    if (*tariff.declared_pue < 1) {
      throw input_error("a PUE of " + row.text(Column::declared_pue),
                        row.where(Column::declared_pue), "a PUE is at least 1");
    }
  }
  return tariff;
}

}  // namespace

const std::vector<PostedUnit>& posted_units() {
  static const std::vector<PostedUnit> units = {{"card_hour", Counted::device, 1},
                                                {"card_day", Counted::device, kDay},
                                                {"card_month", Counted::device, kMonth},
                                                {"card_year", Counted::device, kYear},
                                                {"node_hour", Counted::node, 1},
                                                {"node_day", Counted::node, kDay},
                                                {"node_month", Counted::node, kMonth},
                                                {"node_year", Counted::node, kYear},
                                                {"p_day", Counted::nameplate_pflops, kDay},
                                                {"p_year", Counted::nameplate_pflops, kYear},
                                                {"cu", Counted::cu, 0},
                                                {"training_token", Counted::training_token, 0},
                                                {"inference_token", Counted::inference_token, 0},
                                                {"core_hour", Counted::core, 1}};
  return units;
}

std::vector<Tariff> parse_tariffs(std::string_view text, const std::string& file) {
  const std::vector<std::string> names(kColumns.begin(), kColumns.end());
  const auto optional = names.begin() + kRequired;
  const CsvTable table = parse_csv(text, file, {names.begin(), optional}, {optional, names.end()});
  const Layout layout(table);
  std::vector<Tariff> tariffs(table.rows.size());
  in_parallel(tariffs.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) tariffs[i] = tariff_of(Row(table, layout, i));
  });
  return tariffs;
}

std::vector<Tariff> read_tariffs(const std::filesystem::path& path) {
  return parse_tariffs(read_file(path), path.string());
}

}  // namespace assay::pricing
