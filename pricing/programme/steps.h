#pragma once
/// The steps of a claim under one reading of a programme's rules: exact fractions of a fen, the
/// programme's own rule beside the same rule over the eligible cost with a ceiling,
/// min(own cost, invoice less excluded items, rate ceiling * verified CU), ex VAT.
///
/// Nothing here reads a document: a hundred thousand claims pass in a second.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

/// Costs in fen. `limit`: what was invoiced, where the contract counts up to it.
struct StepInput {
  Fraction all;       ///< before exclusions
  Fraction eligible;  ///< after them
  std::optional<Fraction> limit;
  bool prorate = false;
  Fraction day_share = 1;
  StepOrder order = kDefaultOrder;
  Fraction share = 1;
  std::optional<Fraction> cap_left;
  std::optional<Fraction> budget_left;
  Exceeding exceeding = Exceeding::partial;

  bool others = false;  ///< other subsidies are there
  Fraction others_total;
  bool net = false;          ///< they lower the base
  Fraction joint_share = 1;  ///< of the eligible cost, that all may reach together

  bool with_ceiling = false;  ///< the ceiling column can be computed
  Fraction all_ex_vat;
  Fraction eligible_ex_vat;
  std::optional<Fraction> limit_ex_vat;
  Fraction ceiling_cost;  ///< rate ceiling * verified CU
};

enum class Row {
  base,
  exclusions,
  proration,
  ceiling,
  other_subsidies,  ///< taken off the base
  percentage,
  cap,
  joint_ceiling,
  budget,
  rounding,
  award,
  paid_before,
  this_part
};
[[nodiscard]] const std::vector<std::string_view>& names_of(Row);

struct StepRow {
  Row row = Row::base;
  Fraction own;
  std::optional<Fraction> ceiling;
  std::string how;  ///< filled by explain.h
};

struct StepOutput {
  Fraction own;
  Fraction own_before_cap;
  std::optional<Fraction> own_bound;  ///< what no rounding may exceed: caps, budget
  std::optional<Fraction> ceiling;
};

/// `rows`, where given, takes each step's figures.
[[nodiscard]] StepOutput run_steps(const StepInput& input, std::vector<StepRow>* rows = nullptr);

/// Rounded to fen; never over the whole fen of `bound`.
[[nodiscard]] Fen rounded(const Fraction& fen, Rounding rounding,
                          const std::optional<Fraction>& bound);

}  // namespace assay::pricing::programme
