#include "pricing/power_bill.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/bounds.h"
#include "pricing/calendar.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

constexpr std::size_t kMonths = 12;
constexpr std::size_t kHours = 24;

void check_partition(const PowerBill& bill, const std::string& where) {
  for (std::size_t month = 0; month < kMonths; ++month) {
    for (std::size_t hour = 0; hour < kHours; ++hour) {
      const auto covering = std::count_if(
          bill.bands.begin(), bill.bands.end(),
          [&](const TariffBand& band) { return band.months.at(month) && band.hours.at(hour); });
      if (covering == 1) continue;
      throw input_error("hour " + std::to_string(hour) + " of month " + std::to_string(month + 1) +
                            " stands in " + std::to_string(covering) + " bands",
                        where, "put each hour of each month into exactly one band");
    }
  }
}

void check_names(const PowerBill& bill, const CostSheet& sheet, const std::string& where) {
  const auto known = [&sheet](const std::string& name) {
    return std::any_of(sheet.energy.price_parts.begin(), sheet.energy.price_parts.end(),
                       [&name](const NamedFigure& part) { return part.name == name; });
  };
  const auto judge = [&](const std::vector<std::string>& names, const std::string& list) {
    for (const std::string& name : names) {
      if (known(name)) continue;
      if (list == "/time_of_use/parts" && name == kLineLoss && bill.line_loss_share) continue;
      throw input_error("no price part is named '" + excerpt(name) + "'", where + list,
                        "name parts of /energy/price_parts");
    }
  };
  judge(bill.time_of_use_parts, "/time_of_use/parts");
  judge(bill.line_loss_parts, "/line_loss/parts");
}

void check_bands(const CostSheet& sheet, const std::string& where) {
  const PowerBill& bill = *sheet.energy.bill;
  if (bill.bands.empty()) return;
  check_partition(bill, where + "/time_of_use/bands");
  Rational shares = 0;
  std::size_t with_share = 0;
  for (const TariffBand& band : bill.bands) {
    within(band.factor, {"a factor of time of use", 0, 20, "state it over the flat price"});
    within_if(band.use_share, share("a share of variable energy"));
    if (!band.use_share) continue;
    shares += need(*band.use_share);
    ++with_share;
  }
  if (with_share != 0 && (with_share != bill.bands.size() || shares != 1)) {
    throw input_error("the shares of variable energy do not sum to 1 over all bands",
                      where + "/time_of_use/bands", "give every band its use_share, or none");
  }
}

}  // namespace

std::int64_t hours_of_band(const TariffBand& band, const std::string& start, const std::string& end,
                           const std::string& where) {
  const auto hours_a_day = std::count(band.hours.begin(), band.hours.end(), true);
  const auto last = parse_date(end, where);
  std::int64_t days = 0;
  for (auto day = parse_date(start, where); day <= last; day += std::chrono::days(1)) {
    const std::chrono::year_month_day date(day);
    if (band.months.at(static_cast<unsigned>(date.month()) - 1)) ++days;
  }
  return days * hours_a_day;
}

bool names_part(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_power_bill(const CostSheet& sheet) {
  if (!sheet.energy.bill) return;
  const PowerBill& bill = *sheet.energy.bill;
  const std::string where = place(sheet.file, "/energy/bill");
  check_names(bill, sheet, where);
  check_bands(sheet, where);
  within_if(bill.line_loss_share,
            {"a line loss", 0, Rational(1, 2), "write a loss of 2.59 % as \"0.0259\""});
  within_if(bill.pue_limit, {"a limit of PUE", 1, 5, "PUE is at least 1"});
  for (std::size_t i = 0; i < bill.tiers.size(); ++i) {
    const Rational& above = need(bill.tiers[i].above);
    const bool rises = i == 0 ? above == 0 : above > need(bill.tiers[i - 1].above);
    if (!rises) {
      throw input_error("the tiers of the surcharge do not rise from 0", bill.tiers[i].above.where,
                        "the first starts at the limit: \"0\"");
    }
    within(bill.tiers[i].price, {"a surcharge", 0, 100, "state it in CNY/kWh, zero or more"});
  }
}

}  // namespace assay::pricing
