#pragma once
/// The audit of posted prices: a verdict for each, with its arithmetic, and red flags.
///
///   above        h / K_cert over the rate ceiling; where none is given, over fair rate · factor
///   below cost   h / K under fair rate · factor
///   within band  neither
///   not comparable   no certificate, one that is not valid, of another basket or grade; no cost
///                    sheet to hold it against; a unit that is no training work; or what was not
///                    stated (VAT, precision, sparsity) decides the verdict
///
/// The certificate of a row is the one it names, or the latest valid one whose customer is the
/// seller and whose device is the SKU. Its cost sheet is of the seller as operator and, where the
/// row names one, the site; of several, that of the latest test year. Certificates are judged at
/// the audit's instant; what a registry revoked since issue, a list says.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/audit/conversion.h"
#include "pricing/audit/rules.h"
#include "pricing/audit/tariff.h"
#include "pricing/cost_sheet.h"
#include "pricing/revocations.h"

namespace assay::pricing {

enum class PriceVerdict { above, below_cost, not_comparable, within_band };
[[nodiscard]] std::string price_verdict_name(PriceVerdict verdict);

struct AuditInput {
  std::vector<Tariff> tariffs;
  std::vector<Certificate> certificates;
  Revocations revocations;
  std::vector<CostSheet> sheets;
  AuditRules rules;
  std::string basket = "tb1";
  std::optional<Rational> ceiling_cny_per_cu;  ///< of that basket, ex VAT
  std::string date_utc;
};

/// What a CU costs by the seller's cost sheet, the band around it, and their texts: worked out once
/// for all rows of a site.
struct FairRate {
  Rational cny_per_cu;
  Rational lower;  ///< · below_cost_factor
  Rational upper;  ///< · above_factor
  std::string text;
  std::string lower_text;
  std::string upper_text;
};

struct AuditRow {
  std::size_t tariff = 0;  ///< position in AuditInput::tariffs
  PriceVerdict verdict = PriceVerdict::not_comparable;
  std::string reason;          ///< why it is not comparable; else empty
  std::string certificate_id;  ///< empty: none
  bool test_key = false;
  std::shared_ptr<const FairRate> fair_rate;       ///< empty: none
  std::shared_ptr<const DeviceConversion> device;  ///< of its certificate; the readings'
  std::vector<Conversion> readings;
  std::vector<std::size_t> flags;  ///< positions in AuditRules::rules
  std::size_t hard_flags = 0;
};

struct Yardstick {
  std::string sku;
  std::size_t sellers = 0;
  std::optional<Rational> cny_per_cu;  ///< empty: too few sellers
};

struct Audit {
  std::vector<AuditRow> rows;  ///< what a regulator should look at first, first
  /// By SKU: median over sellers of the median of each seller's certain prices, ceiling side.
  std::vector<Yardstick> yardsticks;
  std::size_t counts[4] = {0, 0, 0, 0};  ///< by PriceVerdict
  std::size_t hard_flags = 0;

  /// No price above the band or below cost, and no hard rule raised.
  [[nodiscard]] bool passed() const;
};

/// Errors: those of pricing a cost sheet.
[[nodiscard]] Audit audit(const AuditInput& input);

/// The comparison that gave the verdict, or why there is none.
[[nodiscard]] std::string why_text(const AuditRow& row, const AuditInput& input);
[[nodiscard]] bool any_test_key(const Audit& audit);

/// How the flags of a row stand in a document: on one line, as write_document writes lists of words
/// into files, or one a line, as commands print theirs.
enum class FlagLines { one, each };

/// The document assay.audit as text. Rows are written straight into it, side by side: a tree of
/// 100,000 of them takes longer than the audit.
[[nodiscard]] std::string audit_json_text(const Audit& audit, const AuditInput& input,
                                          FlagLines lines);
[[nodiscard]] std::string audit_csv(const Audit& audit, const AuditInput& input);
/// The first `most` rows, and the counts of all.
[[nodiscard]] std::string audit_table(const Audit& audit, const AuditInput& input,
                                      std::size_t most);

}  // namespace assay::pricing
