/// A claim's file to its struct.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/programme/claim.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

template <class T>
std::optional<T> optional_at(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

class ClaimReader {
 public:
  ClaimReader(const json& document, std::string where)
      : document_(document), where_(std::move(where)) {}

  Claim read() {
    Claim claim;
    claim.where = where_;
    claim.id = text(document_, "id");
    claim.programme = text(document_.at("programme"), "id");
    claim.version = optional_at<std::string>(document_.at("programme"), "version");
    claim.applicant = party(document_.at("applicant"));
    claim.supplier = party(document_.at("supplier"));
    claim.supplier_listed = optional_at<bool>(document_.at("supplier"), "listed");
    read_contract(claim);
    read_invoices(claim);
    read_verified_cu(claim);
    const json statements = document_.value("statements", json::object());
    for (const auto& [name, value] : statements.items()) {
      claim.statements[name] =
          value.is_null() ? std::nullopt : std::optional<bool>(value.get<bool>());
    }
    read_money(claim);
    for (const json& each : document_.value("evidence", json::array())) {
      claim.evidence.push_back(text(each, "kind"));
    }
    for (const json& each : document_.value("decisions", json::array())) {
      claim.decisions.push_back({text(each, "field"),
                                 std::make_shared<const json>(each.at("value")),
                                 text(each, "document")});
    }
    return claim;
  }

 private:
  [[nodiscard]] std::string at(const std::string& pointer) const { return place(where_, pointer); }

  static std::string text(const json& object, const char* name) {
    return object.at(name).get<std::string>();
  }

  [[nodiscard]] Day day(const json& object, const char* name, const std::string& pointer) const {
    return parse_date(text(object, name), at(pointer + "/" + name));
  }

  [[nodiscard]] Fen amount(const json& object, const std::string& pointer) const {
    return parse_cny(text(object, "amount"), at(pointer + "/amount"));
  }

  static Party party(const json& object) {
    return {text(object, "name"), text(object, "credit_code"),
            optional_at<std::string>(object, "control_group")};
  }

  void in_order(Day from, Day to, const std::string& pointer) const {
    if (to < from) {
      throw input_error("the period ends before it starts", at(pointer),
                        "exchange or mend the two dates");
    }
  }

  [[nodiscard]] CostLine cost_line(const json& object, const std::string& pointer) const {
    CostLine line;
    line.amount = amount(object, pointer);
    for (const json& kind : object.at("kinds")) {
      const auto& names = kind_names();
      const auto found = std::find(names.begin(), names.end(), kind.get<std::string>());
      line.kinds |= Kinds{1} << (found - names.begin());
    }
    const json& vat = object.at("vat");
    line.vat_included = vat.at("basis") == "included";
    if (const auto rate = optional_at<std::string>(vat, "rate")) {
      line.vat_rate = parse_fraction(*rate, at(pointer + "/vat/rate"));
      if (!(*line.vat_rate < Fraction(1))) {
        throw input_error("a VAT rate of " + *rate, at(pointer + "/vat/rate"),
                          "write 13 % as \"0.13\"");
      }
    }
    return line;
  }

  void read_contract(Claim& claim) const {
    const json& contract = document_.at("contract");
    claim.contract = text(contract, "id");
    claim.signed_on = day(contract, "signed", "/contract");
    claim.start = day(contract, "start", "/contract");
    claim.end = day(contract, "end", "/contract");
    in_order(claim.start, claim.end, "/contract/end");
    std::size_t index = 0;
    for (const json& item : contract.at("items")) {
      claim.items.push_back(cost_line(item, "/contract/items/" + std::to_string(index++)));
    }
    const json& use = document_.at("use");
    claim.use_from = day(use, "from", "/use");
    claim.use_to = day(use, "to", "/use");
    in_order(claim.use_from, claim.use_to, "/use/to");
    if (claim.use_from < claim.start || claim.end < claim.use_to) {
      throw input_error("the period of use is not within the contract's", at("/use"),
                        "claim for days between /contract/start and /contract/end");
    }
    claim.applied_on = day(document_, "application_date", "");
  }

  void read_invoices(Claim& claim) const {
    std::set<std::tuple<std::string, std::string, std::int64_t>> seen;
    std::map<std::pair<std::string, std::string>, Fen> left;
    std::size_t index = 0;
    for (const json& body : document_.at("invoices")) {
      const std::string pointer = "/invoices/" + std::to_string(index++);
      Invoice invoice;
      invoice.issuer = text(body, "issuer");
      invoice.number = text(body, "number");
      invoice.reverses = optional_at<std::string>(body, "reverses").value_or("");
      (void)day(body, "date", pointer);
      std::size_t line_index = 0;
      for (const json& each : body.at("lines")) {
        const std::string line_pointer = pointer + "/lines/" + std::to_string(line_index++);
        const auto number = each.at("line").get<std::int64_t>();
        if (!seen.insert({invoice.issuer, invoice.number, number}).second) {
          throw input_error("line " + std::to_string(number) + " of invoice " +
                                excerpt(invoice.number) + " stands there twice",
                            at(line_pointer), "an invoice line counts once: remove one");
        }
        CostLine line = cost_line(each, line_pointer);
        line.number = number;
        const bool wrong_sign =
            invoice.reverses.empty() ? line.amount < Fen{0} : Fen{0} < line.amount;
        if (wrong_sign) {
          throw input_error(
              invoice.reverses.empty() ? "a negative amount" : "a reversal above zero",
              at(line_pointer + "/amount"),
              "amounts are positive; those of a red-letter invoice, which has reverses, negative");
        }
        if (invoice.reverses.empty()) {
          Fen& total = left[{invoice.issuer, invoice.number}];
          total = total + line.amount;
        }
        invoice.lines.push_back(line);
      }
      claim.invoices.push_back(std::move(invoice));
    }
    for (const Invoice& invoice : claim.invoices) {
      if (!invoice.reverses.empty()) take_back(invoice, left);
    }
  }

  void take_back(const Invoice& invoice,
                 std::map<std::pair<std::string, std::string>, Fen>& left) const {
    const auto found = left.find({invoice.issuer, invoice.reverses});
    if (found == left.end()) {
      throw input_error("red-letter invoice " + excerpt(invoice.number) + " reverses " +
                            excerpt(invoice.reverses) + ", which is not in the claim",
                        at("/invoices"), "add the invoice that it reverses, of the same issuer");
    }
    for (const CostLine& line : invoice.lines) found->second = found->second + line.amount;
    if (found->second < Fen{0}) {
      throw input_error("more is reversed than invoice " + excerpt(invoice.reverses) + " holds",
                        at("/invoices"), "mend the red-letter invoice's amounts");
    }
  }

  void read_verified_cu(Claim& claim) const {
    const auto found = document_.find("verified_cu");
    if (found == document_.end() || found->is_null()) return;
    VerifiedCu verified;
    const Rational micro =
        parse_decimal(text(*found, "cu"), at("/verified_cu/cu")) * Rational(power_of_ten(6));
    verified.micro_cu = to_int64(boost::multiprecision::numerator(micro), at("/verified_cu/cu"));
    verified.basket = text(*found, "basket");
    verified.from = day(*found, "from", "/verified_cu");
    verified.to = day(*found, "to", "/verified_cu");
    in_order(verified.from, verified.to, "/verified_cu/to");
    claim.verified_cu = verified;
  }

  void read_money(Claim& claim) const {
    if (const auto found = document_.find("award"); found != document_.end() && !found->is_null()) {
      claim.award = Award{amount(*found, "/award"), text(*found, "document")};
      (void)day(*found, "date", "/award");
    }
    std::size_t index = 0;
    for (const json& each : document_.value("earlier_payments", json::array())) {
      const std::string pointer = "/earlier_payments/" + std::to_string(index++);
      claim.paid_before = claim.paid_before + amount(each, pointer);
      (void)day(each, "date", pointer);
    }
    index = 0;
    for (const json& each : document_.at("earlier_awards")) {
      const std::string pointer = "/earlier_awards/" + std::to_string(index++);
      EarlierAward award;
      award.programme = text(each, "programme");
      award.claim = text(each, "claim");
      award.contract = text(each, "contract");
      award.date = day(each, "date", pointer);
      award.amount = amount(each, pointer);
      if (award.programme == claim.programme && award.claim == claim.id) {
        throw input_error("an earlier award on this very claim", at(pointer),
                          "state it as award; earlier_awards are of other claims");
      }
      claim.earlier_awards.push_back(std::move(award));
    }
    index = 0;
    for (const json& each : document_.at("other_subsidies")) {
      const std::string pointer = "/other_subsidies/" + std::to_string(index++);
      OtherSubsidy subsidy;
      subsidy.programme = text(each, "programme");
      subsidy.group = text(each, "group");
      subsidy.to_supplier = each.at("claimant") == "supplier";
      subsidy.from = day(each, "from", pointer);
      subsidy.to = day(each, "to", pointer);
      in_order(subsidy.from, subsidy.to, pointer + "/to");
      subsidy.amount = amount(each, pointer);
      claim.other_subsidies.push_back(std::move(subsidy));
    }
    if (const auto left = optional_at<std::string>(document_, "budget_left")) {
      claim.budget_left = parse_cny(*left, at("/budget_left"));
    }
  }

  const json& document_;
  std::string where_;
};

}  // namespace

Claim claim_from_json(const json& document, const std::string& where) {
  validate(document, "claim", where);
  Claim claim = ClaimReader(document, where).read();
  claim.digest = digest(document);
  return claim;
}

Claim read_claim(const std::filesystem::path& path) {
  return claim_from_json(parse_json(read_file(path), path.string()), path.string());
}

}  // namespace assay::pricing::programme
