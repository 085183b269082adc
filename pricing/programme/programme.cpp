#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

namespace {

using Names = std::vector<std::string_view>;

}  // namespace

const Names& kind_names() {
  static const Names names = {"gpu",     "npu",     "cpu",      "model_service", "data",
                              "storage", "network", "security", "software",      "other"};
  return names;
}

const Names& names_of(GoverningDate) {
  static const Names names = {"contract", "use", "application"};
  return names;
}

const Names& names_of(YearKind) {
  static const Names names = {"calendar_year", "twelve_months"};
  return names;
}

const Names& names_of(Base) {
  static const Names names = {"contract", "invoices", "invoiced_contract"};
  return names;
}

const Names& names_of(VatBasis) {
  static const Names names = {"excluded", "included"};
  return names;
}

const Names& names_of(Proration) {
  static const Names names = {"none", "days"};
  return names;
}

const Names& names_of(DayCount) {
  static const Names names = {"end_excluded", "end_included"};
  return names;
}

const Names& names_of(StepKind) {
  static const Names names = {"exclusions", "proration", "ceiling", "percentage", "cap", "budget"};
  return names;
}

const Names& names_of(CapPer) {
  static const Names names = {"claim", "year", "total"};
  return names;
}

const Names& names_of(Rounding) {
  static const Names names = {"floor_fen",  "half_up_fen",  "half_even_fen",
                              "floor_yuan", "half_up_yuan", "half_even_yuan"};
  return names;
}

const Names& names_of(SecondBase) {
  static const Names names = {"gross", "net"};
  return names;
}

const Names& names_of(Exceeding) {
  static const Names names = {"partial", "skipped"};
  return names;
}

const Names& names_of(Payee) {
  static const Names names = {"supplier", "applicant"};
  return names;
}

const Names& names_of(CommitsAt) {
  static const Names names = {"issue", "reservation"};
  return names;
}

const Names& names_of(YearEnd) {
  static const Names names = {"carry_over", "lapse"};
  return names;
}

std::string title_of(const Programme& programme) {
  return programme.id + " " + programme.version;
}

}  // namespace assay::pricing::programme
