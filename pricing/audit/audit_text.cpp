/// The audit as JSON, CSV and a table.
#include <algorithm>

#include "pricing/audit/audit.h"
#include "pricing/cost_of_service.h"
#include "pricing/parallel.h"
#include "results/csv.h"
#include "results/document.h"
#include "results/markdown_table.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

std::string text_of(const Rational& cny_per_cu) {
  return rounded_text(cny_per_cu, kRateDecimals);
}

std::string fair_rate_text(const AuditRow& row) {
  return row.fair_rate ? text_of(*row.fair_rate) : std::string();
}

std::vector<std::string> flag_names(const AuditRow& row, const AuditInput& input) {
  std::vector<std::string> names;
  for (const std::size_t index : row.flags) names.push_back(input.rules.rules[index].name);
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

/// "12.3" or "12.3..24.6" over the readings, by the ceiling's side.
std::string range_text(const AuditRow& row, int decimals) {
  if (row.readings.empty()) return "-";
  if (row.readings.size() == 1) return rounded_text(row.readings.front().ceiling_side, decimals);
  const auto [low, high] = std::minmax_element(row.readings.begin(), row.readings.end(),
                                               [](const Conversion& a, const Conversion& b) {
                                                 return less(a.ceiling_side, b.ceiling_side);
                                               });
  std::string text = rounded_text(low->ceiling_side, decimals);
  if (low->ceiling_side != high->ceiling_side) {
    text += ".." + rounded_text(high->ceiling_side, decimals);
  }
  return text;
}

json row_json(const AuditRow& row, const AuditInput& input) {
  const Tariff& tariff = input.tariffs[row.tariff];
  json readings = json::array();
  for (const Conversion& reading : row.readings) {
    readings.push_back({{"arithmetic", arithmetic_text(tariff, *row.device, reading)},
                        {"cny_per_cu_by_k_cert", text_of(reading.ceiling_side)},
                        {"cny_per_cu_by_k", text_of(reading.cost_side)}});
  }
  return {{"line", tariff.line},
          {"seller", tariff.seller},
          {"site", tariff.site},
          {"sku", tariff.sku},
          {"unit", tariff.unit->name},
          {"price", tariff.price_text},
          {"currency", tariff.currency},
          {"date", tariff.date},
          {"source", tariff.source},
          {"verdict", price_verdict_name(row.verdict)},
          {"reason", why_text(row, input)},
          {"certificate", row.certificate_id},
          {"test_key", row.test_key},
          {"fair_rate_cny_per_cu", row.fair_rate ? json(text_of(*row.fair_rate)) : json(nullptr)},
          {"readings", std::move(readings)},
          {"flags", flag_names(row, input)}};
}

bool any_test_key(const Audit& audit) {
  return std::any_of(audit.rows.begin(), audit.rows.end(),
                     [](const AuditRow& row) { return row.test_key; });
}

std::string first_arithmetic(const AuditRow& row, const Tariff& tariff) {
  if (row.readings.empty()) return {};
  return arithmetic_text(tariff, *row.device, row.readings.front());
}

std::string row_csv(const AuditRow& row, const AuditInput& input) {
  const Tariff& tariff = input.tariffs[row.tariff];
  return csv_line({std::to_string(tariff.line), tariff.seller, tariff.site, tariff.sku,
                   std::string(tariff.unit->name), tariff.price_text, tariff.currency, tariff.date,
                   price_verdict_name(row.verdict),
                   row.readings.empty() ? "" : range_text(row, kRateDecimals), fair_rate_text(row),
                   joined(flag_names(row, input)), why_text(row, input),
                   first_arithmetic(row, tariff), row.certificate_id,
                   row.test_key ? "TEST KEY" : "", input.rules.digest});
}

std::size_t count_of(const Audit& audit, PriceVerdict verdict) {
  return audit.counts[static_cast<std::size_t>(verdict)];
}

/// The document with no rows yet.
json frame_json(const Audit& audit, const AuditInput& input) {
  json yardsticks = json::array();
  for (const Yardstick& each : audit.yardsticks) {
    yardsticks.push_back(
        {{"sku", each.sku},
         {"sellers", each.sellers},
         {"cny_per_cu", each.cny_per_cu ? json(text_of(*each.cny_per_cu)) : json(nullptr)}});
  }
  json rules = json::array();
  for (const AuditRule& rule : input.rules.rules) {
    rules.push_back({{"name", rule.name},
                     {"severity", rule.hard ? "hard" : "soft"},
                     {"text", rule.text},
                     {"reason", rule.reason}});
  }
  json counts = json::object();
  for (const PriceVerdict each : {PriceVerdict::above, PriceVerdict::below_cost,
                                  PriceVerdict::not_comparable, PriceVerdict::within_band}) {
    counts[price_verdict_name(each)] = count_of(audit, each);
  }
  return {{"schema", {{"name", "assay.audit"}, {"version", 1}}},
          {"date_utc", input.date_utc},
          {"basket", input.basket},
          {"ceiling_cny_per_cu",
           input.ceiling_cny_per_cu ? json(text_of(*input.ceiling_cny_per_cu)) : json(nullptr)},
          {"rules", {{"name", input.rules.name}, {"digest", input.rules.digest}}},
          {"rule_table", std::move(rules)},
          {"test_key", any_test_key(audit)},
          {"passed", audit.passed()},
          {"counts", std::move(counts)},
          {"yardsticks", std::move(yardsticks)},
          {"rows", json::array()}};
}

}  // namespace

