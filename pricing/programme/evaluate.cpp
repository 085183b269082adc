#include "pricing/programme/evaluate.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/programme/conditions.h"
#include "pricing/programme/costs.h"
#include "pricing/programme/explain.h"
#include "pricing/programme/readings.h"
#include "results/json_path.h"

namespace assay::pricing::programme {

namespace {

/// A claim under one reading, with what stands against it there.
struct Outcome {
  ReadingResult result;
  std::vector<Finding> refusals;
  std::vector<Finding> stops;
};

class Evaluation {
 public:
  Evaluation(const Programme& programme, const Claim& claim)
      : programme_(programme), claim_(claim) {}

  Ruling rule() {
    const Force force = in_force(programme_, claim_);
    if (force.state != InForce::yes) {
      ruling_.kind = RulingKind::stopped;
      ruling_.findings = {force.finding};
      return std::move(ruling_);
    }
    if (!force.note.empty()) ruling_.notes.push_back(force.note);
    const Conditions conditions = conditions_of(programme_, claim_);
    if (!conditions.refusals.empty()) return refuse(conditions.refusals);
    costs_ = costs_of(programme_, claim_);
    ruling_.notes.push_back(costs_.vat_note);
    ruling_.ceiling_gap = ceiling_gap();
    readings_ = readings_of(programme_, claim_);
    for (std::size_t i = 0; i < readings_.size(); ++i) {
      outcomes_.push_back(outcome_of(readings_.at(i)));
    }
    if (refused_in_all()) return refuse(outcomes_.front().refusals);
    if (!nothing_due()) {
      std::vector<Finding> stops = conditions.stops;
      for (const Outcome& outcome : outcomes_) {
        stops.insert(stops.end(), outcome.stops.begin(), outcome.stops.end());
      }
      if (!stops.empty()) return stop(std::move(stops));
    }
    return compare();
  }

 private:
  Ruling refuse(const std::vector<Finding>& findings) {
    ruling_.kind = RulingKind::refused;
    ruling_.findings = findings;
    return std::move(ruling_);
  }

  Ruling stop(std::vector<Finding> findings) {
    ruling_.kind = RulingKind::stopped;
    for (Finding& finding : findings) {
      const bool known =
          std::any_of(ruling_.findings.begin(), ruling_.findings.end(), [&](const Finding& other) {
            return other.field == finding.field && other.text == finding.text;
          });
      if (!known) ruling_.findings.push_back(std::move(finding));
    }
    return std::move(ruling_);
  }

  [[nodiscard]] bool refused_in_all() const {
    return std::all_of(outcomes_.begin(), outcomes_.end(),
                       [](const Outcome& outcome) { return !outcome.refusals.empty(); });
  }

  /// Unknown shares count as 1 and unknown caps as none, so nought is nought whatever they are.
  [[nodiscard]] bool nothing_due() const {
    return std::all_of(outcomes_.begin(), outcomes_.end(), [](const Outcome& outcome) {
      return outcome.result.cumulative == Fen{0} && !outcome.result.award_over_bound;
    });
  }

  [[nodiscard]] std::string ceiling_gap() const {
    const Rule<RateCeiling>& rule = programme_.rate_ceiling;
    if (!rule.value) return "no rate ceiling is set for this programme";
    const RateCeiling& ceiling = *rule.value;
    if (!claim_.verified_cu) return "the claim has no verified CU";
    const VerifiedCu& verified = *claim_.verified_cu;
    if (verified.basket != ceiling.basket) {
      return "verified CU are of basket " + verified.basket + ", the ceiling is of " +
             ceiling.basket;
    }
    if (verified.from != claim_.use_from || verified.to != claim_.use_to) {
      return "verified CU and invoices are not of the same days";
    }
    if (!ceiling.span.holds(claim_.use_from) || !ceiling.span.holds(claim_.use_to)) {
      return "the rate ceiling is not of the days of use";
    }
    if (!costs_.contract_ex_vat || !costs_.invoices_ex_vat) {
      return "a VAT rate is not stated: the ceiling needs amounts ex VAT";
    }
    return {};
  }

