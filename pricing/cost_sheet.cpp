#include "pricing/cost_sheet.h"

#include <algorithm>

#include "base/error.h"

namespace assay::pricing {

namespace {

/// Calls visit(figure) for each figure, in the document's order. One list for const and not.
template <class Sheet, class Visit>
void visit_figures(Sheet& sheet, Visit visit) {
  const auto visit_if = [&visit](auto& optional_figure) {
    if (optional_figure) visit(*optional_figure);
  };
  visit(sheet.device_count);
  visit(sheet.devices_per_node);
  visit(sheet.availability);
  visit(sheet.utilisation);
  visit_if(sheet.used_and_useful.floor);
  visit(sheet.energy.pue);
  for (auto& part : sheet.energy.price_parts) visit(part.figure);
  visit(sheet.energy.idle_power);
  visit(sheet.energy.loaded_power);
  if (sheet.energy.demand) {
    visit(sheet.energy.demand->charge);
    visit(sheet.energy.demand->billed_power);
  }
  for (auto& asset_class : sheet.asset_classes) {
    visit(asset_class.price);
    visit(asset_class.grants);
    visit(asset_class.residual);
    visit(asset_class.return_per_year);
    visit(asset_class.life);
    visit_if(asset_class.year_of_life);
    visit_if(asset_class.price_trend);
  }
  for (auto& line : sheet.operation_and_maintenance) visit(line.figure);
  for (auto& line : sheet.other_revenue) visit(line.figure);
  visit_if(sheet.margin.share_of_operating_cost);
}

}  // namespace

const Rational& need(const Figure& figure) {
  if (!figure.value) {
    throw input_error("the figure is null, and the rate needs it", figure.where,
                      "state its value in " + figure.unit + ", with its source");
  }
  return *figure.value;
}

Rational need_ex_vat(const Figure& figure) {
  const Rational& amount = need(figure);
  if (!figure.vat || !figure.vat->included) return amount;
  return amount / (1 + *figure.vat->rate);
}

std::vector<Figure*> all_figures(CostSheet& sheet) {
  std::vector<Figure*> figures;
  visit_figures(sheet, [&figures](Figure& figure) { figures.push_back(&figure); });
  return figures;
}

std::vector<const Figure*> all_figures(const CostSheet& sheet) {
  std::vector<const Figure*> figures;
  visit_figures(sheet, [&figures](const Figure& figure) { figures.push_back(&figure); });
  return figures;
}

Figure* find_figure(CostSheet& sheet, const std::string& pointer) {
  const std::vector<Figure*> figures = all_figures(sheet);
  const auto found = std::find_if(figures.begin(), figures.end(), [&pointer](const Figure* figure) {
    return figure->pointer == pointer;
  });
  return found == figures.end() ? nullptr : *found;
}

}  // namespace assay::pricing
