#include "pricing/programme/costs.h"

#include "base/error.h"
#include "results/json_path.h"

namespace assay::pricing::programme {

namespace {

struct Placed {
  const CostLine* line;
  std::size_t invoice;  ///< unused for the contract's items
  std::size_t position;
  bool of_contract;

  [[nodiscard]] std::string pointer() const {
    if (of_contract) return "/contract/items/" + std::to_string(position);
    return "/invoices/" + std::to_string(invoice) + "/lines/" + std::to_string(position);
  }
};

class Sums {
 public:
  Sums(const Programme& programme, const Claim& claim) : programme_(programme), claim_(claim) {}

  bool is_paid(const Placed& placed) const {
    const Kinds kinds = placed.line->kinds;
    Kinds unpaid = programme_.excluded_kinds.value_or(0) & kinds;
    if (programme_.only_kinds.value) unpaid |= kinds & ~*programme_.only_kinds.value;
    if (unpaid != 0 && unpaid != kinds) {
      throw input_error("an item of kinds of which some are paid for and some are not",
                        place(claim_.where, placed.pointer() + "/kinds"),
                        "split it into items of one kind each, with their amounts");
    }
    return unpaid == 0;
  }

  /// On the rule's basis; `included` empty: as filed.
  void add(const Placed& placed, std::optional<bool> included, CostSum& sum) {
    const bool basis = included.value_or(placed.line->vat_included);
    const std::optional<Fraction> amount = on_basis(*placed.line, basis);
    if (!amount) {
      throw input_error("the VAT rate is not stated, and the rule pays on the amount " +
                            std::string(basis ? "with" : "without") + " VAT",
                        place(claim_.where, placed.pointer() + "/vat/rate"),
                        "write 13 % as \"0.13\"");
    }
    if (!included) check_mixed(placed);
    add_to(sum, *amount, is_paid(placed));
  }

  void add_ex_vat(const Placed& placed, std::optional<CostSum>& sum) const {
    const std::optional<Fraction> amount = on_basis(*placed.line, false);
    if (!amount) sum.reset();
    if (sum) add_to(*sum, *amount, is_paid(placed));
  }

 private:
  static void add_to(CostSum& sum, const Fraction& amount, bool paid) {
    sum.all = sum.all + amount;
    if (paid) sum.eligible = sum.eligible + amount;
  }

  void check_mixed(const Placed& placed) {
    if (!filed_) filed_ = placed.line->vat_included;
    if (*filed_ != placed.line->vat_included) {
      throw input_error(
          "amounts with and without VAT are mixed, and the programme's VAT basis is "
          "not known",
          place(claim_.where, placed.pointer() + "/vat"),
          "file all amounts on one basis, or add a decision on /vat_basis/value");
    }
  }

  const Programme& programme_;
  const Claim& claim_;
  std::optional<bool> filed_;
};

}  // namespace

std::optional<Fraction> on_basis(const CostLine& line, bool included) {
  const Fraction amount(line.amount.value);
  if (line.vat_included == included) return amount;
  if (!line.vat_rate) return std::nullopt;
  const Fraction factor = Fraction(1) + *line.vat_rate;
  return included ? amount * factor : amount / factor;
}

Costs costs_of(const Programme& programme, const Claim& claim) {
  Costs costs;
  costs.contract_ex_vat = CostSum{};
  costs.invoices_ex_vat = CostSum{};
  std::optional<bool> included;
  if (programme.vat_basis.value) included = *programme.vat_basis.value == VatBasis::included;
  Sums sums(programme, claim);
  for (std::size_t i = 0; i < claim.items.size(); ++i) {
    const Placed placed{&claim.items[i], 0, i, true};
    sums.add(placed, included, costs.contract);
    sums.add_ex_vat(placed, costs.contract_ex_vat);
  }
  for (std::size_t i = 0; i < claim.invoices.size(); ++i) {
    for (std::size_t k = 0; k < claim.invoices[i].lines.size(); ++k) {
      const Placed placed{&claim.invoices[i].lines[k], i, k, false};
      sums.add(placed, included, costs.invoices);
      sums.add_ex_vat(placed, costs.invoices_ex_vat);
    }
  }
  if (costs.invoices.all < Fraction(0) || costs.invoices.eligible < Fraction(0)) {
    throw input_error("the invoices sum to less than nought", place(claim.where, "/invoices"),
                      "name the invoices that the red-letter ones reverse");
  }
  if (included) {
    costs.vat_note =
        *included ? "the rule pays on amounts with VAT" : "the rule pays on amounts without VAT";
  } else {
    costs.vat_note = std::string("VAT basis unknown: applied to the amounts as filed, ") +
                     (claim.items.front().vat_included ? "with" : "without") + " VAT";
  }
  return costs;
}

}  // namespace assay::pricing::programme
