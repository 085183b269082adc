#pragma once
/// The one evaluator of voucher programmes: a programme version and a claim -> an amount, the
/// amounts between which an open technical rule leaves the choice, a refusal, or a stop that names
/// what is missing. It knows no city: everything it does is in the programme's file.
///
///   auto programme = programme_of(library, claim);      // version.h, or read_programme(path)
///   Ruling ruling = evaluate(programme, claim);
///   if (ruling.kind == RulingKind::figure) pay(ruling.reading().part);
///
/// Unknowns: each unknown rule with a finite choice is read in every admissible way. If all
/// readings agree, that is the result. If they differ by a technical rule alone (rounding, odd fen,
/// day count, order of the steps, governing date) the result is the set; if by another one, the
/// claim stops and the rule is named. An unknown without a finite choice (a share, a cap's amount,
/// conditions of eligibility) stops the claim, unless the result is nought without it. An award in
/// the claim shows that its applicant was found eligible; it must not be over the bound.
#include <string>
#include <vector>

#include "pricing/programme/claim.h"
#include "pricing/programme/programme.h"
#include "pricing/programme/steps.h"

namespace assay::pricing::programme {

enum class RulingKind {
  figure,   ///< an amount
  at_most,  ///< a bound: the award is the programme's decision
  set,      ///< amounts that an open technical rule leaves; nothing can be settled
  refused,  ///< a rule does not hold, or the award is over the bound: nothing is paid
  stopped   ///< something needed is unknown: named in Ruling::findings
};
[[nodiscard]] const std::vector<std::string_view>& names_of(RulingKind);

/// A rule that does not hold or a field that is missing. `in_claim`: of the claim's file, else of
/// the programme's.
struct Finding {
  bool in_claim = false;
  std::string field;
  std::string text;
};

/// How each rule was read, where there was a choice.
struct Choice {
  std::string field;
  std::string value;
};

struct PayerShare {
  std::string name;
  Fen cumulative;
  Fen part;  ///< of this part
};

/// The claim under one way to read the open rules.
struct ReadingResult {
  std::vector<Choice> choices;  ///< those on which the result depends
  std::vector<StepRow> rows;
  Fen cumulative;  ///< of the claim so far: rounded, or the award
  Fen part;        ///< less what was paid before: what is due now; negative: a refund
  std::vector<PayerShare> payers;
  bool award_over_bound = false;
  std::optional<Fen> ceiling_cumulative;
};

struct Ruling {
  RulingKind kind = RulingKind::stopped;
  std::vector<ReadingResult> readings;  ///< one, or of a set one for each distinct result
  std::vector<Finding> findings;        ///< of a refusal or stop
  std::vector<std::string> open_rules;  ///< of a set: the fields that make it
  bool is_bound = false;                ///< amounts are bounds: no award was made yet
  std::vector<std::string> notes;
  std::string ceiling_gap;     ///< why there is no ceiling column; empty where there is one
  std::string tier;            ///< name of the tier that was applied
  std::string governing_day;   ///< "from..to" for a use of several days; empty: the date is open
  std::string governing_date;  ///< contract, use or application; empty: it is open

  [[nodiscard]] const ReadingResult& reading() const { return readings.front(); }
};

/// `programme` must be the version that the claim names or that is in force for it (version.h).
/// Errors: input_error for a claim of another programme or version, a statement that the programme
/// does not know, a base of invoices with no invoice, mixed VAT bases, and unusable decisions.
/// A stop is a result, not an error: see stop_line.
[[nodiscard]] Ruling evaluate(const Programme& programme, const Claim& claim);

/// The findings of a refusal or stop on one line, each with its field.
[[nodiscard]] std::string findings_line(const Ruling& ruling, const Programme& programme);

/// Whether the version is in force for the claim by the date it names: yes, no, or not known
/// (an unknown span, an open governing date whose readings differ) with the finding.
enum class InForce { yes, no, unknown };
struct Force {
  InForce state = InForce::unknown;
  Finding finding;   ///< where not in force or not known
  std::string note;  ///< where an unknown span was taken to hold on its source's date
};
[[nodiscard]] Force in_force(const Programme& programme, const Claim& claim);

/// The claim's day (of use: its first) by which a version is chosen.
[[nodiscard]] Day day_of(const Claim& claim, GoverningDate date);

/// "2025-07-28".
[[nodiscard]] std::string day_text(Day day);

}  // namespace assay::pricing::programme
