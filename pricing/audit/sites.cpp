#include "pricing/audit/sites.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/rate_card.h"
#include "pricing/site_rate.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

constexpr int kMicro = 1'000'000;

std::optional<Rational>& at(Quantities& quantities, Quantity quantity) {
  return quantities[static_cast<std::size_t>(quantity)];
}

Rational exact(double value) {
  return parse_decimal(shortest_decimal(value, "certificate"), "certificate");
}

std::shared_ptr<const FairRate> fair_rate_of(const Waterfall& waterfall, const AuditRules& rules) {
  FairRate rate;
  rate.cny_per_cu = Rational(waterfall.rate_micro) / kMicro;
  rate.lower = rate.cny_per_cu * rules.below_cost_factor;
  rate.upper = rate.cny_per_cu * rules.above_factor;
  rate.text = rounded_text(rate.cny_per_cu, kRateDecimals);
  rate.lower_text = rounded_text(rate.lower, kRateDecimals);
  rate.upper_text = rounded_text(rate.upper, kRateDecimals);
  return std::make_shared<const FairRate>(std::move(rate));
}

/// Of the device's own lines in a mixed fleet, else of the sheet.
const Sku* sku_of(const CostSheet& sheet, const std::string& device) {
  for (const Sku& sku : sheet.skus) {
    if (sku.device == device) return &sku;
  }
  return nullptr;
}

std::optional<Rational> utilisation_of(const CostSheet& sheet, const std::string& device) {
  if (sheet.skus.empty()) return sheet.utilisation.value;
  const Sku* sku = sku_of(sheet, device);
  return sku == nullptr ? std::nullopt : sku->utilisation.value;
}

std::optional<Rational> capital_per_device(const CostSheet& sheet) {
  Rational devices = 0;
  if (sheet.skus.empty()) devices = sheet.device_count.value.value_or(Rational(0));
  for (const Sku& sku : sheet.skus) devices += sku.count.value.value_or(Rational(0));
  Rational capital = 0;
  for (const AssetClass& each : sheet.asset_classes) {
    if (!each.price.value) return std::nullopt;
    capital += need_ex_vat(each.price);
  }
  if (devices <= 0) return std::nullopt;
  return capital / devices;
}

bool same_site(const CostSheet& a, const CostSheet& b) {
  return a.site_operator == b.site_operator && a.site_name == b.site_name;
}

int lives_changed(const CostSheet& sheet, const std::vector<CostSheet>& all) {
  int changed = 0;
  for (const AssetClass& each : sheet.asset_classes) {
    const bool differs = std::any_of(all.begin(), all.end(), [&](const CostSheet& other) {
      if (!same_site(sheet, other)) return false;
      return std::any_of(other.asset_classes.begin(), other.asset_classes.end(),
                         [&each](const AssetClass& its) {
                           return its.name == each.name && its.life_years != 0 &&
                                  each.life_years != 0 && its.life_years != each.life_years;
                         });
    });
    if (differs) ++changed;
  }
  return changed;
}

/// Utilisation of the first test year that ends after the day less that of the last before it.
std::optional<Rational> utilisation_change(const CostSheet& sheet, const std::string& device,
                                           const std::string& day,
                                           const std::vector<CostSheet>& all) {
  const CostSheet* before = nullptr;
  const CostSheet* after = nullptr;
  for (const CostSheet& each : all) {
    if (!same_site(sheet, each) || !utilisation_of(each, device)) continue;
    if (each.test_year_end < day) {
      if (before == nullptr || before->test_year_end < each.test_year_end) before = &each;
    } else if (after == nullptr || each.test_year_end < after->test_year_end) {
      after = &each;
    }
  }
  if (before == nullptr || after == nullptr) return std::nullopt;
  return *utilisation_of(*after, device) - *utilisation_of(*before, device);
}

void certificate_quantities(RowContext& context) {
  const Assessment& assessment = context.certificate->assessment;
  if (assessment.mfu.nominal.has_value()) {
    at(context.quantities, Quantity::mfu_nominal) = exact(*assessment.mfu.nominal.value);
  }
  if (assessment.expanded_cu_per_h.has_value()) {
    at(context.quantities, Quantity::relative_expanded_uncertainty) =
        exact(*assessment.expanded_cu_per_h.value) / context.device->k_cu_per_h;
  }
}

}  // namespace

std::string customer_of(const Certificate& certificate) {
  const auto customer = certificate.predicate.find("customer");
  if (customer == certificate.predicate.end() || !customer->contains("value")) return {};
  const nlohmann::json& value = customer->at("value");
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string why_unfit(const Certificate& certificate, const AuditInput& input) {
  return why_not_credited(certificate, input.basket, input.revocations, input.date_utc);
}

Rational median_of(std::vector<Rational> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end(), less);
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle, less) + *middle) / 2;
}

Sites::Sites(const AuditInput& input) : input_(input), peaks_(load_peaks()) {
  std::map<std::pair<std::string, std::string>, const CostSheet*> latest_filing;
  for (const CostSheet& sheet : input.sheets) {
    const CostSheet*& kept = latest_filing[{sheet.site_operator, sheet.site_name}];
    if (kept == nullptr || kept->test_year_end < sheet.test_year_end) kept = &sheet;
  }
  std::vector<Rational> capital;
  for (const auto& [site, sheet] : latest_filing) {
    if (const auto each = capital_per_device(*sheet)) capital.push_back(*each);
  }
  if (!capital.empty() && capital.size() >= input.rules.fewest_sellers) {
    median_capital_ = median_of(std::move(capital));
  }
}

