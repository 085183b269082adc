#pragma once
/// How the formulas of a rate take their figures: exactly, as filed, or as doubles that a Monte
/// Carlo draws. One template of each formula serves both, so they cannot differ.
#include <vector>

#include "pricing/cost_sheet.h"

namespace assay::pricing {

/// Figures as filed. Errors: input_error naming a figure that is null.
struct ExactReader {
  using Number = Rational;
  [[nodiscard]] const Rational& value(const Figure& figure) const { return need(figure); }
  [[nodiscard]] Rational ex_vat(const Figure& figure) const { return need_ex_vat(figure); }
};

/// Figures by their index, as doubles.
struct DoubleReader {
  using Number = double;
  const double* values = nullptr;         ///< by Figure::index; exchange rates among them
  const double* without_vat = nullptr;    ///< 1 / (1 + VAT rate) where VAT is included, else 1
  const std::size_t* exchange = nullptr;  ///< index of the exchange rate's figure
  std::size_t no_exchange = 0;            ///< what stands there for CNY

  [[nodiscard]] double value(const Figure& figure) const { return values[figure.index]; }
  [[nodiscard]] double ex_vat(const Figure& figure) const {
    const double amount = values[figure.index] * without_vat[figure.index];
    const std::size_t rate = exchange[figure.index];
    return rate == no_exchange ? amount : amount * values[rate];
  }
};

/// The arrays of a DoubleReader, filled with the figures as filed (null as 0).
class DoubleFigures {
 public:
  explicit DoubleFigures(const CostSheet& sheet);
  [[nodiscard]] DoubleReader reader() const;
  [[nodiscard]] double& at(std::size_t index) { return values_[index]; }
  [[nodiscard]] double at(std::size_t index) const { return values_[index]; }

 private:
  std::vector<double> values_;
  std::vector<double> without_vat_;
  std::vector<std::size_t> exchange_;
};

}  // namespace assay::pricing
