#include "pricing/audit/audit.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "pricing/audit/sites.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

/// Whom the other rows of the file say something about.
struct Sellers {
  std::unordered_set<std::string> codes;
  std::unordered_map<std::string, std::set<PostedVat>> vat_bases;

  explicit Sellers(const std::vector<Tariff>& tariffs) {
    for (const Tariff& tariff : tariffs) {
      if (!tariff.seller_code.empty()) codes.insert(tariff.seller_code);
      vat_bases[tariff.seller].insert(tariff.vat);
    }
  }

  [[nodiscard]] int related(const Tariff& tariff) const {
    return static_cast<int>(std::count_if(
        tariff.affiliates.begin(), tariff.affiliates.end(), [&](const std::string& code) {
          return code != tariff.seller_code && codes.contains(code);
        }));
  }
};

/// Holds one reading against ceiling and cost.
PriceVerdict verdict_of(const Conversion& reading, const AuditInput& input,
                        const std::optional<Rational>& fair_rate) {
  if (input.ceiling_cny_per_cu) {
    if (reading.ceiling_side > *input.ceiling_cny_per_cu) return PriceVerdict::above;
  } else if (fair_rate && reading.ceiling_side > *fair_rate * input.rules.above_factor) {
    return PriceVerdict::above;
  }
  if (!fair_rate) return PriceVerdict::not_comparable;
  if (reading.cost_side < *fair_rate * input.rules.below_cost_factor)
    return PriceVerdict::below_cost;
  return PriceVerdict::within_band;
}

void judge(AuditRow& row, const AuditInput& input, const std::string& no_rate_reason) {
  std::set<PriceVerdict> verdicts;
  for (const Conversion& reading : row.readings) {
    verdicts.insert(verdict_of(reading, input, row.fair_rate));
  }
  if (verdicts.size() > 1) {
    row.reason = row.fair_rate || !input.ceiling_cny_per_cu
                     ? "what the price does not state (VAT, precision or sparsity) decides: its "
                       "readings have different verdicts"
                     : "its readings have different verdicts, and there is " + no_rate_reason;
    return;
  }
  row.verdict = *verdicts.begin();
  if (row.verdict == PriceVerdict::not_comparable) row.reason = no_rate_reason;
}

Quantities row_quantities(const RowContext& context, const Tariff& tariff, const Sellers& sellers) {
  Quantities quantities = context.quantities;
  const auto set = [&quantities](Quantity quantity, const Rational& value) {
    quantities[static_cast<std::size_t>(quantity)] = value;
  };
  const auto& pue = quantities[static_cast<std::size_t>(Quantity::pue)];
  if (pue && tariff.declared_pue) set(Quantity::pue_over_declared, *pue / *tariff.declared_pue);
  set(Quantity::related_sellers, sellers.related(tariff));
  set(Quantity::vat_bases_of_seller, static_cast<int>(sellers.vat_bases.at(tariff.seller).size()));
  if (tariff.unit->counted == Counted::nameplate_pflops) {
    set(Quantity::nameplate_counted, 1);
    set(Quantity::sparse_or_unstated, tariff.sparsity == "dense" ? 0 : 1);
  }
  return quantities;
}

/// Raised only where every reading of the price raises it.
bool raised_by_price(const AuditRule& rule, const AuditRow& row,
                     const std::optional<Rational>& divisor) {
  if (!divisor || *divisor <= 0 || row.readings.empty()) return false;
  return std::all_of(row.readings.begin(), row.readings.end(), [&](const Conversion& reading) {
    return raises(rule, reading.ceiling_side / *divisor);
  });
}

using Yardsticks = std::map<std::string, Yardstick>;

void flag(AuditRow& row, const AuditInput& input, const Quantities& quantities,
          const Yardsticks& yardsticks) {
  const auto yardstick = yardsticks.find(input.tariffs[row.tariff].sku);
  const std::optional<Rational> median =
      yardstick == yardsticks.end() ? std::nullopt : yardstick->second.cny_per_cu;
  for (std::size_t i = 0; i < input.rules.rules.size(); ++i) {
    const AuditRule& rule = input.rules.rules[i];
    const bool raised = rule.quantity == Quantity::price_over_fair_rate
                            ? raised_by_price(rule, row, row.fair_rate)
                        : rule.quantity == Quantity::price_over_yardstick
                            ? raised_by_price(rule, row, median)
                            : raises(rule, quantities[static_cast<std::size_t>(rule.quantity)]);
    if (!raised) continue;
    row.flags.push_back(i);
    if (rule.hard) ++row.hard_flags;
  }
}