const RowContext& Sites::behind(const Tariff& tariff) {
  std::string key = tariff.seller;
  for (const std::string* part :
       {&tariff.site, &tariff.sku, &tariff.certificate, &tariff.accelerator}) {
    key += '\0';
    key += *part;
  }
  const auto found = contexts_.find(key);
  if (found != contexts_.end()) return found->second;
  RowContext context = context_of(tariff);
  if (context.fair_rate) {
    context.band_low = context.fair_rate->lower;
    context.band_high = context.fair_rate->upper;
  }
  if (input_.ceiling_cny_per_cu) context.band_high = input_.ceiling_cny_per_cu;
  return contexts_.emplace(std::move(key), std::move(context)).first->second;
}

const Certificate* Sites::latest(const std::string& seller, const std::string& device) const {
  const Certificate* kept = nullptr;
  for (const Certificate& each : input_.certificates) {
    if (each.device.name != device || customer_of(each) != seller) continue;
    // Any certificate beats none, so that the reason names what is wrong with it.
    const auto rank = [this](const Certificate& one) {
      return std::pair(why_unfit(one, input_).empty(), one.issued_utc);
    };
    if (kept == nullptr || rank(*kept) < rank(each)) kept = &each;
  }
  return kept;
}

const CostSheet* Sites::sheet_of(const Tariff& tariff) const {
  const CostSheet* kept = nullptr;
  for (const CostSheet& each : input_.sheets) {
    if (each.site_operator != tariff.seller) continue;
    if (!tariff.site.empty() && each.site_name != tariff.site) continue;
    if (kept == nullptr || kept->test_year_end < each.test_year_end) kept = &each;
  }
  return kept;
}

void Sites::rate(RowContext& context, const CostSheet& sheet, const std::string& seller) const {
  PriceRequest request;
  request.date_utc = input_.date_utc;
  request.revocations = input_.revocations;
  if (sheet.skus.empty()) {
    const RateCard card = price(*context.certificate, sheet, request);
    context.fair_rate = fair_rate_of(card.waterfall, input_.rules);
    return;
  }
  std::vector<Certificate> certificates;
  for (const Sku& sku : sheet.skus) {
    const Certificate* one = sku.device == context.certificate->device.name
                                 ? context.certificate
                                 : latest(seller, sku.device);
    if (one == nullptr || !why_unfit(*one, input_).empty()) {
      context.no_rate_reason =
          "the cost sheet's SKU '" + sku.name + "' has no valid certificate of this seller";
      return;
    }
    certificates.push_back(*one);
  }
  if (sku_of(sheet, context.certificate->device.name) == nullptr) {
    context.no_rate_reason = "the cost sheet has no such SKU";
    return;
  }
  const SiteRate site = price_site(certificates, sheet, request);
  for (std::size_t i = 0; i < site.cards.size(); ++i) {
    if (sheet.skus[i].device == context.certificate->device.name) {
      context.fair_rate = fair_rate_of(site.cards[i].waterfall, input_.rules);
    }
  }
}

void Sites::site_quantities(RowContext& context, const CostSheet& sheet) const {
  Quantities& quantities = context.quantities;
  const std::string& device = context.certificate->device.name;
  at(quantities, Quantity::pue) = sheet.energy.pue.value;
  const auto capital = capital_per_device(sheet);
  if (capital && median_capital_ && *median_capital_ > 0) {
    at(quantities, Quantity::capital_per_device_over_median) = *capital / *median_capital_;
  }
  at(quantities, Quantity::asset_lives_changed) = lives_changed(sheet, input_.sheets);
  at(quantities, Quantity::utilisation_change_at_certification) = utilisation_change(
      sheet, device, context.certificate->issued_utc.substr(0, 10), input_.sheets);
  const Sku* sku = sku_of(sheet, device);
  const std::optional<Rational>& filed =
      sku == nullptr ? sheet.energy.loaded_power.value : sku->loaded_power.value;
  const Stated<double>& measured = context.certificate->assessment.power_w;
  if (filed && measured.has_value() && *measured.value > 0) {
    at(quantities, Quantity::filed_over_measured_power) = *filed / exact(*measured.value);
  }
}

RowContext Sites::context_of(const Tariff& tariff) const {
  RowContext context;
  if (tariff.certificate.empty()) {
    context.certificate = latest(tariff.seller, tariff.sku);
    if (context.certificate == nullptr) context.reason = "uncertified: no certificate of this SKU";
  } else {
    const auto found = std::find_if(
        input_.certificates.begin(), input_.certificates.end(),
        [&tariff](const Certificate& one) { return one.certificate_id == tariff.certificate; });
    if (found != input_.certificates.end()) context.certificate = &*found;
    if (context.certificate == nullptr) {
      context.reason = "uncertified: the certificate it names is not in the folder";
    } else if (found->device.name != tariff.sku) {
      context.reason = "the certificate it names is of another device: " + found->device.name;
    }
  }
  if (context.certificate != nullptr && context.reason.empty()) {
    context.reason = why_unfit(*context.certificate, input_);
  }
  if (!context.reason.empty()) {
    context.certificate = nullptr;
    return context;
  }
  context.test_key = signed_by_test_key(*context.certificate);
  DeviceConversion device =
      device_conversion(*context.certificate, peaks_, context.certificate->certificate_id);
  if (!tariff.accelerator.empty()) device.nameplates = nameplates_of(peaks_, tariff.accelerator);
  context.device = std::make_shared<const DeviceConversion>(std::move(device));
  certificate_quantities(context);
  const CostSheet* sheet = sheet_of(tariff);
  if (sheet == nullptr) {
    context.no_rate_reason = "no cost sheet of this seller and site";
    return context;
  }
  site_quantities(context, *sheet);
  rate(context, *sheet, tariff.seller);
  return context;
}

}  // namespace assay::pricing
