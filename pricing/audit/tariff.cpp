#include "pricing/audit/tariff.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
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

const PostedUnit* unit_of(const std::string& name, const std::string& where) {
  for (const PostedUnit& unit : posted_units()) {
    if (unit.name == name) return &unit;
  }
  std::vector<std::string> names;
  for (const PostedUnit& unit : posted_units()) names.emplace_back(unit.name);
  const std::string near = near_name(name, names);
  throw input_error("unknown unit '" + excerpt(name) + "'", where,
                    "did you mean '" + (near.empty() ? names.front() : near) + "'?");
}

Rational positive(const std::string& text, const std::string& where) {
  const Rational value = parse_decimal(text, where);
  if (value <= 0) throw input_error(excerpt(text) + " is not above 0", where);
  return value;
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

void check_code(const std::string& code, const std::string& where) {
  const bool letters = std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
  });
  if (code.size() != kCreditCodeLength || !letters) {
    throw input_error("'" + excerpt(code) + "' is no unified social credit code", where,
                      "18 digits and capitals; leave it empty where it is unknown");
  }
}

std::string one_of(const std::string& text, const std::vector<std::string>& allowed,
                   const std::string& where) {
  if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
  std::string names;
  for (const std::string& each : allowed) {
    if (!each.empty()) names += (names.empty() ? "" : ", ") + each;
  }
  throw input_error("'" + excerpt(text) + "' is not allowed", where, "one of: " + names);
}

class Row {
 public:
  Row(const CsvTable& table, std::size_t row) : table_(table), row_(row) {}

  [[nodiscard]] std::string text(std::string_view column) const {
    return table_.has(column) ? table_.at(row_, column) : std::string();
  }
  [[nodiscard]] std::string needed(std::string_view column) const {
    std::string found = text(column);
    if (found.empty()) throw input_error("is empty", where(column), "fill it in");
    return found;
  }
  [[nodiscard]] std::string where(std::string_view column) const {
    return table_.where(row_, column);
  }

 private:
  const CsvTable& table_;
  std::size_t row_;
};

void read_price(const Row& row, Tariff& tariff) {
  tariff.price_text = row.needed("price");
  tariff.cny = positive(tariff.price_text, row.where("price"));
  if (const std::string quantity = row.text("quantity"); !quantity.empty()) {
    tariff.cny /= positive(quantity, row.where("quantity"));
  }
  tariff.currency = row.needed("currency");
  const std::string rate = row.text("cny_per_currency");
  if (tariff.currency == "CNY") {
    if (!rate.empty()) {
      throw input_error("CNY needs no exchange rate", row.where("cny_per_currency"),
                        "leave it empty");
    }
    return;
  }
  if (rate.empty()) {
    throw input_error("a price in " + excerpt(tariff.currency) + " without an exchange rate",
                      row.where("currency"), "give cny_per_currency and exchange_source");
  }
  tariff.cny *= positive(rate, row.where("cny_per_currency"));
  (void)row.needed("exchange_source");
}

void read_vat(const Row& row, Tariff& tariff) {
  const std::string basis =
      one_of(row.text("vat"), {"excluded", "included", "unstated"}, row.where("vat"));
  tariff.vat = basis == "excluded"   ? PostedVat::excluded
               : basis == "included" ? PostedVat::included
                                     : PostedVat::unstated;
  const std::string rate = row.text("vat_rate");
  if (!rate.empty()) {
    tariff.vat_rate = parse_decimal(rate, row.where("vat_rate"));
    if (*tariff.vat_rate < 0 || *tariff.vat_rate >= 1) {
      throw input_error("a VAT rate of " + rate, row.where("vat_rate"), "write 13 % as 0.13");
    }
  } else if (tariff.vat == PostedVat::included) {
    throw input_error("VAT is included at no stated rate", row.where("vat"),
                      "give vat_rate, or write unstated");
  }
}

void read_unit(const Row& row, Tariff& tariff) {
  tariff.unit = unit_of(row.needed("unit"), row.where("unit"));
  if (tariff.unit->counted == Counted::node) {
    const std::string text = row.needed("devices");
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), tariff.devices);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || tariff.devices < 1 || tariff.devices > kMostDevices) {
      throw input_error("a node of '" + excerpt(text) + "' devices", row.where("devices"),
                        "a whole number from 1 to 1024");
    }
  }
  if (tariff.unit->counted == Counted::training_token) {
    tariff.configuration = row.needed("configuration");
  }
  tariff.precision = one_of(row.text("precision"), {"", "fp16", "bf16", "fp8", "tf32", "fp32"},
                            row.where("precision"));
  tariff.sparsity = one_of(row.text("sparsity"), {"", "dense", "sparse"}, row.where("sparsity"));
}

Tariff tariff_of(const CsvTable& table, std::size_t index) {
  const Row row(table, index);
  Tariff tariff;
  tariff.line = table.lines[index];
  tariff.seller = row.needed("seller");
  tariff.seller_code = row.text("seller_code");
  if (!tariff.seller_code.empty()) check_code(tariff.seller_code, row.where("seller_code"));
  tariff.affiliates = split(row.text("affiliates"));
  for (const std::string& code : tariff.affiliates) check_code(code, row.where("affiliates"));
  tariff.site = row.text("site");
  tariff.sku = row.needed("sku");
  read_unit(row, tariff);
  read_price(row, tariff);
  read_vat(row, tariff);
  tariff.date = row.text("date");  // many posted prices have none: it stays unknown
  if (!tariff.date.empty() && !is_date(tariff.date)) {
    throw input_error("'" + excerpt(tariff.date) + "' is no date", row.where("date"),
                      "write it as 2026-01-31, or leave it empty where it is unknown");
  }
  tariff.source = row.needed("source");
  tariff.region = row.text("region");
  tariff.certificate = row.text("certificate");
  if (const std::string pue = row.text("declared_pue"); !pue.empty()) {
    tariff.declared_pue = parse_decimal(pue, row.where("declared_pue"));
    if (*tariff.declared_pue < 1) {
      throw input_error("a PUE of " + pue, row.where("declared_pue"), "a PUE is at least 1");
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
  const CsvTable table = parse_csv(
      text, file,
      {"seller", "seller_code", "sku", "unit", "price", "currency", "vat", "date", "source"},
      {"site", "affiliates", "quantity", "devices", "configuration", "vat_rate", "cny_per_currency",
       "exchange_source", "region", "precision", "sparsity", "certificate", "declared_pue"});
  std::vector<Tariff> tariffs;
  tariffs.reserve(table.rows.size());
  for (std::size_t row = 0; row < table.rows.size(); ++row)
    tariffs.push_back(tariff_of(table, row));
  return tariffs;
}

std::vector<Tariff> read_tariffs(const std::filesystem::path& path) {
  return parse_tariffs(read_file(path), path.string());
}

}  // namespace assay::pricing
