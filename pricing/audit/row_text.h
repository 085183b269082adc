#pragma once
/// The figures of one row of an audit as text, for the forms in which it is written. Each is worked
/// out when it is first asked for: rounding is most of what a row costs.
#include <string>
#include <vector>

#include "pricing/audit/audit.h"

namespace assay::pricing {

/// CNY per CU with the decimals of a rate.
[[nodiscard]] std::string rate_text(const Rational& cny_per_cu);

class RowText {
 public:
  /// Both must outlive it.
  RowText(const AuditRow& row, const AuditInput& input);

  [[nodiscard]] const Tariff& tariff() const { return tariff_; }
  /// CNY per CU of a reading, with the decimals of a rate.
  [[nodiscard]] const std::string& by_k_cert(std::size_t reading);
  [[nodiscard]] const std::string& by_k(std::size_t reading);
  [[nodiscard]] std::string arithmetic(std::size_t reading);
  /// "12.3" or "12.3..24.6" over the readings, by K_cert; empty where there are none.
  [[nodiscard]] std::string range();
  /// The comparison that gave the verdict, or why there is none.
  [[nodiscard]] std::string why();

 private:
  const AuditRow& row_;
  const AuditInput& input_;
  const Tariff& tariff_;
  std::vector<std::string> by_k_cert_;
  std::vector<std::string> by_k_;
};

}  // namespace assay::pricing
