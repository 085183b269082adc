#include "pricing/programme/conditions.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing::programme {

namespace {

class Examination {
 public:
  Examination(const Programme& programme, const Claim& claim)
      : programme_(programme), claim_(claim) {}

  Conditions examine() {
    check_statement_names();
    eligibility();
    listed_supplier();
    unrelated_supplier();
    contract();
    years();
    evidence();
    other_money();
    return std::move(found_);
  }

 private:
  void refuse(bool in_claim, const std::string& field, const std::string& text) {
    found_.refusals.push_back({in_claim, field, text});
  }
  void stop_claim(const std::string& field, const std::string& text) {
    found_.stops.push_back({true, field, text});
  }
  void stop_programme(const std::string& field, const std::string& text) {
    found_.stops.push_back({false, field, text});
  }

  void check_statement_names() const {
    for (const auto& [name, value] : claim_.statements) {
      if (programme_.statements.contains(name)) continue;
      std::vector<std::string> names;
      for (const auto& [key, text] : programme_.statements) names.push_back(key);
      const std::string near = near_name(name, names);
      throw input_error("'" + excerpt(name) + "' is no statement of " + title_of(programme_),
                        place(claim_.where, "/statements"),
                        near.empty() ? "assay programme show " + programme_.id + " lists them"
                                     : "did you mean '" + near + "'?");
    }
  }

  void eligibility() {
    for (const std::string& statement : programme_.eligibility.all_of) {
      const Truth truth = all_true({statement}, claim_);
      if (!truth.value) {
        found_.stops.push_back(unstated(programme_, statement));
      } else if (!*truth.value) {
        refuse(true, "/statements/" + statement,
               "not eligible, it must be: " + programme_.statements.at(statement));
      }
    }
    // An award is the programme's word that its applicant is eligible.
    if (!programme_.eligibility.complete && !claim_.award) {
      stop_programme("/eligibility/complete", programme_.eligibility.needs);
    }
  }

  void listed_supplier() {
    const Rule<bool>& rule = programme_.supplier_listed;
    if (!rule.stated || rule.value == false || claim_.supplier_listed == true) return;
    if (rule.unknown()) return stop_programme("/supplier_listed/value", rule.needs);
    if (!claim_.supplier_listed) {
      return stop_claim("/supplier/listed", "look whether the supplier is on the list");
    }
    refuse(true, "/supplier/listed", "the supplier is not on the programme's list");
  }

  [[nodiscard]] std::optional<bool> related() const {
    const Party& applicant = claim_.applicant;
    const Party& supplier = claim_.supplier;
    if (applicant.credit_code == supplier.credit_code) return true;
    if (!applicant.control_group || !supplier.control_group) return std::nullopt;
    return *applicant.control_group == *supplier.control_group;
  }

  void unrelated_supplier() {
    const Rule<bool>& rule = programme_.supplier_unrelated;
    const std::optional<bool> are_related = related();
    if (!rule.stated || rule.value == false || are_related == false) return;
    if (rule.unknown()) return stop_programme("/supplier_unrelated/value", rule.needs);
    if (!are_related) {
      return stop_claim("/supplier/control_group",
                        "state the control groups of applicant and supplier");
    }
    refuse(true, "/supplier/control_group", "applicant and supplier are of one control group");
  }

  void contract() {
    if (programme_.contract_signed_from.unknown()) {
      stop_programme("/contract_signed_from/value", programme_.contract_signed_from.needs);
    } else if (programme_.contract_signed_from.value &&
               claim_.signed_on < *programme_.contract_signed_from.value) {
      refuse(true, "/contract/signed",
             "signed before " + day_text(*programme_.contract_signed_from.value));
    }
    const Rule<int>& months = programme_.contract_months_at_most;
    if (months.unknown()) stop_programme("/contract_months_at_most/value", months.needs);
    if (months.value) {
      const Day limit = months_later(claim_.start, *months.value);
      if (limit < claim_.end) {
        refuse(true, "/contract/end",
               "the contract is longer than " + std::to_string(*months.value) + " months");
      }
      // On the very day after the term, the count of days decides.
      if (limit == claim_.end) last_day_of_term(*months.value);
    }
    const Rule<int>& claims = programme_.claims_per_contract;
    if (claims.unknown()) stop_programme("/claims_per_contract/value", claims.needs);
    if (claims.value) {
      std::set<std::string> others;
      for (const EarlierAward& award : claim_.earlier_awards) {
        if (award.programme == programme_.id && award.contract == claim_.contract) {
          others.insert(award.claim);
        }
      }
      if (others.size() >= static_cast<std::size_t>(*claims.value)) {
        refuse(true, "/earlier_awards",
               "the contract was claimed for before: at most " + std::to_string(*claims.value) +
                   " for each");
      }
    }
  }