std::string why_text(const AuditRow& row, const AuditInput& input) {
  if (row.verdict == PriceVerdict::not_comparable) return row.reason;
  // Of several readings the one that says it least: the lowest where the price is above or within,
  // the highest where it is below cost.
  const auto by_price = [](const Conversion& a, const Conversion& b) {
    return less(a.ceiling_side, b.ceiling_side);
  };
  const auto& readings = row.readings;
  const Conversion& reading = row.verdict == PriceVerdict::below_cost
                                  ? *std::max_element(readings.begin(), readings.end(), by_price)
                                  : *std::min_element(readings.begin(), readings.end(), by_price);
  if (row.verdict == PriceVerdict::above) {
    const Rational bound = input.ceiling_cny_per_cu ? *input.ceiling_cny_per_cu
                                                    : *row.fair_rate * input.rules.above_factor;
    return text_of(reading.ceiling_side) + " > " + text_of(bound) +
           (input.ceiling_cny_per_cu ? ", the rate ceiling" : ", the band's upper end");
  }
  return text_of(reading.cost_side) + " by K " +
         (row.verdict == PriceVerdict::below_cost ? "< " : ">= ") +
         text_of(*row.fair_rate * input.rules.below_cost_factor) + ", the cost of service";
}

json to_json(const Audit& audit, const AuditInput& input) {
  json document = frame_json(audit, input);
  json& rows = document["rows"];
  for (const AuditRow& row : audit.rows) rows.push_back(row_json(row, input));
  return document;
}

std::string audit_json_text(const Audit& audit, const AuditInput& input) {
  constexpr std::string_view kNoRows = "\"rows\": []";
  constexpr std::string_view kMargin = "    ";
  std::vector<std::string> texts(audit.rows.size());
  in_parallel(texts.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const std::string row = readable_json(row_json(audit.rows[i], input));
      std::string& text = texts[i];
      text.reserve(row.size() + row.size() / 2);
      text += kMargin;
      for (const char c : row) {
        text += c;
        if (c == '\n') text += kMargin;
      }
    }
  });
  std::string text = readable_json(frame_json(audit, input)) + "\n";
  if (texts.empty()) return text;
  std::string rows = "\"rows\": [\n" + texts.front();
  for (std::size_t i = 1; i < texts.size(); ++i) {
    rows += ",\n";
    rows += texts[i];
  }
  rows += "\n  ]";
  return text.replace(text.find(kNoRows), kNoRows.size(), rows);
}

std::string audit_csv(const Audit& audit, const AuditInput& input) {
  std::vector<std::string> lines(audit.rows.size());
  in_parallel(lines.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) lines[i] = row_csv(audit.rows[i], input);
  });
  std::string text = csv_line({"line", "seller", "site", "sku", "unit", "price", "currency", "date",
                               "verdict", "cny_per_cu_by_k_cert", "fair_rate_cny_per_cu", "flags",
                               "reason", "arithmetic", "certificate", "test_key", "rules_digest"});
  for (const std::string& line : lines) text += line;
  return text;
}

std::string audit_table(const Audit& audit, const AuditInput& input, std::size_t most) {
  MarkdownTable table(
      {"line", "seller", "SKU", "posted", "verdict", "CNY/CU", "fair", "flags", "why"});
  const std::size_t shown = std::min(most, audit.rows.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const AuditRow& row = audit.rows[i];
    const Tariff& tariff = input.tariffs[row.tariff];
    table.add({std::to_string(tariff.line), tariff.seller, tariff.sku,
               tariff.price_text + " " + tariff.currency + "/" + std::string(tariff.unit->name),
               price_verdict_name(row.verdict), range_text(row, 3),
               row.fair_rate ? rounded_text(*row.fair_rate, 3) : "-",
               joined(flag_names(row, input)), why_text(row, input)});
  }
  std::string text;
  if (any_test_key(audit)) text += std::string("WARNING: ") + kTestKeyWarning + "\n\n";
  text += table.text();
  if (shown < audit.rows.size()) {
    text += std::to_string(audit.rows.size() - shown) + " more rows: -o audit.csv\n";
  }
  for (const Yardstick& each : audit.yardsticks) {
    text += "yardstick  " + each.sku + ": " +
            (each.cny_per_cu ? rounded_text(*each.cny_per_cu, 3) + " CNY/CU"
                             : std::string("none, too few sellers")) +
            " (" + std::to_string(each.sellers) + " sellers)\n";
  }
  text += "rules      " + input.rules.name + " " + input.rules.digest + "\n";
  text += "verdicts   " + std::to_string(count_of(audit, PriceVerdict::above)) + " above, " +
          std::to_string(count_of(audit, PriceVerdict::below_cost)) + " below cost, " +
          std::to_string(count_of(audit, PriceVerdict::within_band)) + " within band, " +
          std::to_string(count_of(audit, PriceVerdict::not_comparable)) + " not comparable; " +
          std::to_string(audit.hard_flags) + " hard flags";
  return text;
}

}  // namespace assay::pricing
