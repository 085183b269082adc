#pragma once
/// How far a programme's budget goes over a list of applications, under its own bill-based rule and
/// under the same rule on the eligible cost with a rate ceiling (CU-based), side by side.
///
/// First come: by date, then id. Pro rata: what all are due, scaled down to the budget, by largest
/// remainder, ties by id. Lottery: in the order of SHA-256(seed | id) with seed = SHA-256(digest of
/// the closed list | a public figure named beforehand); both joined as text, digests in lower-case
/// hex, so that anybody can draw it again.
///
/// One calendar year is simulated. Every application is taken to meet what the list does not say
/// (supplier, contract, evidence), and an at-most share to be awarded in full; an open technical
/// rule is read in its first admissible way, and an open material one stops. All are listed in
/// Simulation::assumptions.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "pricing/programme/applications.h"
#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

enum class Policy { first_come, pro_rata, lottery };
[[nodiscard]] const std::vector<std::string_view>& names_of(Policy);

constexpr std::size_t kRules = 2;  ///< bill-based, CU-based

struct SimulationOptions {
  std::optional<Fen> budget;        ///< else the programme's
  std::optional<Fraction> ceiling;  ///< fen per micro-CU; else the programme's
  std::string public_figure;        ///< empty: no lottery
  std::vector<Fraction> shares;     ///< of the first tier, to vary; empty: a default
  std::vector<Fen> caps;            ///< to vary; empty: a default
};

/// Who is served by one policy under one rule.
struct Served {
  Fen asked;  ///< what all are due, whatever the budget
  Fen paid;
  std::size_t full = 0;  ///< applications paid all that they are due
  std::size_t partly = 0;
  std::size_t nothing = 0;     ///< due something and paid nothing
  std::size_t groups = 0;      ///< control groups that were paid
  std::int64_t micro_cu = 0;   ///< verified, of those paid, in the share that was paid
  std::string first_unserved;  ///< id of the first in order that was not paid in full
};

struct PolicyResult {
  Policy policy = Policy::first_come;
  std::array<Served, kRules> served;
  std::array<std::vector<Fen>, kRules> paid;  ///< by application
};

/// First come with another percentage or cap.
struct Variation {
  std::optional<Fraction> share;
  std::optional<Fen> cap;
  std::array<Served, kRules> served;
};

struct Simulation {
  std::size_t applications = 0;
  std::string list_digest;
  Fen budget;
  bool has_ceiling = false;    ///< else the CU-based rule cannot be computed
  std::string ceiling_text;    ///< CNY per CU
  std::size_t without_cu = 0;  ///< applications that have no verified CU: due nothing by CU
  std::string lottery_seed;    ///< empty: none
  std::vector<PolicyResult> policies;
  std::vector<Variation> variations;
  std::vector<std::string> assumptions;
};

/// Errors: input_error naming a material rule that is open (fill it by --assume), no budget, a date
/// outside the span, applications of more than one calendar year.
[[nodiscard]] Simulation simulate(const Programme& programme, const ApplicationList& list,
                                  const SimulationOptions& options);

}  // namespace assay::pricing::programme
