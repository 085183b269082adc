#include "pricing/programme/explain.h"

#include "pricing/programme/conditions.h"

namespace assay::pricing::programme {

namespace {

std::string base_text(Base base) {
  switch (base) {
    case Base::contract:
      return "the contract's items";
    case Base::invoices:
      return "the invoices";
    case Base::invoiced_contract:
      return "the contract's items, and up to them what was invoiced";
  }
  return {};
}

std::string exclusions_text(const Programme& programme) {
  std::string text;
  if (programme.excluded_kinds.value)
    text = "without " + kinds_text(*programme.excluded_kinds.value);
  if (programme.only_kinds.value) {
    text += (text.empty() ? "only " : "; only ") + kinds_text(*programme.only_kinds.value);
  }
  return text.empty() ? "nothing is excluded" : text;
}

std::string proration_text(const Reading& reading, const Claim& claim) {
  const Fraction share = day_share(claim, reading.day_count);
  const bool included = reading.day_count == DayCount::end_included;
  return to_integer(share.numerator()).str() + " of " + to_integer(share.denominator()).str() +
         " days, the last day " + (included ? "counted" : "not counted");
}

std::string ceiling_text(const Programme& programme, const Claim& claim) {
  if (!programme.rate_ceiling.value || !claim.verified_cu) return {};
  return programme.rate_ceiling.value->cny_per_cu + " CNY/CU x " +
         decimal_text(Integer(claim.verified_cu->micro_cu), 6) + " CU";
}

std::string caps_text(const Reading& reading, const Programme& programme, const Claim& claim) {
  std::string text;
  for (std::size_t i = 0; i < programme.caps.size(); ++i) {
    const Cap& cap = programme.caps[i];
    if (all_true(cap.when, claim).value != true || !cap.amount.value) continue;
    if (!cap.amount.value->cny) continue;
    if (!text.empty()) text += "; ";
    text += grouped_cny_text(*cap.amount.value->cny) + " a " + name_of(reading.cap_per[i]) +
            " and control group";
  }
  return text.empty() ? "none" : text;
}

std::string budget_text(const Programme& programme, const Claim& claim) {
  if (claim.budget_left) return grouped_cny_text(*claim.budget_left) + " left";
  if (!programme.budget.value) return "not known";
  return grouped_cny_text(programme.budget.value->amount) +
         (programme.budget.value->per_year ? " a year in all" : " in all");
}

std::string text_of(const StepRow& row, const Reading& reading, const Programme& programme,
                    const Claim& claim) {
  switch (row.row) {
    case Row::base:
      return base_text(reading.base);
    case Row::exclusions:
      return exclusions_text(programme);
    case Row::proration:
      return proration_text(reading, claim);
    case Row::ceiling:
      return ceiling_text(programme, claim);
    case Row::other_subsidies:
      return "less other public money";
    case Row::percentage: {
      const Tier& tier = programme.tiers[reading.tier];
      return (tier.at_most ? "at most " : "") +
             (tier.share.value ? percent_text(*tier.share.value) : "unknown") + ", " + tier.name;
    }
    case Row::cap:
      return caps_text(reading, programme, claim);
    case Row::joint_ceiling:
      return "what all public money may reach together, less the other";
    case Row::budget:
      return budget_text(programme, claim);
    case Row::rounding:
      return name_of(reading.rounding);
    case Row::award:
      return claim.award->document;
    case Row::paid_before:
      return "on this claim";
    case Row::this_part:
      return "due now";
  }
  return {};
}

}  // namespace

void explain(ReadingResult& result, const Reading& reading, const Programme& programme,
             const Claim& claim) {
  for (StepRow& row : result.rows) row.how = text_of(row, reading, programme, claim);
}

std::string percent_text(const Fraction& share) {
  std::string text = rounded_text(to_rational(share) * 100, 4);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " %";
}

std::string kinds_text(Kinds kinds) {
  std::string text;
  const auto& names = kind_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if ((kinds >> i & 1U) == 0) continue;
    if (!text.empty()) text += ", ";
    text += names[i];
  }
  return text;
}

}  // namespace assay::pricing::programme
