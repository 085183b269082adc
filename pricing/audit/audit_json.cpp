/// The audit as JSON. What stands once is a tree; the rows are written straight into the text.
#include "pricing/audit/audit.h"
#include "pricing/audit/row_text.h"
#include "pricing/audit/side_by_side.h"
#include "results/document.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr std::size_t kRowBytes = 1024;  // about; of a row with one reading

/// The document with no rows yet.
json frame_json(const Audit& audit, const AuditInput& input) {
  json yardsticks = json::array();
  for (const Yardstick& each : audit.yardsticks) {
    yardsticks.push_back(
        {{"sku", each.sku},
         {"sellers", each.sellers},
         {"cny_per_cu", each.cny_per_cu ? json(rate_text(*each.cny_per_cu)) : json(nullptr)}});
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
    counts[price_verdict_name(each)] = audit.counts[static_cast<std::size_t>(each)];
  }
  return {{"schema", {{"name", "assay.audit"}, {"version", 1}}},
          {"date_utc", input.date_utc},
          {"basket", input.basket},
          {"ceiling_cny_per_cu",
           input.ceiling_cny_per_cu ? json(rate_text(*input.ceiling_cny_per_cu)) : json(nullptr)},
          {"rules", {{"name", input.rules.name}, {"digest", input.rules.digest}}},
          {"rule_table", std::move(rules)},
          {"test_key", any_test_key(audit)},
          {"passed", audit.passed()},
          {"counts", std::move(counts)},
          {"yardsticks", std::move(yardsticks)},
          {"rows", json::array()}};
}

/// The members of one object, in the order of their keys; `margin` stands before each.
class Members {
 public:
  Members(std::string& out, std::string_view margin) : out_(out), margin_(margin) { out_ += '{'; }

  void text(std::string_view key, std::string_view value) {
    begin(key);
    append_json_string(out_, value);
  }
  void literal(std::string_view key, std::string_view value) {
    begin(key);
    out_ += value;
  }
  /// What follows is the caller's.
  void begin(std::string_view key) {
    out_ += first_ ? "\n" : ",\n";
    first_ = false;
    out_ += margin_;
    out_ += '"';
    out_ += key;
    out_ += "\": ";
  }

 private:
  std::string& out_;
  std::string_view margin_;
  bool first_ = true;
};

void append_flags(std::string& out, const AuditRow& row, const AuditInput& input, FlagLines lines) {
  out += '[';
  for (std::size_t i = 0; i < row.flags.size(); ++i) {
    if (i > 0) out += lines == FlagLines::one ? ", " : ",";
    if (lines == FlagLines::each) out += "\n        ";
    append_json_string(out, input.rules.rules[row.flags[i]].name);
  }
  out += lines == FlagLines::one || row.flags.empty() ? "]" : "\n      ]";
}

void append_readings(std::string& out, const AuditRow& row, RowText& text) {
  out += '[';
  for (std::size_t i = 0; i < row.readings.size(); ++i) {
    out += i == 0 ? "\n        " : ",\n        ";
    Members members(out, "          ");
    members.text("arithmetic", text.arithmetic(i));
    members.text("cny_per_cu_by_k", text.by_k(i));
    members.text("cny_per_cu_by_k_cert", text.by_k_cert(i));
    out += "\n        }";
  }
  out += row.readings.empty() ? "]" : "\n      ]";
}

void append_row(std::string& out, const AuditRow& row, const AuditInput& input, FlagLines lines) {
  RowText text(row, input);
  const Tariff& tariff = text.tariff();
  out += "    ";
  Members members(out, "      ");
  members.text("certificate", row.certificate_id);
  members.text("currency", tariff.currency);
  members.text("date", tariff.date);
  if (row.fair_rate) {
    members.text("fair_rate_cny_per_cu", row.fair_rate->text);
  } else {
    members.literal("fair_rate_cny_per_cu", "null");
  }
  members.begin("flags");
  append_flags(out, row, input, lines);
  members.literal("line", std::to_string(tariff.line));
  members.text("price", tariff.price_text);
  members.begin("readings");
  append_readings(out, row, text);
  members.text("reason", text.why());
  members.text("seller", tariff.seller);
  members.text("site", tariff.site);
  members.text("sku", tariff.sku);
  members.text("source", tariff.source);
  members.literal("test_key", row.test_key ? "true" : "false");
  members.text("unit", tariff.unit->name);
  members.text("verdict", price_verdict_name(row.verdict));
  out += "\n    }";
}

}  // namespace

std::string audit_json_text(const Audit& audit, const AuditInput& input, FlagLines lines) {
  constexpr std::string_view kNoRows = "\"rows\": []";
  const json frame = frame_json(audit, input);
  const std::string text = lines == FlagLines::one ? readable_json(frame) : frame.dump(2);
  if (audit.rows.empty()) return text + "\n";
  const std::size_t rows = text.find(kNoRows);
  const std::string head = text.substr(0, rows) + "\"rows\": [\n";
  const std::string tail = "\n  ]" + text.substr(rows + kNoRows.size()) + "\n";
  return side_by_side(head, audit.rows.size(), tail, kRowBytes,
                      [&](std::string& out, std::size_t position) {
                        append_row(out, audit.rows[position], input, lines);
                        if (position + 1 < audit.rows.size()) out += ",\n";
                      });
}

}  // namespace assay::pricing
