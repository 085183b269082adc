/// A programme's file to its struct. The schema holds the form; here stands what a schema cannot
/// say.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/programme/programme.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? std::string() : found->get<std::string>();
}

template <class Enum>
Enum enum_of(const json& value) {
  const auto& names = names_of(Enum{});
  const auto found = std::find(names.begin(), names.end(), value.get<std::string>());
  return static_cast<Enum>(found - names.begin());
}

Kinds kinds_of(const json& value) {
  Kinds kinds = 0;
  for (const json& each : value) {
    const auto& names = kind_names();
    const auto found = std::find(names.begin(), names.end(), each.get<std::string>());
    kinds |= Kinds{1} << (found - names.begin());
  }
  return kinds;
}

class ProgrammeReader {
 public:
  ProgrammeReader(const json& document, std::string where)
      : document_(document), where_(std::move(where)) {}

  Programme read() {
    Programme programme;
    programme.where = where_;
    programme.id = document_.at("id").get<std::string>();
    programme.version = document_.at("version").get<std::string>();
    programme.name = document_.at("name").get<std::string>();
    programme.place = text_at(document_, "place");
    read_sources(programme);
    const json statements = document_.value("statements", json::object());
    for (const auto& [name, text] : statements.items()) {
      programme.statements[name] = text.get<std::string>();
    }
    statements_ = &programme.statements;
    read_validity(programme);
    read_conditions(programme);
    read_steps(programme);
    read_tiers(programme);
    read_caps(programme);
    read_settlement(programme);
    check_whole(programme);
    return programme;
  }

 private:
  [[nodiscard]] std::string at(const std::string& pointer) const { return place(where_, pointer); }

  [[noreturn]] void refuse(const std::string& what, const std::string& pointer,
                           const std::string& mend) const {
    throw input_error(what, at(pointer), mend);
  }

  /// A rule of the document, or of a part of it that `pointer` names.
  template <class T, class Convert>
  Rule<T> rule(const json& owner, const std::string& owner_pointer, const char* name,
               const Convert& convert) {
    Rule<T> result;
    const auto found = owner.find(name);
    if (found == owner.end()) return result;
    const std::string pointer = owner_pointer + "/" + name;
    const json& body = *found;
    result.stated = true;
    result.needs = text_at(body, "needs");
    result.source = text_at(body, "source");
    check_source(result.source, pointer + "/source");
    if (const json& value = body.at("value"); !value.is_null()) {
      result.value = convert(value, pointer + "/value");
    } else if (result.needs.empty()) {
      refuse("an unknown value does not say what is needed", pointer,
             "add \"needs\": what to ask whom; or give the value");
    }
    if (const auto choices = body.find("one_of"); choices != body.end()) {
      if (result.value) {
        refuse("a known value has alternatives", pointer + "/one_of",
               "remove one_of, or set the value to null");
      }
      for (const json& each : *choices) {
        result.one_of.push_back(convert(each, pointer + "/one_of"));
      }
    }
    return result;
  }

  template <class Enum>
  Rule<Enum> enum_rule(const json& owner, const std::string& pointer, const char* name) {
    return rule<Enum>(owner, pointer, name,
                      [](const json& value, const std::string&) { return enum_of<Enum>(value); });
  }

  Rule<bool> flag_rule(const char* name) {
    return rule<bool>(document_, "", name,
                      [](const json& value, const std::string&) { return value.get<bool>(); });
  }

  Rule<int> count_rule(const json& owner, const std::string& pointer, const char* name) {
    return rule<int>(owner, pointer, name,
                     [](const json& value, const std::string&) { return value.get<int>(); });
  }

  Rule<Kinds> kinds_rule(const char* name) {
    return rule<Kinds>(document_, "", name,
                       [](const json& value, const std::string&) { return kinds_of(value); });
  }

  Fraction share_of(const json& value, const std::string& pointer) const {
    const auto text = value.get<std::string>();
    const Fraction share = parse_fraction(text, at(pointer));
    if (Fraction(1) < share) refuse("a share of " + text, pointer, "write 30 % as \"0.30\"");
    return share;
  }