  void last_day_of_term(int months) {
    if (!programme_.day_count.value) {
      const std::string needs = programme_.day_count.stated ? programme_.day_count.needs : "";
      return stop_programme("/day_count/value",
                            "whether the contract's last day counts in its term. " + needs);
    }
    if (*programme_.day_count.value == DayCount::end_included) {
      refuse(true, "/contract/end",
             "the contract is a day longer than " + std::to_string(months) + " months");
    }
  }

  /// Supported in at most n years: by calendar years and by twelve months from the first award.
  void years() {
    const Rule<int>& years = programme_.years_of_support;
    if (years.unknown()) stop_programme("/years_of_support/value", years.needs);
    if (!years.value) return;
    const Day day = day_of(claim_, programme_.governing_date.value_or(GoverningDate::application));
    std::set<int> calendar_years = {year_of(day)};
    Day first = day;
    for (const EarlierAward& award : claim_.earlier_awards) {
      if (award.programme != programme_.id) continue;
      calendar_years.insert(year_of(award.date));
      first = std::min(first, award.date);
    }
    const bool by_calendar = calendar_years.size() <= static_cast<std::size_t>(*years.value);
    const bool by_months = day < months_later(first, kMonthsOfYear * *years.value);
    const bool agree = by_calendar == by_months;
    if (!programme_.year.value && !agree) {
      return stop_programme("/year/value", programme_.year.needs);
    }
    const bool calendar = programme_.year.value == YearKind::calendar_year;
    if (!(calendar ? by_calendar : by_months)) {
      refuse(true, "/earlier_awards",
             "supported in " + std::to_string(*years.value) + " years before");
    }
  }

  void evidence() {
    if (!programme_.evidence.value) return;  // an unknown list changes no amount
    for (const EvidenceRule& rule : *programme_.evidence.value) {
      if (rule.with_invoices && claim_.invoices.empty()) continue;
      if (std::find(claim_.evidence.begin(), claim_.evidence.end(), rule.kind) ==
          claim_.evidence.end()) {
        stop_claim("/evidence", "the programme asks for '" + rule.kind + "'");
      }
    }
  }

  [[nodiscard]] bool same_days(const OtherSubsidy& other) const {
    return other.from <= claim_.use_to && claim_.use_from <= other.to;
  }

  void other_money() {
    std::size_t index = 0;
    for (const OtherSubsidy& other : claim_.other_subsidies) {
      const std::string field = "/other_subsidies/" + std::to_string(index++);
      if (programme_.stacking.unknown()) {
        return stop_programme("/stacking/value", programme_.stacking.needs);
      }
      if (other.to_supplier) {
        const Rule<bool>& one = programme_.one_of_supplier_and_user;
        if (one.unknown()) stop_programme("/one_of_supplier_and_user/value", one.needs);
        if (one.value == true) {
          refuse(true, field, "the supplier was paid for this contract: only one of the two is");
        }
      }
      if (!programme_.stacking.value) continue;
      const Stacking& stacking = *programme_.stacking.value;
      if (other.group == stacking.group && same_days(other)) {
        refuse(true, field,
               "days of this contract were counted before in the group " + stacking.group);
      } else if (!stacking.excludes) {
        stop_programme("/stacking/value/excludes", programme_.stacking.needs);
      } else if (std::find(stacking.excludes->begin(), stacking.excludes->end(), other.group) !=
                 stacking.excludes->end()) {
        refuse(true, field, "not together with money of the group " + other.group);
      }
    }
  }

  const Programme& programme_;
  const Claim& claim_;
  Conditions found_;
};

}  // namespace

Conditions conditions_of(const Programme& programme, const Claim& claim) {
  return Examination(programme, claim).examine();
}

Truth all_true(const Statements& statements, const Claim& claim) {
  Truth truth{true, {}};
  for (const std::string& statement : statements) {
    const auto found = claim.statements.find(statement);
    const std::optional<bool> value =
        found == claim.statements.end() ? std::nullopt : found->second;
    if (value == false) return {false, {}};
    if (!value && truth.value) truth = {std::nullopt, statement};
  }
  return truth;
}

int year_of(Day day) {
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

Day months_later(Day day, int months) {
  const std::chrono::year_month_day date(day);
  const std::chrono::year_month month = date.year() / date.month() + std::chrono::months(months);
  const std::chrono::year_month_day later = month / date.day();
  return later.ok() ? Day(later) : Day(month / std::chrono::last);
}

Finding unstated(const Programme& programme, const std::string& statement) {
  return {true, "/statements/" + statement,
          "state true or false: " + programme.statements.at(statement)};
}

}  // namespace assay::pricing::programme
