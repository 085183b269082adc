#pragma once
/// One version of a voucher programme: rules with sources, read from a file once and evaluated many
/// times (evaluate.h). No city is known to the code.
///
/// A rule has a value; or it is unknown, which says what is needed to fill it and may narrow what
/// the value can be; or the programme does not have it. Amounts are CNY in whole fen, shares are
/// fractions of one, days are local dates of the programme's time zone.
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/money.h"
#include "pricing/programme/fraction.h"

namespace assay::pricing::programme {

using Day = std::chrono::sys_days;

/// All kinds of one enumeration, by their names in documents, in the order of the enumerators.
enum class GoverningDate { contract, use, application };
enum class YearKind { calendar_year, twelve_months };
enum class Base { contract, invoices, invoiced_contract };
enum class VatBasis { excluded, included };
enum class Proration { none, days };
enum class DayCount { end_excluded, end_included };
enum class StepKind { exclusions, proration, ceiling, percentage, cap, budget };
enum class CapPer { claim, year, total };
enum class Rounding {
  floor_fen,
  half_up_fen,
  half_even_fen,
  floor_yuan,
  half_up_yuan,
  half_even_yuan
};
enum class SecondBase { gross, net };
enum class Exceeding { partial, skipped };
enum class Payee { supplier, applicant };
enum class CommitsAt { issue, reservation };
enum class YearEnd { carry_over, lapse };

constexpr std::size_t kSteps = 6;
using StepOrder = std::array<StepKind, kSteps>;
constexpr StepOrder kDefaultOrder = {StepKind::exclusions, StepKind::proration, StepKind::ceiling,
                                     StepKind::percentage, StepKind::cap,       StepKind::budget};

/// Kinds of cost items as bits of a set.
using Kinds = std::uint32_t;
[[nodiscard]] const std::vector<std::string_view>& kind_names();
[[nodiscard]] const std::vector<std::string_view>& names_of(GoverningDate);
[[nodiscard]] const std::vector<std::string_view>& names_of(YearKind);
[[nodiscard]] const std::vector<std::string_view>& names_of(Base);
[[nodiscard]] const std::vector<std::string_view>& names_of(VatBasis);
[[nodiscard]] const std::vector<std::string_view>& names_of(Proration);
[[nodiscard]] const std::vector<std::string_view>& names_of(DayCount);
[[nodiscard]] const std::vector<std::string_view>& names_of(StepKind);
[[nodiscard]] const std::vector<std::string_view>& names_of(CapPer);
[[nodiscard]] const std::vector<std::string_view>& names_of(Rounding);
[[nodiscard]] const std::vector<std::string_view>& names_of(SecondBase);
[[nodiscard]] const std::vector<std::string_view>& names_of(Exceeding);
[[nodiscard]] const std::vector<std::string_view>& names_of(Payee);
[[nodiscard]] const std::vector<std::string_view>& names_of(CommitsAt);
[[nodiscard]] const std::vector<std::string_view>& names_of(YearEnd);

template <class Enum>
[[nodiscard]] std::string name_of(Enum value) {
  return std::string(names_of(value).at(static_cast<std::size_t>(value)));
}

template <class T>
struct Rule {
  bool stated = false;     ///< the file has this rule
  std::optional<T> value;  ///< empty in a stated rule: unknown
  std::vector<T> one_of;   ///< what an unknown may be, where the file says so
  std::string source;      ///< key of a source; empty: the first one
  std::string needs;       ///< what would make an unknown known