Yardsticks yardsticks_of(const std::vector<AuditRow>& rows, const AuditInput& input) {
  std::map<std::string, std::map<std::string, std::vector<Rational>>> prices;
  for (const AuditRow& row : rows) {
    const bool certain =
        !row.readings.empty() &&
        std::all_of(row.readings.begin(), row.readings.end(), [&row](const Conversion& one) {
          return one.ceiling_side == row.readings.front().ceiling_side;
        });
    const Tariff& tariff = input.tariffs[row.tariff];
    if (certain) prices[tariff.sku][tariff.seller].push_back(row.readings.front().ceiling_side);
  }
  Yardsticks yardsticks;
  for (auto& [sku, by_seller] : prices) {
    Yardstick& yardstick = yardsticks[sku];
    yardstick.sku = sku;
    yardstick.sellers = by_seller.size();
    if (by_seller.size() < input.rules.fewest_sellers) continue;
    std::vector<Rational> medians;
    for (auto& [seller, values] : by_seller) medians.push_back(median_of(std::move(values)));
    yardstick.cny_per_cu = median_of(std::move(medians));
  }
  return yardsticks;
}

/// Where a regulator should look first: hard flags, verdict, flags, then the dearest per CU.
void sort_rows(std::vector<AuditRow>& rows) {
  const auto dearest = [](const AuditRow& row) {
    return row.readings.empty() ? 0.0 : row.readings.front().ceiling_side.convert_to<double>();
  };
  std::vector<std::pair<double, AuditRow*>> order;
  order.reserve(rows.size());
  for (AuditRow& row : rows) order.emplace_back(dearest(row), &row);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    const AuditRow& x = *a.second;
    const AuditRow& y = *b.second;
    if (x.hard_flags != y.hard_flags) return x.hard_flags > y.hard_flags;
    if (x.verdict != y.verdict) return x.verdict < y.verdict;
    if (x.flags.size() != y.flags.size()) return x.flags.size() > y.flags.size();
    return a.first > b.first;
  });
  std::vector<AuditRow> sorted;
  sorted.reserve(rows.size());
  for (const auto& [price, row] : order) sorted.push_back(std::move(*row));
  rows = std::move(sorted);
}

}  // namespace

std::string price_verdict_name(PriceVerdict verdict) {
  switch (verdict) {
    case PriceVerdict::above:
      return "above";
    case PriceVerdict::below_cost:
      return "below_cost";
    case PriceVerdict::not_comparable:
      return "not_comparable";
    case PriceVerdict::within_band:
      return "within_band";
  }
  return {};
}

bool Audit::passed() const {
  return hard_flags == 0 && counts[static_cast<std::size_t>(PriceVerdict::above)] == 0 &&
         counts[static_cast<std::size_t>(PriceVerdict::below_cost)] == 0;
}

Audit audit(const AuditInput& input) {
  Audit audit;
  Sites sites(input);
  const Sellers sellers(input.tariffs);
  audit.rows.resize(input.tariffs.size());
  for (std::size_t i = 0; i < input.tariffs.size(); ++i) {
    AuditRow& row = audit.rows[i];
    row.tariff = i;
    const RowContext& context = sites.behind(input.tariffs[i]);
    if (context.certificate == nullptr) {
      row.reason = context.reason;
      continue;
    }
    row.certificate_id = context.certificate->certificate_id;
    row.test_key = signed_by_test_key(*context.certificate);
    row.fair_rate = context.fair_rate;
    row.device = context.device;
    Converted converted =
        convert(input.tariffs[i], *context.device, input.rules.vat_rates_unstated);
    row.readings = std::move(converted.readings);
    row.reason = converted.reason;
    if (!row.readings.empty()) judge(row, input, context.no_rate_reason);
  }
  const Yardsticks yardsticks = yardsticks_of(audit.rows, input);
  for (AuditRow& row : audit.rows) {
    const Tariff& tariff = input.tariffs[row.tariff];
    flag(row, input, row_quantities(sites.behind(tariff), tariff, sellers), yardsticks);
    ++audit.counts[static_cast<std::size_t>(row.verdict)];
    audit.hard_flags += row.hard_flags;
  }
  for (const auto& [sku, yardstick] : yardsticks) audit.yardsticks.push_back(yardstick);
  sort_rows(audit.rows);
  return audit;
}

}  // namespace assay::pricing