  Outcome outcome_of(const Reading& reading) {
    Outcome outcome;
    if (reading.tier == programme_.tiers.size()) {
      outcome.refusals.push_back({true, "/statements", "no tier of the programme applies"});
      return outcome;
    }
    const Tier& tier = programme_.tiers[reading.tier];
    StepInput input;
    if (!fill_costs(reading, input, outcome)) return outcome;
    fill_share(reading.tier, tier, input, outcome);
    fill_others(reading, input, outcome);
    const std::vector<CapLeft> caps = caps_left(reading, outcome);
    for (const CapLeft& cap : caps) {
      if (cap.certain) {
        input.cap_left = input.cap_left ? lesser(*input.cap_left, cap.left) : cap.left;
      }
    }
    fill_budget(reading, input);
    ReadingResult& result = outcome.result;
    const StepOutput output = run_steps(input, &result.rows);
    check_caps(caps, output.own_before_cap, outcome);
    finish(reading, output, outcome);
    return outcome;
  }

  bool fill_costs(const Reading& reading, StepInput& input, Outcome& outcome) {
    const bool none = claim_.invoices.empty();
    if (reading.base == Base::invoices && none) {
      if (programme_.base.value) {
        throw input_error("the programme pays on invoices, and the claim has none",
                          place(claim_.where, "/invoices"), "add the invoices of the period");
      }
      outcome.stops.push_back(
          {false, "/base/value",
           "it may be the invoices, and the claim has none. " + programme_.base.needs});
      return false;
    }
    const bool by_invoice = reading.base == Base::invoices;
    const CostSum& base = by_invoice ? costs_.invoices : costs_.contract;
    input.all = base.all;
    input.eligible = base.eligible;
    if (reading.base == Base::invoiced_contract && !none) input.limit = costs_.invoices.eligible;
    input.prorate = reading.proration == Proration::days && !by_invoice;
    if (input.prorate) input.day_share = day_share(claim_, reading.day_count);
    input.order = reading.order;
    for (const auto& [rule, field] : {std::pair{&programme_.excluded_kinds, "/excluded_kinds"},
                                      std::pair{&programme_.only_kinds, "/only_kinds"}}) {
      if (rule->unknown()) {
        outcome.stops.push_back({false, std::string(field) + "/value", rule->needs});
      }
    }
    if (!ruling_.ceiling_gap.empty()) return true;
    input.with_ceiling = true;
    const CostSum& ex_vat = by_invoice ? *costs_.invoices_ex_vat : *costs_.contract_ex_vat;
    input.all_ex_vat = ex_vat.all;
    input.eligible_ex_vat = ex_vat.eligible;
    if (!none) input.limit_ex_vat = costs_.invoices_ex_vat->eligible;
    input.ceiling_cost =
        programme_.rate_ceiling.value->fen_per_micro_cu * Fraction(claim_.verified_cu->micro_cu);
    return true;
  }

  void fill_share(std::size_t index, const Tier& tier, StepInput& input, Outcome& outcome) {
    const std::string field = "/tiers/" + std::to_string(index);
    input.share = tier.share.value_or(Fraction(1));
    if (!tier.share.value) {
      outcome.stops.push_back({false, field + "/share/value", tier.share.needs});
    }
    if (tier.months_at_most.unknown()) {
      outcome.stops.push_back({false, field + "/months_at_most/value", tier.months_at_most.needs});
    }
    if (tier.months_at_most.value) {
      const Day end = months_later(claim_.start, *tier.months_at_most.value);
      if (end <= claim_.use_to) {
        outcome.refusals.push_back(
            {true, "/use/to",
             "'" + tier.name + "' ends before " + day_text(end) + ": claim for earlier days"});
      }
    }
  }

  void fill_others(const Reading& reading, StepInput& input, Outcome& outcome) const {
    for (const OtherSubsidy& other : claim_.other_subsidies) {
      input.others = true;
      input.others_total = input.others_total + Fraction(other.amount.value);
    }
    if (!input.others || !programme_.stacking.value) return;
    input.net = reading.second_base == SecondBase::net;
    input.joint_share = programme_.stacking.value->joint_ceiling.value_or(Fraction(1));
    if (!programme_.stacking.value->joint_ceiling) {
      outcome.stops.push_back({false, "/stacking/value/joint_ceiling", programme_.stacking.needs});
    }
  }

  /// What one cap leaves for this claim.
  struct CapLeft {
    std::size_t index = 0;
    Fraction left;
    bool certain = true;  ///< it is of this claim: its statements are all true
    bool by_two_years = false;
  };

