#include "pricing/cost_sheet_import.h"

#include <map>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/rational.h"
#include "results/csv.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kPowerDecimals = 3;

std::string checked_decimal(const CsvTable& table, std::size_t row, const std::string& column) {
  const std::string& text = table.at(row, column);
  if (parse_decimal(text, table.where(row, column)) < 0) {
    throw input_error("'" + text + "' is below 0", table.where(row, column),
                      "state amounts as zero or more");
  }
  return text;
}

json vat_of(const CsvTable& table, std::size_t row) {
  const std::string& basis = table.at(row, "vat_basis");
  if (basis != "excluded" && basis != "included") {
    throw input_error("'" + excerpt(basis) + "' is not a VAT basis", table.where(row, "vat_basis"),
                      "write excluded or included");
  }
  const std::string& rate = table.at(row, "vat_rate");
  if (rate.empty() && basis == "included") {
    throw input_error("VAT is included at an unknown rate", table.where(row, "vat_rate"),
                      "state the rate, e.g. 0.13");
  }
  return {{"basis", basis},
          {"rate", rate.empty() ? json(nullptr) : json(checked_decimal(table, row, "vat_rate"))}};
}

/// A price's fields, with the row's source and date.
json money(const CsvTable& table, std::size_t row, const std::string& value) {
  const std::string& currency = table.at(row, "currency");
  const bool code = currency.size() == 3 &&
                    currency.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
  if (!code) {
    throw input_error("'" + excerpt(currency) + "' is not a currency", table.where(row, "currency"),
                      "write three letters, like CNY");
  }
  const std::string& source = table.at(row, "source");
  const std::string& date = table.at(row, "date");
  if (!date.empty()) (void)parse_date(date, table.where(row, "date"));
  if (source.empty()) {
    throw input_error("the line has no source", table.where(row, "source"),
                      "name the contract or invoice that the price is from");
  }
  return {{"value", value},
          {"unit", currency},
          {"source", source},
          {"date", date.empty() ? json(nullptr) : json(date)},
          {"note", table.has("note") ? table.at(row, "note") : std::string()},
          {"vat", vat_of(table, row)}};
}

/// The sheet's class of that name whose price is still to come.
json& open_class(json& sheet, const CsvTable& table, std::size_t row) {
  const std::string& name = table.at(row, "class");
  std::vector<std::string> names;
  for (json& each : sheet.at("asset_classes")) {
    if (each.at("name") == name) return each;
    names.push_back(each.at("name").get<std::string>());
  }
  const std::string near = near_name(name, names);
  throw input_error("the sheet has no asset class '" + excerpt(name) + "'",
                    table.where(row, "class"),
                    near.empty() ? "add it to asset_classes, with its life and return"
                                 : "did you mean '" + near + "'?");
}

void check_same(const json& first, const json& price, const CsvTable& table, std::size_t row) {
  if (first.at("unit") != price.at("unit")) {
    throw input_error(
        "mixed currencies in one asset class: " + price.at("unit").get<std::string>() + " after " +
            first.at("unit").get<std::string>(),
        table.where(row, "currency"), "make a class for each currency");
  }
  if (first.at("vat") != price.at("vat")) {
    throw input_error("mixed VAT bases in one asset class", table.where(row, "vat_basis"),
                      "state all its lines on one basis, at one rate");
  }
}

/// "# devices: 8" -> "8". Errors: input_error where the line is missing.
std::string comment_field(const std::string& text, const std::string& name,
                          const std::string& file) {
  const std::string start = "# " + name + ": ";
  const std::size_t at = text.starts_with(start) ? 0 : text.find("\n" + start);
  if (at == std::string::npos) {
    throw input_error("the line '# " + name + ": ...' is missing", file,
                      "say what the series is of before its header");
  }
  const std::size_t begin = text.find(start, at) + start.size();
  const std::size_t end = std::min(text.find_first_of("\r\n", begin), text.size());
  return text.substr(begin, end - begin);
}

/// Energy and time of one state.
struct StateSum {
  Rational watt_seconds = 0;
  Rational seconds = 0;
  std::int64_t readings = 0;
};

std::chrono::sys_seconds instant_of(const CsvTable& table, std::size_t row) {
  const std::string where = table.where(row, "time_utc");
  const std::string text = checked_instant(table.at(row, "time_utc"), where);
  const auto number = [&text](std::size_t at) { return std::stoi(text.substr(at, 2)); };
  return parse_date(text.substr(0, 10), where) + std::chrono::hours(number(11)) +
         std::chrono::minutes(number(14)) + std::chrono::seconds(number(17));
}

std::map<std::string, StateSum> sums_of(const CsvTable& table) {
  std::map<std::string, StateSum> sums;
  auto before = instant_of(table, 0);
  for (std::size_t row = 1; row < table.rows.size(); ++row) {
    const auto now = instant_of(table, row);
    if (now <= before) {
      throw input_error("the reading is not after the one before it", table.where(row, "time_utc"),
                        "sort the series by time, each instant once");
    }
    const Rational seconds((now - before).count());
    StateSum& sum = sums[table.at(row, "state")];
    sum.watt_seconds += seconds * parse_decimal(checked_decimal(table, row, "power_w"),
                                                table.where(row, "power_w"));
    sum.seconds += seconds;
    ++sum.readings;
    before = now;
  }
  return sums;
}

