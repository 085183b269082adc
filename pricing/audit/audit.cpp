#include "pricing/audit/audit.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "pricing/audit/sites.h"
#include "pricing/parallel.h"

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

/// The rules on a price, for prices that were not yet divided by fair rate or yardstick.
using PriceRules = std::vector<std::optional<AuditRule>>;

PriceRules price_rules(const AuditRules& rules, Quantity quantity,
                       const std::optional<Rational>& divisor) {
  PriceRules moved(rules.rules.size());
  if (!divisor || *divisor <= 0) return moved;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (rules.rules[i].quantity == quantity) moved[i] = undivided(rules.rules[i], *divisor);
  }
  return moved;
}

/// How a price was posted, and by whom: rows that share it convert by the same factors.
struct Posting {
  const RowContext* context = nullptr;
  Converted of_one_cny;
  PriceRules of_fair_rate;
};

class Postings {
 public:
  /// `input` must outlive it.
  explicit Postings(const AuditInput& input) : input_(input), sites_(input) {}

  /// Stays where it is. Errors: those of pricing a cost sheet.
  [[nodiscard]] const Posting& of(const Tariff& tariff) {
    const RowContext& context = sites_.behind(tariff);
    key_.clear();
    append(reinterpret_cast<std::uintptr_t>(&context));
    append(reinterpret_cast<std::uintptr_t>(tariff.unit));
    append(static_cast<std::uint64_t>(tariff.devices));
    append(static_cast<std::uint64_t>(tariff.vat));
    for (const std::string* part :
         {&tariff.vat_rate_text, &tariff.configuration, &tariff.precision, &tariff.sparsity}) {
      key_ += '\0';
      key_ += *part;
    }
    const auto [found, added] = postings_.try_emplace(key_);
    if (added) {
      found->second.context = &context;
      if (context.fair_rate) {
        found->second.of_fair_rate = price_rules(input_.rules, Quantity::price_over_fair_rate,
                                                 context.fair_rate->cny_per_cu);
      } else {
        found->second.of_fair_rate.resize(input_.rules.rules.size());
      }
      if (context.certificate != nullptr) {
        found->second.of_one_cny =
            convert_one_cny(tariff, *context.device, input_.rules.vat_rates_unstated);
      }
    }
    return found->second;
  }

 private:
  void append(std::uint64_t part) {
    for (int bit = 0; bit < 64; bit += 8) key_ += static_cast<char>((part >> bit) & 0xFF);
  }

  const AuditInput& input_;
  Sites sites_;
  std::string key_;
  std::unordered_map<std::string, Posting> postings_;
};

/// Holds one reading against ceiling and cost.
PriceVerdict verdict_of(const Conversion& reading, const RowContext& context) {
  if (context.band_high && less(*context.band_high, reading.ceiling_side)) {
    return PriceVerdict::above;
  }
  if (!context.band_low) return PriceVerdict::not_comparable;
  if (less(reading.cost_side, *context.band_low)) return PriceVerdict::below_cost;
  return PriceVerdict::within_band;
}

void judge(AuditRow& row, const RowContext& context, bool ceiling) {
  row.verdict = verdict_of(row.readings.front(), context);
  const bool agree = std::all_of(
      row.readings.begin() + 1, row.readings.end(),
      [&](const Conversion& reading) { return verdict_of(reading, context) == row.verdict; });
  if (!agree) {
    row.verdict = PriceVerdict::not_comparable;
    row.reason =
        row.fair_rate || !ceiling
            ? "what the price does not state (VAT, precision or sparsity) decides: its "
              "readings have different verdicts"
            : "its readings have different verdicts, and there is " + context.no_rate_reason;
    return;
  }
  if (row.verdict == PriceVerdict::not_comparable) row.reason = context.no_rate_reason;
}

AuditRow row_of(const AuditInput& input, std::size_t position, const Posting& posting) {
  const RowContext& context = *posting.context;
  AuditRow row;
  row.tariff = position;
  row.reason = context.reason;
  if (context.certificate == nullptr) return row;
  row.certificate_id = context.certificate->certificate_id;
  row.test_key = context.test_key;
  row.fair_rate = context.fair_rate;
  row.device = context.device;
  row.readings = scaled(posting.of_one_cny.readings, input.tariffs[position].cny);
  row.reason = posting.of_one_cny.reason;
  if (!row.readings.empty()) judge(row, context, input.ceiling_cny_per_cu.has_value());
  return row;
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
bool raised_by_price(const std::optional<AuditRule>& rule, const AuditRow& row) {
  if (!rule || row.readings.empty()) return false;
  return std::all_of(row.readings.begin(), row.readings.end(), [&](const Conversion& reading) {
    return raises(*rule, reading.ceiling_side);
  });
}

struct SkuYardstick {
  Yardstick yardstick;
  PriceRules rules;
};
using Yardsticks = std::map<std::string, SkuYardstick>;

void flag(AuditRow& row, const AuditRules& rules, const Quantities& quantities,
          const PriceRules& of_fair_rate, const PriceRules* of_yardstick) {
  for (std::size_t i = 0; i < rules.rules.size(); ++i) {
    const AuditRule& rule = rules.rules[i];
    const bool raised = rule.quantity == Quantity::price_over_fair_rate
                            ? raised_by_price(of_fair_rate[i], row)
                        : rule.quantity == Quantity::price_over_yardstick
                            ? of_yardstick != nullptr && raised_by_price((*of_yardstick)[i], row)
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
    SkuYardstick& of_sku = yardsticks[sku];
    Yardstick& yardstick = of_sku.yardstick;
    yardstick.sku = sku;
    yardstick.sellers = by_seller.size();
    if (by_seller.size() < input.rules.fewest_sellers) continue;
    std::vector<Rational> medians;
    for (auto& [seller, values] : by_seller) medians.push_back(median_of(std::move(values)));
    yardstick.cny_per_cu = median_of(std::move(medians));
    of_sku.rules = price_rules(input.rules, Quantity::price_over_yardstick, yardstick.cny_per_cu);
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
  Postings postings(input);
  std::vector<const Posting*> posting_of;
  posting_of.reserve(input.tariffs.size());
  for (const Tariff& tariff : input.tariffs) posting_of.push_back(&postings.of(tariff));
  audit.rows.resize(input.tariffs.size());
  in_parallel(audit.rows.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) audit.rows[i] = row_of(input, i, *posting_of[i]);
  });
  const Yardsticks yardsticks = yardsticks_of(audit.rows, input);
  const Sellers sellers(input.tariffs);
  in_parallel(audit.rows.size(), [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Posting& posting = *posting_of[i];
      const auto of_sku = yardsticks.find(input.tariffs[i].sku);
      const bool has_yardstick = of_sku != yardsticks.end() && !of_sku->second.rules.empty();
      flag(audit.rows[i], input.rules, row_quantities(*posting.context, input.tariffs[i], sellers),
           posting.of_fair_rate, has_yardstick ? &of_sku->second.rules : nullptr);
    }
  });
  for (const AuditRow& row : audit.rows) {
    ++audit.counts[static_cast<std::size_t>(row.verdict)];
    audit.hard_flags += row.hard_flags;
  }
  for (const auto& [sku, found] : yardsticks) audit.yardsticks.push_back(found.yardstick);
  sort_rows(audit.rows);
  return audit;
}

}  // namespace assay::pricing
