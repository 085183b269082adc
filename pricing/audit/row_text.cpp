#include "pricing/audit/row_text.h"

#include <algorithm>

#include "pricing/cost_of_service.h"

namespace assay::pricing {

namespace {

bool cheaper(const Conversion& a, const Conversion& b) {
  return less(a.ceiling_side, b.ceiling_side);
}

/// Of several readings the one that says the verdict least: the lowest where the price is above or
/// within, the highest where it is below cost.
std::size_t deciding_reading(const AuditRow& row) {
  const auto& readings = row.readings;
  const auto found = row.verdict == PriceVerdict::below_cost
                         ? std::max_element(readings.begin(), readings.end(), cheaper)
                         : std::min_element(readings.begin(), readings.end(), cheaper);
  return static_cast<std::size_t>(found - readings.begin());
}

}  // namespace

std::string rate_text(const Rational& cny_per_cu) {
  return rounded_text(cny_per_cu, kRateDecimals);
}

RowText::RowText(const AuditRow& row, const AuditInput& input)
    : row_(row),
      input_(input),
      tariff_(input.tariffs[row.tariff]),
      by_k_cert_(row.readings.size()),
      by_k_(row.readings.size()) {}

const std::string& RowText::by_k_cert(std::size_t reading) {
  std::string& text = by_k_cert_[reading];
  if (text.empty()) text = rate_text(row_.readings[reading].ceiling_side);
  return text;
}

const std::string& RowText::by_k(std::size_t reading) {
  std::string& text = by_k_[reading];
  if (text.empty()) text = rate_text(row_.readings[reading].cost_side);
  return text;
}

std::string RowText::arithmetic(std::size_t reading) {
  return arithmetic_text(tariff_, *row_.device, row_.readings[reading], by_k_cert(reading));
}

std::string RowText::range() {
  const auto& readings = row_.readings;
  if (readings.empty()) return {};
  const auto [low, high] = std::minmax_element(readings.begin(), readings.end(), cheaper);
  std::string text = by_k_cert(static_cast<std::size_t>(low - readings.begin()));
  if (low->ceiling_side != high->ceiling_side) {
    text += ".." + by_k_cert(static_cast<std::size_t>(high - readings.begin()));
  }
  return text;
}

std::string RowText::why() {
  if (row_.verdict == PriceVerdict::not_comparable) return row_.reason;
  const std::size_t reading = deciding_reading(row_);
  if (row_.verdict == PriceVerdict::above) {
    return by_k_cert(reading) + " > " +
           (input_.ceiling_cny_per_cu ? rate_text(*input_.ceiling_cny_per_cu) + ", the rate ceiling"
                                      : row_.fair_rate->upper_text + ", the band's upper end");
  }
  return by_k(reading) + " by K " + (row_.verdict == PriceVerdict::below_cost ? "< " : ">= ") +
         row_.fair_rate->lower_text + ", the cost of service";
}

}  // namespace assay::pricing
