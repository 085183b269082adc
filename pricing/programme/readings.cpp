#include "pricing/programme/readings.h"

#include <algorithm>

#include "pricing/programme/conditions.h"

namespace assay::pricing::programme {

namespace {

/// What an order of steps that no rule states can be: proration of the cost, or of the amount.
constexpr StepOrder kProratedAmount = {StepKind::exclusions, StepKind::ceiling,
                                       StepKind::percentage, StepKind::cap,
                                       StepKind::proration,  StepKind::budget};

std::string name_of(const StepOrder& order) {
  std::string text;
  for (const StepKind step : order) {
    text += (text.empty() ? "" : ", ") + programme::name_of(step);
  }
  return text;
}

template <class Enum>
std::vector<Enum> all_values() {
  std::vector<Enum> values;
  for (std::size_t i = 0; i < names_of(Enum{}).size(); ++i) values.push_back(static_cast<Enum>(i));
  return values;
}

class Builder {
 public:
  Builder(const Programme& programme, const Claim& claim) : programme_(programme), claim_(claim) {}

  Readings build() {
    Reading& first = readings_.first;
    first.base = programme_.base.value_or(Base::contract);
    first.proration = programme_.proration.value_or(Proration::none);
    first.day_count = programme_.day_count.value_or(DayCount::end_included);
    first.order = programme_.order.value_or(kDefaultOrder);
    first.date = programme_.governing_date.value_or(GoverningDate::application);
    first.year = programme_.year.value_or(YearKind::calendar_year);
    first.rounding = programme_.rounding.value_or(Rounding::floor_fen);
    first.exceeding = programme_.exceeding_claim.value_or(Exceeding::partial);
    tiers();
    costs();
    money();
    caps();
    enumerate("/rounding/value", programme_.rounding, true, all_values<Rounding>(),
              &Reading::rounding);
    odd_fen();
    return std::move(readings_);
  }

 private:
  template <class T>
  void enumerate(const std::string& field, const Rule<T>& rule, bool technical,
                 const std::vector<T>& all, T Reading::*member) {
    if (!rule.unknown()) return;
    const std::vector<T> values = rule.one_of.empty() ? all : rule.one_of;
    Dimension dimension{{false, field, rule.needs}, technical, {}, {}};
    for (const T& value : values) dimension.names.push_back(name_of(value));
    dimension.apply = [values, member](Reading& reading, std::size_t index) {
      reading.*member = values[index];
    };
    readings_.dimensions.push_back(std::move(dimension));
  }

  /// The first tier whose statements are all true; those before it that may be true as well.
  void tiers() {
    std::vector<std::size_t> candidates;  // past the last one: none applies
    Finding finding;
    bool certain = false;
    for (std::size_t i = 0; i < programme_.tiers.size() && !certain; ++i) {
      const Truth truth = all_true(programme_.tiers[i].when, claim_);
      if (truth.value == false) continue;
      candidates.push_back(i);
      certain = truth.value == true;
      if (!certain && finding.field.empty()) finding = unstated(programme_, truth.unknown);
    }
    if (candidates.empty()) candidates.push_back(programme_.tiers.size());
    readings_.first.tier = candidates.front();
    if (finding.field.empty()) return;
    if (!certain) candidates.push_back(programme_.tiers.size());
    Dimension dimension{finding, false, {}, {}};
    for (const std::size_t tier : candidates) {
      dimension.names.push_back(tier < programme_.tiers.size() ? programme_.tiers[tier].name
                                                               : "no tier");
    }
    dimension.apply = [candidates](Reading& reading, std::size_t index) {
      reading.tier = candidates[index];
    };
    readings_.dimensions.push_back(std::move(dimension));
  }

  void costs() {
    enumerate("/base/value", programme_.base, false, all_values<Base>(), &Reading::base);
    const bool whole = claim_.use_from == claim_.start && claim_.use_to == claim_.end;
    const bool may_prorate =
        !whole && programme_.base.value != Base::invoices &&
        (programme_.proration.unknown() || programme_.proration.value == Proration::days);
    if (!may_prorate) {
      readings_.first.proration = Proration::none;
      return;
    }
    enumerate("/proration/value", programme_.proration, false, all_values<Proration>(),
              &Reading::proration);
    enumerate("/day_count/value", programme_.day_count, true, all_values<DayCount>(),
              &Reading::day_count);
    enumerate("/order/value", programme_.order, true,
              std::vector<StepOrder>{kDefaultOrder, kProratedAmount}, &Reading::order);
  }

