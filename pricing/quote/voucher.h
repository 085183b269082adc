#pragma once
/// What a voucher programme pays of an offer: the claim that the applicant would file, with the
/// offer's price in it, evaluated by the programme (pricing/programme).
///
/// The claim is a document as for `assay programme apply` with one item in its contract, and at
/// most one invoice of one line. Their amounts are those of each offer, on the VAT basis that the
/// claim states; verified CU are the billed ones. Each seller is taken to stand with the programme
/// as the claim's supplier does.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pricing/programme/library.h"
#include "pricing/rational.h"

namespace assay::pricing {

struct Voucher {
  std::string kind;  ///< figure, at_most, set, refused, stopped (pricing/programme/evaluate.h)
  Rational low;      ///< CNY; of a set the ends, else the same
  Rational high;
  std::string why;  ///< of a refusal or stop

  /// What is sure to be paid: of a bound or a set, nothing before the programme decided.
  [[nodiscard]] Rational sure() const { return kind == "figure" ? low : Rational(0); }
};

class VoucherClaim {
 public:
  /// Errors: input_error naming file and path: those of reading a claim and of choosing its
  /// programme's version; more than one item or invoice line; an award or payments.
  VoucherClaim(const std::filesystem::path& claim,
               const std::vector<std::filesystem::path>& own_programmes);

  /// Errors: those of the evaluator.
  [[nodiscard]] Voucher of(const Rational& price_ex_vat, const Rational& billed_cu) const;

  [[nodiscard]] const std::string& programme() const { return programme_; }
  [[nodiscard]] const std::string& version() const { return version_; }

 private:
  [[nodiscard]] nlohmann::json filled(const Rational& price_ex_vat,
                                      const Rational& billed_cu) const;

  std::string file_;
  nlohmann::json document_;
  programme::Library library_;
  std::string programme_;
  std::string version_;
};

}  // namespace assay::pricing