  [[nodiscard]] std::vector<CapLeft> caps_left(const Reading& reading, Outcome& outcome) const {
    std::vector<CapLeft> caps;
    for (std::size_t i = 0; i < programme_.caps.size(); ++i) {
      const Cap& cap = programme_.caps[i];
      const Truth applies = all_true(cap.when, claim_);
      if (applies.value == false) continue;
      if (!cap.amount.value) {
        outcome.stops.push_back(
            {false, "/caps/" + std::to_string(i) + "/amount/value", cap.amount.needs});
        continue;
      }
      if (!cap.amount.value->cny) continue;  // there is none
      const bool two_years =
          reading.cap_per[i] == CapPer::year && reading.year == YearKind::calendar_year &&
          reading.date == GoverningDate::use && year_of(claim_.use_from) != year_of(claim_.use_to);
      const Fen used = used_of(reading, reading.cap_per[i]);
      const Fen left = *cap.amount.value->cny - used;
      caps.push_back({i, std::max<std::int64_t>(left.value, 0), applies.value == true, two_years});
    }
    return caps;
  }

  /// What the control group was awarded before, of what the cap is for.
  [[nodiscard]] Fen used_of(const Reading& reading, CapPer per) const {
    Fen used;
    const Day day = day_of(claim_, reading.date);
    for (const EarlierAward& award : claim_.earlier_awards) {
      if (award.programme != programme_.id) continue;
      bool counts = per == CapPer::total;
      if (per == CapPer::year) {
        counts = reading.year == YearKind::calendar_year
                     ? year_of(award.date) == year_of(day)
                     : months_later(day, -kMonthsOfYear) < award.date && award.date <= day;
      }
      if (counts) used = used + award.amount;
    }
    return used;
  }

  /// A cap that may or may not hold matters where the amount is over it.
  void check_caps(const std::vector<CapLeft>& caps, const Fraction& amount,
                  Outcome& outcome) const {
    for (const CapLeft& each : caps) {
      if (!(each.left < amount)) continue;
      const Cap& cap = programme_.caps[each.index];
      if (each.by_two_years) {
        outcome.stops.push_back({true, "/use",
                                 "a cap a year, and days of use of two years: claim "
                                 "for the days of each year"});
      }
      if (!each.certain) {
        outcome.stops.push_back(unstated(programme_, all_true(cap.when, claim_).unknown));
      }
      if (cap.relaxed_when.empty()) continue;
      const Truth relaxed = all_true(cap.relaxed_when, claim_);
      if (!relaxed.value) outcome.stops.push_back(unstated(programme_, relaxed.unknown));
      if (relaxed.value == true) {
        outcome.stops.push_back(
            {false, "/caps/" + std::to_string(each.index) + "/relaxed_when",
             "the programme may go over the cap for this applicant: add its decision, [] where the "
             "cap stands"});
      }
    }
  }

  void fill_budget(const Reading& reading, StepInput& input) {
    input.exceeding = reading.exceeding;
    if (claim_.budget_left) {
      input.budget_left = Fraction(claim_.budget_left->value);
    } else if (programme_.budget.value) {
      input.budget_left = Fraction(programme_.budget.value->amount.value);
    }
  }

  void finish(const Reading& reading, const StepOutput& output, Outcome& outcome) {
    ReadingResult& result = outcome.result;
    const Fen bound = rounded(output.own, reading.rounding, output.own_bound);
    std::optional<Fen> ceiling;
    if (output.ceiling) {
      ceiling = rounded(*output.ceiling, reading.rounding, output.own_bound);
    }
    const auto show = [&](Row row, Fen own, std::optional<Fen> beside) {
      result.rows.push_back(
          {row, own.value, beside ? std::optional<Fraction>(beside->value) : std::nullopt, {}});
    };
    show(Row::rounding, bound, ceiling);
    result.cumulative = bound;
    if (claim_.award) {
      result.cumulative = claim_.award->amount;
      result.award_over_bound = bound < claim_.award->amount;
      if (ceiling) ceiling = std::min(*ceiling, claim_.award->amount);
      show(Row::award, result.cumulative, ceiling);
    }
    result.ceiling_cumulative = ceiling;
    result.part = result.cumulative - claim_.paid_before;
    if (claim_.paid_before != Fen{0}) {
      show(Row::paid_before, claim_.paid_before, std::nullopt);
      show(Row::this_part, result.part, std::nullopt);
    }
    split(reading, result);
  }