  void check_source(const std::string& key, const std::string& pointer) const {
    if (key.empty()) return;
    for (const json& source : document_.at("sources")) {
      if (source.at("key") == key) return;
    }
    refuse("no source has the key '" + excerpt(key) + "'", pointer,
           "add it to /sources, or name one of them");
  }

  Statements statements_at(const json& owner, const char* name, const std::string& pointer) const {
    Statements found;
    if (!owner.contains(name)) return found;
    for (const json& each : owner.at(name)) {
      const auto statement = each.get<std::string>();
      if (!statements_->contains(statement)) {
        std::vector<std::string> names;
        for (const auto& [key, text] : *statements_) names.push_back(key);
        const std::string near = near_name(statement, names);
        refuse("'" + excerpt(statement) + "' is no statement of this programme",
               pointer + "/" + name,
               near.empty() ? "describe it in /statements" : "did you mean '" + near + "'?");
      }
      found.push_back(statement);
    }
    return found;
  }

  Span span_of(const json& value, const std::string& pointer) const {
    Span span;
    span.from = parse_date(value.at("from").get<std::string>(), at(pointer + "/from"));
    if (const json& to = value.at("to"); !to.is_null()) {
      span.to = parse_date(to.get<std::string>(), at(pointer + "/to"));
      if (*span.to < span.from) {
        refuse("the last day is before the first", pointer, "exchange or mend the two dates");
      }
    }
    return span;
  }

  void read_sources(Programme& programme) const {
    std::size_t index = 0;
    for (const json& source : document_.at("sources")) {
      const std::string pointer = "/sources/" + std::to_string(index++);
      Source read;
      read.key = source.at("key").get<std::string>();
      read.title = source.at("title").get<std::string>();
      read.seen_at = source.value("seen_at", "");
      if (const json& date = source.at("date"); !date.is_null()) {
        read.date_text = date.get<std::string>();
        constexpr std::size_t kDayLength = 10;
        if (read.date_text.size() == kDayLength) {
          read.date = parse_date(read.date_text, at(pointer + "/date"));
        }
      }
      for (const Source& other : programme.sources) {
        if (other.key == read.key) {
          refuse("two sources have the key '" + excerpt(read.key) + "'", pointer, "rename one");
        }
      }
      programme.sources.push_back(std::move(read));
    }
  }

  void read_validity(Programme& programme) {
    programme.span = rule<Span>(
        document_, "", "span",
        [this](const json& value, const std::string& pointer) { return span_of(value, pointer); });
    programme.governing_date = enum_rule<GoverningDate>(document_, "", "governing_date");
    if (const auto found = document_.find("transition"); found != document_.end()) {
      Transition transition;
      transition.older_version = found->at("older_version").get<std::string>();
      transition.date = enum_of<GoverningDate>(found->at("date"));
      transition.from = parse_date(found->at("from").get<std::string>(), at("/transition/from"));
      check_source(found->at("source").get<std::string>(), "/transition/source");
      programme.transition = transition;
    }
  }

  void read_conditions(Programme& programme) {
    if (const auto found = document_.find("eligibility"); found != document_.end()) {
      Eligibility& eligibility = programme.eligibility;
      eligibility.stated = true;
      eligibility.all_of = statements_at(*found, "value", "/eligibility");
      eligibility.complete = !found->at("complete").is_null();
      eligibility.needs = text_at(*found, "needs");
      check_source(text_at(*found, "source"), "/eligibility/source");
      if (!eligibility.complete && eligibility.needs.empty()) {
        refuse("eligibility is not wholly known and does not say what is needed", "/eligibility",
               "add \"needs\", or set complete to true");
      }
    }
    programme.supplier_listed = flag_rule("supplier_listed");
    programme.supplier_unrelated = flag_rule("supplier_unrelated");
    programme.contract_signed_from =
        rule<Day>(document_, "", "contract_signed_from",
                  [this](const json& value, const std::string& pointer) {
                    return Day(parse_date(value.get<std::string>(), at(pointer)));
                  });
    programme.contract_months_at_most = count_rule(document_, "", "contract_months_at_most");
    programme.claims_per_contract = count_rule(document_, "", "claims_per_contract");
    programme.year = enum_rule<YearKind>(document_, "", "year");
    programme.years_of_support = count_rule(document_, "", "years_of_support");
    programme.one_of_supplier_and_user = flag_rule("one_of_supplier_and_user");
    programme.evidence = rule<std::vector<EvidenceRule>>(
        document_, "", "evidence", [](const json& value, const std::string&) {
          std::vector<EvidenceRule> rules;
          for (const json& each : value) {
            rules.push_back({each.at("kind").get<std::string>(), each.at("with") == "invoices"});
          }
          return rules;
        });
  }

