#pragma once
/// The ways in which the open rules of a programme can be read for one claim.
#include <functional>
#include <string>
#include <vector>

#include "pricing/programme/claim.h"
#include "pricing/programme/evaluate.h"
#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

/// One value for each rule that the steps need.
struct Reading {
  std::size_t tier = 0;  ///< past the last one: none applies
  Base base = Base::contract;
  Proration proration = Proration::none;
  DayCount day_count = DayCount::end_included;
  StepOrder order = kDefaultOrder;
  GoverningDate date = GoverningDate::application;
  YearKind year = YearKind::calendar_year;
  std::vector<CapPer> cap_per;  ///< one for each cap
  SecondBase second_base = SecondBase::gross;
  Exceeding exceeding = Exceeding::partial;
  Rounding rounding = Rounding::floor_fen;
  std::size_t odd_payer = 0;
};

/// A rule with more than one admissible value.
struct Dimension {
  Finding finding;  ///< the field, and what it needs
  bool technical = false;
  std::vector<std::string> names;
  std::function<void(Reading&, std::size_t)> apply;
};

struct Readings {
  Reading first;  ///< all rules that are known, and the first value of those that are not
  std::vector<Dimension> dimensions;

  [[nodiscard]] std::size_t size() const;
  /// `position` counts through all combinations, the last dimension fastest.
  [[nodiscard]] Reading at(std::size_t position) const;
  [[nodiscard]] std::size_t digit(std::size_t position, std::size_t dimension) const;
  /// How far apart two positions are that differ by one in that dimension.
  [[nodiscard]] std::size_t stride(std::size_t dimension) const;
};

/// Only rules on which this claim can depend have a dimension.
[[nodiscard]] Readings readings_of(const Programme& programme, const Claim& claim);

/// The claim's days over the contract's; zero days of a contract count as one.
[[nodiscard]] Fraction day_share(const Claim& claim, DayCount count);

}  // namespace assay::pricing::programme
