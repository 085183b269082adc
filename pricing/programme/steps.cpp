#include "pricing/programme/steps.h"

#include <algorithm>

namespace assay::pricing::programme {

namespace {

/// One column on its way through the steps.
struct Column {
  Fraction all;
  Fraction eligible;
  std::optional<Fraction> limit;
  bool with_ceiling = false;

  Fraction value;
  Fraction cost;  ///< eligible cost that subsidies together may reach
  Fraction before_cap;
  std::optional<Fraction> bound;
  bool is_amount = false;  ///< the percentage was taken
};

void bound_by(Column& column, const Fraction& most) {
  column.value = lesser(column.value, most);
  column.bound = column.bound ? lesser(*column.bound, most) : most;
}

Fraction not_negative(const Fraction& x) {
  return x < Fraction(0) ? Fraction(0) : x;
}

void take(Column& column, StepKind step, const StepInput& input, bool limited) {
  switch (step) {
    case StepKind::exclusions:
      column.value = column.eligible;
      break;
    case StepKind::proration:
      if (input.prorate) column.value = column.value * input.day_share;
      break;
    case StepKind::ceiling:
      if (column.with_ceiling) column.value = lesser(column.value, input.ceiling_cost);
      break;
    case StepKind::percentage:
      column.value = column.value * input.share;
      column.before_cap = column.value;
      column.is_amount = true;
      break;
    case StepKind::cap:
      if (input.cap_left) bound_by(column, *input.cap_left);
      break;
    case StepKind::budget:
      if (!input.budget_left) break;
      if (input.exceeding == Exceeding::skipped && *input.budget_left < column.value) {
        column.value = 0;
      }
      bound_by(column, *input.budget_left);
      break;
  }
  if (limited && column.limit) {
    column.value =
        lesser(column.value, column.is_amount ? *column.limit * input.share : *column.limit);
  }
}

Row row_of(StepKind step) {
  constexpr std::array<Row, kSteps> kRows = {Row::exclusions, Row::proration, Row::ceiling,
                                             Row::percentage, Row::cap,       Row::budget};
  return kRows.at(static_cast<std::size_t>(step));
}

/// The last of the steps that make the contract's cost that of the claim's days: there what was
/// invoiced limits it.
StepKind limited_at(const StepInput& input) {
  StepKind last = StepKind::exclusions;
  for (const StepKind step : input.order) {
    if (step == StepKind::exclusions || (step == StepKind::proration && input.prorate)) last = step;
  }
  return last;
}

}  // namespace

const std::vector<std::string_view>& names_of(Row) {
  static const std::vector<std::string_view> names = {
      "base",          "exclusions", "proration", "ceiling", "other_subsidies", "percentage", "cap",
      "joint_ceiling", "budget",     "rounding",  "award",   "paid_before",     "this_part"};
  return names;
}

StepOutput run_steps(const StepInput& input, std::vector<StepRow>* rows) {
  Column own{input.all, input.eligible, input.limit, false, input.all, 0, 0, {}, false};
  Column ceiling{input.all_ex_vat,
                 input.eligible_ex_vat,
                 input.limit_ex_vat,
                 true,
                 input.all_ex_vat,
                 0,
                 0,
                 {},
                 false};
  const auto show = [&](Row row) {
    if (rows == nullptr) return;
    rows->push_back({row,
                     own.value,
                     input.with_ceiling ? std::optional<Fraction>(ceiling.value) : std::nullopt,
                     {}});
  };
  const auto each = [&](const auto& action) {
    action(own);
    if (input.with_ceiling) action(ceiling);
  };
  const StepKind limited = limited_at(input);
  show(Row::base);
  for (const StepKind step : input.order) {
    if (step == StepKind::percentage) {
      each([&](Column& column) { column.cost = column.value; });
      if (input.others && input.net) {
        each([&](Column& column) {
          column.value = not_negative(column.value - input.others_total);
        });
        show(Row::other_subsidies);
      }
    }
    each([&](Column& column) { take(column, step, input, step == limited); });
    const bool nothing_to_do = (step == StepKind::proration && !input.prorate) ||
                               (step == StepKind::ceiling && !input.with_ceiling);
    if (!nothing_to_do) show(row_of(step));
    if (step == StepKind::cap && input.others) {
      each([&](Column& column) {
        bound_by(column, not_negative(column.cost * input.joint_share - input.others_total));
      });
      show(Row::joint_ceiling);
    }
  }
  StepOutput output;
  output.own = own.value;
  output.own_before_cap = own.before_cap;
  output.own_bound = own.bound;
  if (input.with_ceiling) output.ceiling = ceiling.value;
  return output;
}

Fen rounded(const Fraction& fen, Rounding rounding, const std::optional<Fraction>& bound) {
  constexpr std::int64_t kFenPerYuan = 100;
  const bool yuan = rounding >= Rounding::floor_yuan;
  const Fraction unit = yuan ? fen / Fraction(kFenPerYuan) : fen;
  const bool down = rounding == Rounding::floor_fen || rounding == Rounding::floor_yuan;
  const bool half_up = rounding == Rounding::half_up_fen || rounding == Rounding::half_up_yuan;
  const std::int64_t units = down      ? floor_of(unit)
                             : half_up ? round_half_up(unit)
                                       : round_half_even(unit);
  Fen result{yuan ? floor_of(Fraction(units) * Fraction(kFenPerYuan)) : units};
  if (bound && *bound < Fraction(result.value)) result.value = floor_of(*bound);
  return result;
}

}  // namespace assay::pricing::programme