  StepOrder order_of(const json& value, const std::string& pointer) const {
    StepOrder order{};
    if (value.size() != kSteps) {
      refuse("an order of " + std::to_string(value.size()) + " steps", pointer,
             "name all six: exclusions, proration, ceiling, percentage, cap, budget");
    }
    for (std::size_t i = 0; i < kSteps; ++i) order.at(i) = enum_of<StepKind>(value.at(i));
    const auto position = [&](StepKind kind) {
      return std::find(order.begin(), order.end(), kind) - order.begin();
    };
    const auto percentage = position(StepKind::percentage);
    if (position(StepKind::exclusions) > percentage || position(StepKind::ceiling) > percentage) {
      refuse("exclusions or ceiling after the percentage", pointer,
             "both act on the cost: put them before the percentage");
    }
    if (position(StepKind::cap) < percentage || position(StepKind::budget) != kSteps - 1) {
      refuse("a cap before the percentage, or the budget not last", pointer,
             "both act on the amount: percentage, then cap, then budget at the end");
    }
    return order;
  }

  void read_steps(Programme& programme) {
    programme.base = enum_rule<Base>(document_, "", "base");
    programme.vat_basis = enum_rule<VatBasis>(document_, "", "vat_basis");
    programme.excluded_kinds = kinds_rule("excluded_kinds");
    programme.only_kinds = kinds_rule("only_kinds");
    programme.proration = enum_rule<Proration>(document_, "", "proration");
    programme.day_count = enum_rule<DayCount>(document_, "", "day_count");
    programme.order = rule<StepOrder>(
        document_, "", "order",
        [this](const json& value, const std::string& pointer) { return order_of(value, pointer); });
    programme.rate_ceiling = rule<RateCeiling>(
        document_, "", "rate_ceiling", [this](const json& value, const std::string& pointer) {
          RateCeiling ceiling;
          ceiling.cny_per_cu = value.at("cny_per_cu").get<std::string>();
          // CNY per CU = 100 fen per 10^6 micro-CU.
          ceiling.fen_per_micro_cu =
              parse_fraction(ceiling.cny_per_cu, at(pointer + "/cny_per_cu")) *
              Fraction(Int128{1}, Int128{10'000});
          ceiling.basket = value.at("basket").get<std::string>();
          ceiling.span = span_of(value, pointer);
          return ceiling;
        });
    programme.rounding = enum_rule<Rounding>(document_, "", "rounding");
  }

  void read_tiers(Programme& programme) {
    std::size_t index = 0;
    for (const json& body : document_.at("tiers")) {
      const std::string pointer = "/tiers/" + std::to_string(index++);
      Tier tier;
      tier.name = body.at("name").get<std::string>();
      tier.when = statements_at(body, "when", pointer);
      tier.share = rule<Fraction>(body, pointer, "share",
                                  [this](const json& value, const std::string& value_pointer) {
                                    return share_of(value, value_pointer);
                                  });
      tier.at_most = body.at("share_is") == "at_most";
      tier.months_at_most = count_rule(body, pointer, "months_at_most");
      programme.tiers.push_back(std::move(tier));
    }
  }

  void read_caps(Programme& programme) {
    std::size_t index = 0;
    for (const json& body : document_.value("caps", json::array())) {
      const std::string pointer = "/caps/" + std::to_string(index++);
      Cap cap;
      cap.when = statements_at(body, "when", pointer);
      cap.relaxed_when = statements_at(body, "relaxed_when", pointer);
      cap.amount = rule<CapAmount>(body, pointer, "amount",
                                   [this](const json& value, const std::string& value_pointer) {
                                     const auto text = value.get<std::string>();
                                     if (text == "none") return CapAmount{};
                                     return CapAmount{parse_cny(text, at(value_pointer))};
                                   });
      cap.per = enum_rule<CapPer>(body, pointer, "per");
      programme.caps.push_back(std::move(cap));
    }
  }

  void read_settlement(Programme& programme) {
    programme.budget = rule<Budget>(
        document_, "", "budget", [this](const json& value, const std::string& pointer) {
          return Budget{parse_cny(value.at("cny").get<std::string>(), at(pointer + "/cny")),
                        value.at("per") == "year"};
        });
    programme.payers = rule<std::vector<
        Payer>>(document_, "", "payers", [this](const json& value, const std::string& pointer) {
      std::vector<Payer> payers;
      Fraction total = 0;
      for (const json& each : value) {
        payers.push_back({each.at("name").get<std::string>(), share_of(each.at("share"), pointer)});
        total = total + payers.back().share;
      }
      if (!(total == Fraction(1))) {
        refuse("the payers' shares do not sum to 1", pointer, "two equal payers: \"0.5\" each");
      }
      return payers;
    });
    programme.odd_fen = rule<std::string>(
        document_, "", "odd_fen",
        [](const json& value, const std::string&) { return value.get<std::string>(); });
    programme.stacking = rule<Stacking>(
        document_, "", "stacking", [this](const json& value, const std::string& pointer) {
          Stacking stacking;
          stacking.group = value.at("group").get<std::string>();
          if (const json& excludes = value.at("excludes"); !excludes.is_null()) {
            stacking.excludes = excludes.get<std::vector<std::string>>();
          }
          if (const json& base = value.at("second_base"); !base.is_null()) {
            stacking.second_base = enum_of<SecondBase>(base);
          }
          if (const json& joint = value.at("joint_ceiling"); !joint.is_null()) {
            stacking.joint_ceiling =
                joint == "none" ? Fraction(1) : share_of(joint, pointer + "/joint_ceiling");
          }
          return stacking;
        });
    programme.pays = enum_rule<Payee>(document_, "", "pays");
    programme.commits_at = enum_rule<CommitsAt>(document_, "", "commits_at");
    programme.year_end = enum_rule<YearEnd>(document_, "", "year_end");
    programme.exceeding_claim = enum_rule<Exceeding>(document_, "", "exceeding_claim");
  }

  /// What one rule asks of another.
  void check_whole(const Programme& programme) const {
    bool by_year = programme.years_of_support.stated;
    for (const Cap& cap : programme.caps) {
      by_year = by_year || !cap.per.value || *cap.per.value == CapPer::year;
    }
    if (by_year && !programme.year.stated) {
      refuse("a cap or support by the year, and no rule says what a year is", "/year",
             "add \"year\": {\"value\": \"calendar_year\"}");
    }
    const bool may_prorate = programme.proration.unknown() ||
                             programme.proration.value_or(Proration::none) == Proration::days;
    if (may_prorate && !programme.day_count.stated) {
      refuse("proration by days, and no rule says how days are counted", "/day_count",
             "add \"day_count\": {\"value\": \"end_included\"} or end_excluded");
    }
    if (may_prorate && programme.base.value == Base::invoices) {
      refuse("invoices are of the days that they bill: they are not prorated", "/proration",
             "remove it, or set the base to contract or invoiced_contract");
    }
    if (!programme.rounding.stated) {
      refuse("no rule says how amounts are rounded", "/rounding",
             "add \"rounding\": {\"value\": \"floor_fen\"}");
    }
    if (programme.payers.value && !programme.odd_fen.stated) {
      refuse("several payers, and no rule says who takes the odd fen", "/odd_fen",
             "add \"odd_fen\": {\"value\": \"<a payer's name>\"}");
    }
    if (programme.odd_fen.value) check_payer(programme);
    if (programme.transition && programme.transition->older_version == programme.version) {
      refuse("a transition from this very version", "/transition/older_version",
             "name the older one");
    }
  }

  void check_payer(const Programme& programme) const {
    const std::vector<Payer> payers = programme.payers.value_or({});
    const bool known = std::any_of(payers.begin(), payers.end(), [&](const Payer& payer) {
      return payer.name == *programme.odd_fen.value;
    });
    if (!known) {
      refuse("'" + excerpt(*programme.odd_fen.value) + "' is no payer", "/odd_fen/value",
             "name one of /payers");
    }
  }

  const json& document_;
  std::string where_;
  const std::map<std::string, std::string>* statements_ = nullptr;
};

void collect_open(const json& node, const std::string& pointer, std::vector<OpenPoint>& found) {
  if (node.is_array()) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      collect_open(node[i], pointer + "/" + std::to_string(i), found);
    }
    return;
  }
  if (!node.is_object()) return;
  if (node.contains("needs")) {
    const char* open = node.contains("complete") ? "complete" : "value";
    if (node.at(open).is_null()) {
      found.push_back({pointer + "/" + open, node.at("needs").get<std::string>()});
      return;
    }
    if (node.at("value").is_object()) {  // known in part
      for (const auto& [key, member] : node.at("value").items()) {
        if (member.is_null()) {
          found.push_back({pointer + "/value/" + key, node.at("needs").get<std::string>()});
        }
      }
    }
  }
  for (const auto& [key, member] : node.items()) {
    collect_open(member, pointer + "/" + key, found);
  }
}

}  // namespace

