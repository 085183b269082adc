/// The audit as CSV and as a table.
#include <algorithm>

#include "pricing/audit/audit.h"
#include "pricing/audit/row_text.h"
#include "pricing/audit/side_by_side.h"
#include "results/csv.h"
#include "results/markdown_table.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

constexpr std::size_t kLineBytes = 512;  // about; of a row's line

std::string flag_names(const AuditRow& row, const AuditInput& input) {
  std::string text;
  for (const std::size_t index : row.flags) {
    text += (text.empty() ? "" : " ") + input.rules.rules[index].name;
  }
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

void append_line(std::string& out, const AuditRow& row, const AuditInput& input) {
  RowText text(row, input);
  const Tariff& tariff = text.tariff();
  out += std::to_string(tariff.line);
  const auto field = [&out](std::string_view value) {
    out += ',';
    append_csv_field(out, value);
  };
  field(tariff.seller);
  field(tariff.site);
  field(tariff.sku);
  field(tariff.unit->name);
  field(tariff.price_text);
  field(tariff.currency);
  field(tariff.date);
  field(price_verdict_name(row.verdict));
  field(text.range());
  field(row.fair_rate ? row.fair_rate->text : std::string());
  field(flag_names(row, input));
  field(text.why());
  field(row.readings.empty() ? std::string() : text.arithmetic(0));
  field(row.certificate_id);
  field(row.test_key ? "TEST KEY" : "");
  field(input.rules.digest);
  out += '\n';
}

std::size_t count_of(const Audit& audit, PriceVerdict verdict) {
  return audit.counts[static_cast<std::size_t>(verdict)];
}

}  // namespace

std::string why_text(const AuditRow& row, const AuditInput& input) {
  return RowText(row, input).why();
}

bool any_test_key(const Audit& audit) {
  return std::any_of(audit.rows.begin(), audit.rows.end(),
                     [](const AuditRow& row) { return row.test_key; });
}

std::string audit_csv(const Audit& audit, const AuditInput& input) {
  const std::string head =
      csv_line({"line", "seller", "site", "sku", "unit", "price", "currency", "date", "verdict",
                "cny_per_cu_by_k_cert", "fair_rate_cny_per_cu", "flags", "reason", "arithmetic",
                "certificate", "test_key", "rules_digest"});
  return side_by_side(head, audit.rows.size(), "", kLineBytes,
                      [&](std::string& out, std::size_t position) {
                        append_line(out, audit.rows[position], input);
                      });
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
               row.fair_rate ? rounded_text(row.fair_rate->cny_per_cu, 3) : "-",
               flag_names(row, input), why_text(row, input)});
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