  [[nodiscard]] bool unknown() const { return stated && !value; }
  [[nodiscard]] T value_or(T fallback) const { return value.value_or(fallback); }
};

struct Source {
  std::string key;
  std::string title;
  std::optional<Day> date;  ///< empty: none is shown, or only a month
  std::string date_text;    ///< as the file has it; empty: none
  std::string seen_at;      ///< its address, or who reported it; empty: not stated
};

struct Span {
  Day from;
  std::optional<Day> to;  ///< the last day
  [[nodiscard]] bool holds(Day day) const { return from <= day && (!to || day <= *to); }
};

struct Transition {
  std::string older_version;
  GoverningDate date = GoverningDate::application;
  Day from;
};

using Statements = std::vector<std::string>;

struct Eligibility {
  bool stated = false;
  Statements all_of;
  bool complete = true;  ///< false: more may be asked than is known
  std::string needs;
};

struct Tier {
  std::string name;
  Statements when;
  Rule<Fraction> share;
  bool at_most = false;  ///< a bound: the award is the programme's decision
  Rule<int> months_at_most;
};

/// A cap that does not exist ("none") is a value without an amount.
struct CapAmount {
  std::optional<Fen> cny;
};

struct Cap {
  Statements when;
  Rule<CapAmount> amount;
  Rule<CapPer> per;
  Statements relaxed_when;
};

struct RateCeiling {
  Fraction fen_per_micro_cu;
  std::string cny_per_cu;
  std::string basket;
  Span span;
};

struct Budget {
  Fen amount;
  bool per_year = false;  ///< else in all, or not said
};

struct Payer {
  std::string name;
  Fraction share;
};

struct Stacking {
  std::string group;
  std::optional<std::vector<std::string>> excludes;
  std::optional<SecondBase> second_base;
  std::optional<Fraction> joint_ceiling;  ///< 1 where there is none
};

struct EvidenceRule {
  std::string kind;
  bool with_invoices = false;  ///< else with the application
};

struct Programme {
  std::string id;
  std::string version;
  std::string name;
  std::string place;
  std::vector<Source> sources;
  std::map<std::string, std::string> statements;

  Rule<Span> span;
  Rule<GoverningDate> governing_date;
  std::optional<Transition> transition;
  Eligibility eligibility;
  Rule<bool> supplier_listed;
  Rule<bool> supplier_unrelated;
  Rule<Day> contract_signed_from;
  Rule<int> contract_months_at_most;
  Rule<int> claims_per_contract;
  Rule<YearKind> year;
  Rule<int> years_of_support;
  Rule<Base> base;
  Rule<VatBasis> vat_basis;
  Rule<Kinds> excluded_kinds;
  Rule<Kinds> only_kinds;
  Rule<Proration> proration;
  Rule<DayCount> day_count;
  Rule<StepOrder> order;
  Rule<RateCeiling> rate_ceiling;
  std::vector<Tier> tiers;
  std::vector<Cap> caps;
  Rule<Budget> budget;
  Rule<Rounding> rounding;
  Rule<std::vector<Payer>> payers;
  Rule<std::string> odd_fen;
  Rule<Stacking> stacking;
  Rule<bool> one_of_supplier_and_user;
  Rule<std::vector<EvidenceRule>> evidence;
  Rule<Payee> pays;
  Rule<CommitsAt> commits_at;
  Rule<YearEnd> year_end;
  Rule<Exceeding> exceeding_claim;

  std::string where;   ///< the file, for errors
  std::string digest;  ///< of the file's canonical form
  std::shared_ptr<const nlohmann::json> document;
};

/// What the programme's office decided on a point that its rules leave open.
struct Decision {
  std::string field;  ///< JSON pointer into the programme's file: "/rounding/value"
  std::shared_ptr<const nlohmann::json> value;
  std::string document;
};

/// Errors: input_error naming file, JSON path and mend: what the schema refuses; an unknown without
/// `needs`; a source, statement or payer that is not declared; spans out of order; a share over 1;
/// steps in an order that cannot be computed; shares of payers that do not sum to 1; a rule that
/// another one calls for.
[[nodiscard]] Programme programme_from_json(const nlohmann::json& document,
                                            const std::string& where);
[[nodiscard]] Programme read_programme(const std::filesystem::path& path);

/// The same version with open points filled. Errors: input_error for a field that does not exist,
/// is not open, or a value that it does not admit.
[[nodiscard]] Programme with_decisions(const Programme& programme,
                                       const std::vector<Decision>& decisions,
                                       const std::string& where);

/// A field of the file that is unknown, with what it needs: for show and errors.
struct OpenPoint {
  std::string field;
  std::string needs;
};
[[nodiscard]] std::vector<OpenPoint> open_points(const Programme& programme);

/// "shanghai-compute s2".
[[nodiscard]] std::string title_of(const Programme& programme);

}  // namespace assay::pricing::programme