  [[nodiscard]] static std::vector<Fen> shares_of(const std::vector<Payer>& payers, Fen amount,
                                                  std::size_t odd_payer) {
    std::vector<Fen> shares;
    Fen rest = amount;
    for (const Payer& payer : payers) {
      shares.push_back({floor_of(Fraction(amount.value) * payer.share)});
      rest = rest - shares.back();
    }
    shares[odd_payer] = shares[odd_payer] + rest;
    return shares;
  }

  void split(const Reading& reading, ReadingResult& result) const {
    const std::vector<Payer> payers = programme_.payers.value_or({});
    if (payers.empty()) return;
    const std::vector<Fen> now = shares_of(payers, result.cumulative, reading.odd_payer);
    const std::vector<Fen> before = shares_of(payers, claim_.paid_before, reading.odd_payer);
    for (std::size_t i = 0; i < payers.size(); ++i) {
      result.payers.push_back({payers[i].name, now[i], now[i] - before[i]});
    }
  }

  static bool same(const Outcome& a, const Outcome& b) {
    if (a.refusals.empty() != b.refusals.empty()) return false;
    if (a.result.cumulative != b.result.cumulative) return false;
    if (a.result.award_over_bound != b.result.award_over_bound) return false;
    return std::equal(a.result.payers.begin(), a.result.payers.end(), b.result.payers.begin(),
                      b.result.payers.end(), [](const PayerShare& one, const PayerShare& other) {
                        return one.cumulative == other.cumulative && one.part == other.part;
                      });
  }

  [[nodiscard]] std::vector<std::size_t> deciding() const {
    std::vector<std::size_t> found;
    for (std::size_t d = 0; d < readings_.dimensions.size(); ++d) {
      const std::size_t stride = readings_.stride(d);
      const std::size_t values = readings_.dimensions[d].names.size();
      for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        if (readings_.digit(i, d) + 1 < values && !same(outcomes_[i], outcomes_[i + stride])) {
          found.push_back(d);
          break;
        }
      }
    }
    return found;
  }

  static std::string result_text(const Outcome& outcome) {
    if (!outcome.refusals.empty()) return "nothing";
    if (outcome.result.award_over_bound) return "an award over the bound";
    return grouped_cny_text(outcome.result.cumulative);
  }

  Ruling compare() {
    const std::vector<std::size_t> dimensions = deciding();
    std::vector<Finding> material;
    for (const std::size_t d : dimensions) {
      const Dimension& dimension = readings_.dimensions[d];
      if (!dimension.technical) {
        Finding finding = dimension.finding;
        finding.text += " (it can be " + choices_text(d) + ")";
        material.push_back(std::move(finding));
      }
    }
    if (!material.empty()) return stop(std::move(material));
    describe(dimensions);
    if (dimensions.empty()) return only_result();
    ruling_.kind = RulingKind::set;
    for (const std::size_t d : dimensions) {
      ruling_.open_rules.push_back(readings_.dimensions[d].finding.field);
    }
    collect_set(dimensions);
    return std::move(ruling_);
  }

  /// "included: 1.00, excluded: 2.00", the other rules as they are read first.
  [[nodiscard]] std::string choices_text(std::size_t dimension) const {
    std::string text;
    const std::vector<std::string>& names = readings_.dimensions[dimension].names;
    for (std::size_t value = 0; value < names.size(); ++value) {
      text += (text.empty() ? "" : ", ") + names[value] + ": " +
              result_text(outcomes_[value * readings_.stride(dimension)]);
    }
    return text;
  }

  void describe(const std::vector<std::size_t>& dimensions) {
    const Tier& tier = programme_.tiers[readings_.first.tier];
    ruling_.tier = tier.name;
    ruling_.is_bound = tier.at_most && !claim_.award;
    ruling_.governing_day = governing_day();
    if (programme_.governing_date.value) {
      ruling_.governing_date = name_of(*programme_.governing_date.value);
    }
    ruling_.notes.push_back("'" + tier.name + "': " + (tier.at_most ? "at most " : "") +
                            (tier.share.value ? percent_text(*tier.share.value) : "unknown"));
    if (!claim_.budget_left) {
      ruling_.notes.push_back("what is left of the budget is not stated" +
                              std::string(programme_.budget.value
                                              ? ": held against the whole of it"
                                              : ", and its amount is not known: not checked"));
    }
    for (std::size_t d = 0; d < readings_.dimensions.size(); ++d) {
      if (std::find(dimensions.begin(), dimensions.end(), d) == dimensions.end()) {
        ruling_.notes.push_back(readings_.dimensions[d].finding.field +
                                " is open and changes nothing here");
      }
    }
    for (const Decision& decision : claim_.decisions) {
      ruling_.notes.push_back("decided: " + decision.field + ", " + decision.document);
    }
    if (claim_.award) ruling_.notes.push_back("award: " + claim_.award->document);
  }

