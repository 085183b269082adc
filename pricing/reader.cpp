#include "pricing/reader.h"

#include <algorithm>

namespace assay::pricing {

DoubleFigures::DoubleFigures(const CostSheet& sheet) {
  const std::vector<const Figure*> figures = all_figures(sheet);
  std::size_t size = 0;
  for (const Figure* figure : figures) size = std::max(size, figure->index + 1);
  values_.assign(size, 0.0);
  without_vat_.assign(size, 1.0);
  exchange_.assign(size, size);
  for (const Figure* figure : figures) {
    if (figure->value) values_[figure->index] = figure->value->convert_to<double>();
    if (figure->vat && figure->vat->included) {
      without_vat_[figure->index] = 1.0 / (1.0 + figure->vat->rate->convert_to<double>());
    }
    if (figure->exchange_index >= 0) {
      const auto position = static_cast<std::size_t>(figure->exchange_index);
      exchange_[figure->index] = sheet.exchange_rates.at(position).rate.index;
    }
  }
}

DoubleReader DoubleFigures::reader() const {
  return {values_.data(), without_vat_.data(), exchange_.data(), values_.size()};
}

}  // namespace assay::pricing