  void money() {
    enumerate("/governing_date/value", programme_.governing_date, true, all_values<GoverningDate>(),
              &Reading::date);
    if (!claim_.earlier_awards.empty()) {
      enumerate("/year/value", programme_.year, false, all_values<YearKind>(), &Reading::year);
    }
    if (claim_.budget_left || programme_.budget.value) {
      enumerate("/exceeding_claim/value", programme_.exceeding_claim, false,
                all_values<Exceeding>(), &Reading::exceeding);
    }
    if (claim_.other_subsidies.empty() || !programme_.stacking.value) return;
    const Stacking& stacking = *programme_.stacking.value;
    readings_.first.second_base = stacking.second_base.value_or(SecondBase::gross);
    Rule<SecondBase> rule;
    rule.stated = true;
    rule.value = stacking.second_base;
    rule.needs = programme_.stacking.needs;
    enumerate("/stacking/value/second_base", rule, false, all_values<SecondBase>(),
              &Reading::second_base);
  }

  void caps() {
    for (std::size_t i = 0; i < programme_.caps.size(); ++i) {
      const Rule<CapPer>& rule = programme_.caps[i].per;
      readings_.first.cap_per.push_back(rule.value_or(CapPer::claim));
      if (!rule.unknown() || claim_.earlier_awards.empty()) continue;
      const std::vector<CapPer> values = rule.one_of.empty() ? all_values<CapPer>() : rule.one_of;
      Dimension dimension{
          {false, "/caps/" + std::to_string(i) + "/per/value", rule.needs}, false, {}, {}};
      for (const CapPer value : values) dimension.names.push_back(programme::name_of(value));
      dimension.apply = [values, i](Reading& reading, std::size_t index) {
        reading.cap_per[i] = values[index];
      };
      readings_.dimensions.push_back(std::move(dimension));
    }
  }

  void odd_fen() {
    const std::vector<Payer> payers = programme_.payers.value_or({});
    if (payers.empty()) return;
    if (programme_.odd_fen.value) {
      const auto found = std::find_if(payers.begin(), payers.end(), [&](const Payer& payer) {
        return payer.name == *programme_.odd_fen.value;
      });
      readings_.first.odd_payer = static_cast<std::size_t>(found - payers.begin());
      return;
    }
    Dimension dimension{{false, "/odd_fen/value", programme_.odd_fen.needs}, true, {}, {}};
    for (const Payer& payer : payers) dimension.names.push_back(payer.name);
    dimension.apply = [](Reading& reading, std::size_t index) { reading.odd_payer = index; };
    readings_.dimensions.push_back(std::move(dimension));
  }

  const Programme& programme_;
  const Claim& claim_;
  Readings readings_;
};

}  // namespace

std::size_t Readings::size() const {
  std::size_t count = 1;
  for (const Dimension& dimension : dimensions) count *= dimension.names.size();
  return count;
}

std::size_t Readings::stride(std::size_t dimension) const {
  std::size_t product = 1;
  for (std::size_t i = dimension + 1; i < dimensions.size(); ++i) {
    product *= dimensions[i].names.size();
  }
  return product;
}

std::size_t Readings::digit(std::size_t position, std::size_t dimension) const {
  return position / stride(dimension) % dimensions[dimension].names.size();
}

Reading Readings::at(std::size_t position) const {
  Reading reading = first;
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    dimensions[i].apply(reading, digit(position, i));
  }
  return reading;
}

Readings readings_of(const Programme& programme, const Claim& claim) {
  return Builder(programme, claim).build();
}

Fraction day_share(const Claim& claim, DayCount count) {
  const std::int64_t extra = count == DayCount::end_included ? 1 : 0;
  const std::int64_t whole = (claim.end - claim.start).count() + extra;
  const std::int64_t used = (claim.use_to - claim.use_from).count() + extra;
  if (whole == 0) return 1;
  return {Int128{used}, Int128{whole}};
}

}  // namespace assay::pricing::programme