  [[nodiscard]] std::string governing_day() const {
    if (!programme_.governing_date.value) return {};
    if (*programme_.governing_date.value == GoverningDate::use &&
        claim_.use_from != claim_.use_to) {
      return day_text(claim_.use_from) + ".." + day_text(claim_.use_to);
    }
    return day_text(day_of(claim_, *programme_.governing_date.value));
  }

  Ruling only_result() {
    const ReadingResult& result = outcomes_.front().result;
    if (result.award_over_bound) {
      const auto bound = std::find_if(result.rows.begin(), result.rows.end(),
                                      [](const StepRow& row) { return row.row == Row::rounding; });
      return refuse(
          {{true, "/award/amount",
            "the award is over the bound of " + grouped_cny_text(Fen{floor_of(bound->own)})}});
    }
    ruling_.kind = ruling_.is_bound ? RulingKind::at_most : RulingKind::figure;
    ruling_.readings.push_back(result);
    explain(ruling_.readings.back(), readings_.at(0), programme_, claim_);
    return std::move(ruling_);
  }

  /// One result for each that differs, with the values of the open rules that lead to it.
  void collect_set(const std::vector<std::size_t>& dimensions) {
    std::vector<std::size_t> firsts;
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
      const auto known = std::find_if(firsts.begin(), firsts.end(), [&](std::size_t first) {
        return same(outcomes_[first], outcomes_[i]);
      });
      const auto index = static_cast<std::size_t>(known - firsts.begin());
      if (known == firsts.end()) {
        firsts.push_back(i);
        ruling_.readings.push_back(outcomes_[i].result);
        explain(ruling_.readings.back(), readings_.at(i), programme_, claim_);
        for (const std::size_t d : dimensions) {
          ruling_.readings.back().choices.push_back(
              {readings_.dimensions[d].finding.field, std::string()});
        }
      }
      ReadingResult& result = ruling_.readings[index];
      for (std::size_t k = 0; k < dimensions.size(); ++k) {
        const Dimension& dimension = readings_.dimensions[dimensions[k]];
        const std::string& name = dimension.names[readings_.digit(i, dimensions[k])];
        std::string& value = result.choices[k].value;
        if ((" " + value + " ").find(" " + name + " ") != std::string::npos) continue;
        value += (value.empty() ? "" : " or ") + name;
      }
    }
    std::stable_sort(
        ruling_.readings.begin(), ruling_.readings.end(),
        [](const ReadingResult& a, const ReadingResult& b) { return a.cumulative < b.cumulative; });
  }

  const Programme& programme_;
  const Claim& claim_;
  Ruling ruling_;
  Costs costs_;
  Readings readings_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

const std::vector<std::string_view>& names_of(RulingKind) {
  static const std::vector<std::string_view> names = {"figure", "at_most", "set", "refused",
                                                      "stopped"};
  return names;
}

Ruling evaluate(const Programme& programme, const Claim& claim) {
  if (claim.programme != programme.id ||
      claim.version.value_or(programme.version) != programme.version) {
    throw input_error("the claim is of programme " + excerpt(claim.programme) + " " +
                          excerpt(claim.version.value_or("")) + ", not of " + title_of(programme),
                      place(claim.where, "/programme"), "evaluate it by its own programme");
  }
  if (claim.decisions.empty()) return Evaluation(programme, claim).rule();
  const Programme decided =
      with_decisions(programme, claim.decisions, place(claim.where, "/decisions"));
  return Evaluation(decided, claim).rule();
}

std::string findings_line(const Ruling& ruling, const Programme& programme) {
  std::string line;
  for (const Finding& finding : ruling.findings) {
    line += (line.empty() ? "" : "; ") + (finding.in_claim ? "claim " : title_of(programme) + " ") +
            finding.field;
    if (!finding.text.empty()) line += ": " + finding.text;
  }
  return line;
}

}  // namespace assay::pricing::programme
