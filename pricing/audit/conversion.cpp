#include "pricing/audit/conversion.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/cost_of_service.h"
#include "results/edition/basket.h"
#include "results/edition/model_flops.h"

namespace assay::pricing {

namespace {

constexpr int kTeraPerPeta = 1000;
constexpr int kFirstSparseCapability = 8;
constexpr int kPflopPerSecondHourExponent = 17;  // 1 PFLOP/s for an hour: 36e17 FLOPs

Rational exact(double value, const std::string& where) {
  return parse_decimal(shortest_decimal(value, where), where);
}

Rational need_positive(const Stated<double>& figure, const std::string& name,
                       const std::string& where) {
  if (!figure.has_value()) throw input_error("no " + name + ": " + figure.reason, where);
  if (*figure.value <= 0) throw input_error(name + " is not above 0", where);
  return exact(*figure.value, where);
}

/// One reading of what an hour of a device costs where the posted unit costs 1 CNY.
struct HourPrice {
  Rational cny;
  const Nameplate* nameplate = nullptr;
};

std::vector<HourPrice> nameplate_hours(const Tariff& tariff, const DeviceConversion& device) {
  std::vector<HourPrice> hours;
  for (const Nameplate& plate : device.nameplates) {
    if (tariff.precision.empty() ? (plate.precision != "fp16" && plate.precision != "fp8")
                                 : plate.precision != tariff.precision) {
      continue;
    }
    if (!tariff.sparsity.empty() && plate.sparse != (tariff.sparsity == "sparse")) continue;
    hours.push_back({plate.pflops / tariff.unit->hours, &plate});
  }
  return hours;
}

std::vector<HourPrice> hour_prices(const Tariff& tariff, const DeviceConversion& device,
                                   std::string& reason) {
  switch (tariff.unit->counted) {
    case Counted::device:
      return {{Rational(1, tariff.unit->hours)}};
    case Counted::node:
      return {{Rational(1, tariff.unit->hours * tariff.devices)}};
    case Counted::cu:
      return {{device.k_cert_cu_per_h}};
    case Counted::training_token: {
      const auto found = device.tokens_per_hour.find(tariff.configuration);
      if (found == device.tokens_per_hour.end()) {
        reason = "the certificate has no basket item '" + tariff.configuration + "'";
        return {};
      }
      return {{found->second}};
    }
    case Counted::nameplate_pflops: {
      std::vector<HourPrice> hours = nameplate_hours(tariff, device);
      if (hours.empty()) {
        reason = "the peak table has no such P for " +
                 (tariff.accelerator.empty() ? "this device" : "'" + tariff.accelerator + "'");
      }
      return hours;
    }
    case Counted::inference_token:
      reason = "an inference token is no training work";
      return {};
    case Counted::core:
      reason = "a core-hour of a CPU that nobody certified";
      return {};
  }
  return {};
}

std::string hour_text(const Tariff& tariff, const DeviceConversion& device,
                      const Conversion& reading) {
  const std::string price = rounded_text(tariff.cny, kRateDecimals);
  const std::string hours = std::to_string(tariff.unit->hours) + " h";
  switch (tariff.unit->counted) {
    case Counted::device:
      return price + " / " + hours;
    case Counted::node:
      return price + " / (" + hours + " x " + std::to_string(tariff.devices) + " devices)";
    case Counted::cu:
      return price + " x K_cert";
    case Counted::training_token:
      return rounded_text(tariff.cny * device.tokens_per_hour.at(tariff.configuration),
                          kRateDecimals) +
             " for the " + rounded_text(device.tokens_per_hour.at(tariff.configuration), 0) +
             " tokens of an hour";
    case Counted::nameplate_pflops:
      return price + " x " + rounded_text(reading.nameplate->pflops, kRateDecimals) + " P (" +
             reading.nameplate->precision + (reading.nameplate->sparse ? " sparse" : " dense") +
             ") / " + hours;
    case Counted::inference_token:
    case Counted::core:
      break;
  }
  return {};
}

}  // namespace

std::vector<Nameplate> nameplates_of(const PeakTable& table, const std::string& device) {
  for (const Accelerator& row : table.accelerators) {
    const bool named = std::find(row.names.begin(), row.names.end(), device) != row.names.end();
    if (!named && row.sku != device) continue;
    const bool has_sparse = std::stoi(row.compute_capability.substr(
                                0, row.compute_capability.find('.'))) >= kFirstSparseCapability;
    std::vector<Nameplate> plates;
    for (const char* precision : {"fp16", "bf16", "fp8", "tf32", "fp32"}) {
      const auto peak = row.dense_tflops.find(precision);
      if (peak == row.dense_tflops.end()) continue;
      const Rational dense = exact(peak->second, "peak table") / kTeraPerPeta;
      plates.push_back({precision, false, dense});
      if (has_sparse && std::string_view(precision) != "fp32") {
        plates.push_back({precision, true, dense * 2});
      }
    }
    return plates;
  }
  return {};
}

DeviceConversion device_conversion(const Certificate& certificate, const PeakTable& peaks,
                                   const std::string& where) {
  DeviceConversion device;
  device.k_cu_per_h = need_positive(certificate.assessment.k_cu_per_h, "K", where);
  device.k_cert_cu_per_h = need_positive(certificate.assessment.k_cert_cu_per_h, "K_cert", where);
  device.k_cert_text = rounded_text(device.k_cert_cu_per_h, kRateDecimals);
  device.nameplates = nameplates_of(peaks, certificate.device.name);
  const std::vector<std::string> names = basket_names();
  if (std::find(names.begin(), names.end(), certificate.basket.name) == names.end()) return device;
  const Basket basket = load_basket(certificate.basket.name);
  if (basket.digest != certificate.basket.digest) return device;
  for (const ItemFigures& figures : certificate.assessment.items) {
    for (const BasketItem& item : basket.items) {
      if (item.name != figures.basket_item || figures.pflops <= 0) continue;
      device.tokens_per_hour[item.name] = exact(figures.pflops, where) * 36 *
                                          power_of_ten(kPflopPerSecondHourExponent) /
                                          model_flops_per_token(item.model);
    }
  }
  return device;
}

Converted convert_one_cny(const Tariff& tariff, const DeviceConversion& device,
                          const std::vector<Rational>& vat_rates) {
  Converted converted;
  const std::vector<HourPrice> hours = hour_prices(tariff, device, converted.reason);
  std::vector<Rational> rates = {0};
  if (tariff.vat == PostedVat::included) rates = {*tariff.vat_rate};
  if (tariff.vat == PostedVat::unstated) rates = vat_rates;
  for (const HourPrice& hour : hours) {
    for (const Rational& rate : rates) {
      const Rational cny = rate == 0 ? hour.cny : hour.cny / (1 + rate);
      converted.readings.push_back(
          {rate, hour.nameplate, cny / device.k_cert_cu_per_h, cny / device.k_cu_per_h});
    }
  }
  return converted;
}

std::vector<Conversion> scaled(const std::vector<Conversion>& of_one_cny, const Rational& cny) {
  std::vector<Conversion> readings;
  readings.reserve(of_one_cny.size());
  for (const Conversion& one : of_one_cny) {
    readings.push_back({one.vat_rate, one.nameplate, one.ceiling_side * cny, one.cost_side * cny});
  }
  return readings;
}

Converted convert(const Tariff& tariff, const DeviceConversion& device,
                  const std::vector<Rational>& vat_rates) {
  Converted converted = convert_one_cny(tariff, device, vat_rates);
  converted.readings = scaled(converted.readings, tariff.cny);
  return converted;
}

std::string arithmetic_text(const Tariff& tariff, const DeviceConversion& device,
                            const Conversion& reading, std::string_view cny_per_cu) {
  std::string text = hour_text(tariff, device, reading);
  if (reading.vat_rate != 0) text += " / " + rounded_text(1 + reading.vat_rate, 2) + " VAT";
  text += " = ";
  text += rounded_product_text(reading.ceiling_side, device.k_cert_cu_per_h, kRateDecimals);
  text += " CNY/h / K_cert ";
  text += device.k_cert_text;
  text += " = ";
  text += cny_per_cu;
  text += " CNY/CU";
  return text;
}

}  // namespace assay::pricing
