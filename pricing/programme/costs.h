#pragma once
/// What a claim's lines sum to: on the VAT basis of the rule, and ex VAT for the ceiling column.
#include <optional>
#include <string>
#include <vector>

#include "pricing/programme/claim.h"

namespace assay::pricing::programme {

struct CostSum {
  Fraction all;
  Fraction eligible;  ///< without excluded kinds
};

struct Costs {
  CostSum contract;
  CostSum invoices;
  std::optional<CostSum> contract_ex_vat;  ///< empty: a rate is not stated
  std::optional<CostSum> invoices_ex_vat;
  std::string vat_note;  ///< how VAT was taken
};

/// A line's amount with or without VAT; empty where the basis must be changed and no rate is
/// stated.
[[nodiscard]] std::optional<Fraction> on_basis(const CostLine& line, bool included);

/// Errors: input_error naming the claim's path: an item of kinds of which some are paid and some
/// not; no VAT rate where the basis must be changed; bases that are mixed where the rule names
/// none; invoices that sum to less than nought.
[[nodiscard]] Costs costs_of(const Programme& programme, const Claim& claim);

}  // namespace assay::pricing::programme