const StateSum& state(const std::map<std::string, StateSum>& sums, const std::string& name,
                      const std::string& file) {
  const auto found = sums.find(name);
  if (found == sums.end()) {
    throw input_error("no reading is of state '" + name + "'", file,
                      "mark readings before the run idle and those during it loaded");
  }
  return found->second;
}

}  // namespace

void import_assets(json& sheet, const std::filesystem::path& csv, const std::string& sheet_file) {
  const std::string file = csv.string();
  const CsvTable table = parse_csv(read_file(csv), file,
                                   {"class", "item", "quantity", "unit_price", "currency",
                                    "vat_basis", "vat_rate", "source", "date"},
                                   {"note"});
  const std::string digest_of_list = sha256_hex_of_file(csv);
  std::map<std::string, Rational> totals;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    json& asset_class = open_class(sheet, table, row);
    const std::string name = asset_class.at("name").get<std::string>();
    const json price = money(table, row, checked_decimal(table, row, "unit_price"));
    if (!totals.contains(name)) {
      if (!asset_class.at("price").at("value").is_null() || asset_class.contains("items")) {
        throw input_error("the class '" + excerpt(name) + "' has a price already",
                          place(sheet_file, "/asset_classes"),
                          "write null as its price, or leave its lines out of the list");
      }
      asset_class["items"] = json::array();
    } else {
      check_same(asset_class["items"][0].at("unit_price"), price, table, row);
    }
    const std::string quantity = checked_decimal(table, row, "quantity");
    if (table.at(row, "item").empty()) {
      throw input_error("the line names no item", table.where(row, "item"), "name what was bought");
    }
    asset_class["items"].push_back({{"name", table.at(row, "item")},
                                    {"quantity",
                                     {{"value", quantity},
                                      {"unit", "1"},
                                      {"source", price.at("source")},
                                      {"date", price.at("date")},
                                      {"note", ""}}},
                                    {"unit_price", price}});
    totals[name] +=
        parse_decimal(quantity, file) * parse_decimal(price.at("value").get<std::string>(), file);
  }
  for (json& asset_class : sheet.at("asset_classes")) {
    const auto total = totals.find(asset_class.at("name").get<std::string>());
    if (total == totals.end()) continue;
    const json& first = asset_class.at("items")[0].at("unit_price");
    if (denominator(total->second * 100) != 1) {
      throw input_error("the lines of '" + excerpt(total->first) + "' sum to " +
                            rounded_text(total->second, 6) + ", with parts of a fen",
                        file, "state unit prices so that they sum to two decimals");
    }
    asset_class["price"] = {{"value", rounded_text(total->second, 2)},
                            {"unit", first.at("unit")},
                            {"source", "sum of the asset list, SHA-256 " + digest_of_list},
                            {"date", nullptr},
                            {"note", ""},
                            {"vat", first.at("vat")}};
  }
}

void import_meter(json& sheet, const std::filesystem::path& csv, const std::string& sheet_file) {
  const std::string file = csv.string();
  const std::string text = read_file(csv);
  const CsvTable table = parse_csv(text, file, {"time_utc", "power_w", "state"});
  json& energy = sheet.at("energy");
  if (sheet.contains("skus")) {
    throw input_error("a meter's series for a mixed fleet", sheet_file,
                      "file idle and loaded power of each SKU");
  }
  if (energy.at("power_boundary") != "node") {
    throw input_error("an external meter reads power at the wall",
                      place(sheet_file, "/energy/power_boundary"), "state \"node\"");
  }
  const std::string devices_text = comment_field(text, "devices", file);
  const Rational devices = parse_decimal(devices_text, file + ": devices");
  if (devices < 1 || denominator(devices) != 1 || devices > 1000000) {
    throw input_error("'" + excerpt(devices_text) + "' devices on the meter's circuit", file,
                      "state how many devices the meter reads: # devices: 8");
  }
  const std::map<std::string, StateSum> sums = sums_of(table);
  const std::string source = "external meter " + comment_field(text, "instrument", file) +
                             ", series of " + table.at(0, "time_utc") + " to " +
                             table.at(table.rows.size() - 1, "time_utc");
  for (const std::string name : {"idle", "loaded"}) {
    json& figure = energy.at(name + "_power");
    if (!figure.at("value").is_null()) {
      throw input_error(name + " power is filed already",
                        place(sheet_file, "/energy/" + name + "_power/value"),
                        "write null where the meter's series is to stand");
    }
    const StateSum& sum = state(sums, name, file);
    figure["value"] = rounded_text(sum.watt_seconds / sum.seconds / devices, kPowerDecimals);
    figure["source"] = source;
    figure["date"] = table.at(0, "time_utc").substr(0, 10);
  }
  energy["meter"] = {{"instrument", comment_field(text, "instrument", file)},
                     {"calibration", comment_field(text, "calibration", file)},
                     {"sha256", sha256_hex(text)},
                     {"start_utc", table.at(0, "time_utc")},
                     {"end_utc", table.at(table.rows.size() - 1, "time_utc")},
                     {"devices", static_cast<std::int64_t>(numerator(devices))},
                     {"idle_readings", state(sums, "idle", file).readings},
                     {"loaded_readings", state(sums, "loaded", file).readings}};
}

}  // namespace assay::pricing