Programme programme_from_json(const json& document, const std::string& where) {
  validate(document, "programme", where);
  Programme programme = ProgrammeReader(document, where).read();
  programme.digest = digest(document);
  programme.document = std::make_shared<const json>(document);
  return programme;
}

Programme read_programme(const std::filesystem::path& path) {
  return programme_from_json(parse_json(read_file(path), path.string()), path.string());
}

Programme with_decisions(const Programme& programme, const std::vector<Decision>& decisions,
                         const std::string& where) {
  if (decisions.empty()) return programme;
  json document = *programme.document;
  for (const Decision& decision : decisions) {
    const json::json_pointer pointer = [&] {
      try {
        return json::json_pointer(decision.field);
      } catch (const json::exception&) {
        throw input_error("'" + excerpt(decision.field) + "' is no JSON pointer", where,
                          "write a field of the programme's file like /rounding/value");
      }
    }();
    const bool relaxes = decision.field.ends_with("/relaxed_when");
    if (!document.contains(pointer)) {
      throw input_error("'" + excerpt(decision.field) + "' is no field of " + title_of(programme),
                        where, "assay programme show " + programme.id + " lists the open points");
    }
    if (!document.at(pointer).is_null() && !relaxes) {
      throw input_error("'" + excerpt(decision.field) + "' is not open in " + title_of(programme),
                        where, "a decision fills what the rules leave open; it changes no rule");
    }
    json& rule = document.at(pointer.parent_pointer());
    if (const auto choices = rule.find("one_of"); choices != rule.end()) {
      if (std::find(choices->begin(), choices->end(), *decision.value) == choices->end()) {
        throw input_error(
            "'" + excerpt(decision.field) + "' cannot be " + excerpt(decision.value->dump()), where,
            "one of: " + choices->dump());
      }
      rule.erase("one_of");
    }
    document.at(pointer) = *decision.value;
  }
  // The digest stays that of the published version: decisions are listed beside it.
  Programme decided = programme_from_json(document, where);
  decided.where = programme.where;
  decided.digest = programme.digest;
  return decided;
}

std::vector<OpenPoint> open_points(const Programme& programme) {
  std::vector<OpenPoint> found;
  collect_open(*programme.document, "", found);
  return found;
}

}  // namespace assay::pricing::programme
