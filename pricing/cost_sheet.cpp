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
  for (auto& exchange : sheet.exchange_rates) visit(exchange.rate);
  if (sheet.skus.empty()) {
    visit(sheet.device_count);
    visit(sheet.devices_per_node);
    visit(sheet.availability);
    visit(sheet.utilisation);
  }
  for (auto& sku : sheet.skus) {
    visit(sku.count);
    visit(sku.per_node);
    visit(sku.availability);
    visit(sku.utilisation);
    visit(sku.idle_power);
    visit(sku.loaded_power);
  }
  visit_if(sheet.used_and_useful.floor);
  visit(sheet.energy.pue);
  for (auto& part : sheet.energy.price_parts) visit(part.figure);
  if (sheet.skus.empty()) {
    visit(sheet.energy.idle_power);
    visit(sheet.energy.loaded_power);
  }
  if (sheet.energy.demand) {
    visit(sheet.energy.demand->charge);
    visit(sheet.energy.demand->billed_power);
  }
  if (sheet.energy.bill) {
    for (auto& band : sheet.energy.bill->bands) {
      visit(band.factor);
      visit_if(band.use_share);
    }
    visit_if(sheet.energy.bill->line_loss_share);
    visit_if(sheet.energy.bill->pue_limit);
    for (auto& tier : sheet.energy.bill->tiers) {
      visit(tier.above);
      visit(tier.price);
    }
  }
  for (auto& asset_class : sheet.asset_classes) {
    visit(asset_class.price);
    visit(asset_class.grants);
    visit(asset_class.residual);
    visit(asset_class.return_per_year);
    visit(asset_class.life);
    visit_if(asset_class.year_of_life);
    visit_if(asset_class.price_trend);
    visit_if(asset_class.price_today);
    for (auto& item : asset_class.items) {
      visit(item.quantity);
      visit(item.unit_price);
    }
  }
  for (auto& line : sheet.operation_and_maintenance) visit(line.figure);
  for (auto& line : sheet.other_revenue) visit(line.figure);
  visit_if(sheet.margin.share_of_operating_cost);
  if (sheet.income_tax) {
    visit(sheet.income_tax->rate);
    visit(sheet.income_tax->equity_share);
    visit(sheet.income_tax->return_on_equity);
    visit(sheet.income_tax->cost_of_debt);
  }
  for (auto& plant : sheet.used_and_useful.excluded) {
    visit_if(plant.price);
    visit_if(plant.devices);
  }
  if (sheet.declared_throughput) visit(sheet.declared_throughput->k);
  if (sheet.path) {
    visit(sheet.path->x);
    visit_if(sheet.path->bound);
    for (auto& year : sheet.path->years) {
      visit(year.cpi);
      visit(year.power_price_factor);
    }
    if (sheet.path->true_up) {
      visit(sheet.path->true_up->power_forecast);
      visit(sheet.path->true_up->power_outturn);
      visit(sheet.path->true_up->index_forecast);
      visit(sheet.path->true_up->index_outturn);
    }
  }
}

template <class FigurePointer>
FigurePointer find_in(const std::vector<FigurePointer>& figures, const std::string& pointer) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&pointer](const Figure* figure) {
    return figure->pointer == pointer;
  });
  return found == figures.end() ? nullptr : *found;
}

template <class Line>
void keep_lines_of(std::vector<Line>& lines, const std::string& sku) {
  std::erase_if(lines, [&sku](const Line& line) { return line.sku && *line.sku != sku; });
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
  Rational cny = need(figure) * figure.cny_per_unit;
  if (!figure.vat || !figure.vat->included) return cny;
  return cny / (1 + *figure.vat->rate);
}

std::string currency_of(const std::string& unit) {
  constexpr std::size_t kLetters = 3;
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  const bool starts_with_code =
      unit.size() >= kLetters && std::all_of(unit.begin(), unit.begin() + kLetters, is_capital);
  const bool ends_there = unit.size() == kLetters || (unit.size() > kLetters && unit[3] == '/');
  // CNY/USD is a ratio of currencies, not money.
  const bool is_ratio = unit.size() == 7 && std::all_of(unit.begin() + 4, unit.end(), is_capital);
  return starts_with_code && ends_there && !is_ratio ? unit.substr(0, kLetters) : std::string();
}

void refresh(CostSheet& sheet) {
  for (Figure* figure : all_figures(sheet)) {
    if (figure->exchange_index < 0) continue;
    const auto position = static_cast<std::size_t>(figure->exchange_index);
    figure->cny_per_unit = need(sheet.exchange_rates.at(position).rate);
  }
  const auto whole = [](const Figure& figure, int otherwise) {
    return figure.value ? static_cast<int>(numerator(*figure.value)) : otherwise;
  };
  for (AssetClass& asset_class : sheet.asset_classes) {
    asset_class.life_years = whole(asset_class.life, 0);
    asset_class.year = asset_class.year_of_life ? whole(*asset_class.year_of_life, 1) : 1;
  }
}

void set_figure(CostSheet& sheet, const std::string& pointer, const Rational& value) {
  Figure* figure = find_figure(sheet, pointer);
  if (figure == nullptr) throw input_error("no figure stands at '" + pointer + "'", sheet.file);
  figure->value = value;
  refresh(sheet);
}

CostSheet sheet_of_sku(const CostSheet& sheet, std::size_t position,
                       const std::vector<Rational>& shares) {
  const Sku& sku = sheet.skus.at(position);
  CostSheet own = sheet;
  own.allocation = Allocation{sku.name, sheet.shared_cost_key, position, shares};
  own.skus.clear();
  own.device_count = sku.count;
  own.devices_per_node = sku.per_node;
  own.availability = sku.availability;
  own.utilisation = sku.utilisation;
  own.energy.idle_power = sku.idle_power;
  own.energy.loaded_power = sku.loaded_power;
  keep_lines_of(own.asset_classes, sku.name);
  keep_lines_of(own.operation_and_maintenance, sku.name);
  keep_lines_of(own.other_revenue, sku.name);
  std::erase_if(own.uncertain_inputs, [&own](const UncertainInput& input) {
    return find_figure(own, input.pointer) == nullptr;
  });
  std::erase_if(own.sensitivities, [&own](const FiledRange& range) {
    return find_figure(own, range.pointer) == nullptr;
  });
  return own;
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
  return find_in(all_figures(sheet), pointer);
}

const Figure* find_figure(const CostSheet& sheet, const std::string& pointer) {
  return find_in(all_figures(sheet), pointer);
}

std::int64_t first_year(const CostSheet& sheet) {
  constexpr std::size_t kYearDigits = 4;
  return std::stoll(sheet.test_year_start.substr(0, kYearDigits));
}

}  // namespace assay::pricing
