#include "pricing/rate_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/money.h"
#include "results/document.h"

namespace assay::pricing {

namespace {

Stated<std::string> as_decimal(const Stated<double>& figure, const std::string& where) {
  if (!figure.value) return Stated<std::string>::missing(figure.reason);
  return Stated<std::string>::known(shortest_decimal(*figure.value, where));
}

void check_valid_at(const Certificate& certificate, const PriceRequest& request) {
  const std::string where = "certificate " + certificate.certificate_id;
  const std::string date = checked_instant(request.date_utc, "date of the rate");
  if (date < checked_instant(certificate.issued_utc, where + ": issued_utc")) {
    throw input_error("issued " + certificate.issued_utc + ", after the date of the rate, " + date,
                      where, "price at a later date, or check the clock");
  }
  if (date > checked_instant(certificate.valid_until_utc, where + ": valid_until_utc")) {
    throw input_error(
        "expired on " + certificate.valid_until_utc + ", before the date of the " + "rate, " + date,
        where, "certify the device again");
  }
  if (request.revocation &&
      date >= checked_instant(request.revocation->effective_utc, where + ": revocation")) {
    throw input_error(
        "revoked from " + request.revocation->effective_utc + ": " + request.revocation->reason,
        where, "certify the device again");
  }
}

CertificateFacts facts_of(const Certificate& certificate) {
  const Assessment& assessment = certificate.assessment;
  CertificateFacts facts;
  facts.id = certificate.certificate_id;
  const std::string where = "certificate " + facts.id;
  facts.digest = digest(certificate.predicate);
  facts.issued_utc = certificate.issued_utc;
  facts.valid_until_utc = certificate.valid_until_utc;
  facts.verified_key_id =
      certificate.verified_key_id.empty()
          ? Stated<std::string>::missing("no public key was given, so no signature was checked")
          : Stated<std::string>::known(certificate.verified_key_id);
  facts.grade = assessment.grade;
  facts.basket = certificate.basket;
  facts.device = certificate.device.name;
  facts.device_count = certificate.device_count;
  if (!assessment.k_cu_per_h.value) {
    throw input_error("states no CU rate K: " + assessment.k_cu_per_h.reason, where,
                      "certify a run of the whole basket");
  }
  facts.k_cu_per_h = shortest_decimal(*assessment.k_cu_per_h.value, where + ": K");
  facts.u_c_cu_per_h = as_decimal(assessment.u_c_cu_per_h, where + ": u_c");
  facts.nu_eff = as_decimal(assessment.nu_eff, where + ": nu_eff");
  facts.k_cert_cu_per_h = as_decimal(assessment.k_cert_cu_per_h, where + ": K_cert");
  return facts;
}

/// Measured power is the device's own telemetry: it stands only where the sheet's power is too.
void choose_power(RateCard& card, const Stated<double>& measured) {
  const Energy& energy = card.sheet.energy;
  card.power_measured = measured.value.has_value() && energy.power_boundary == "device";
  if (card.power_measured) {
    card.loaded_power_w = shortest_decimal(*measured.value, "measured power");
    return;
  }
  (void)need(energy.loaded_power);
  card.loaded_power_w = energy.loaded_power.value_text;
}

std::string why_declared(const Stated<double>& measured) {
  return measured.value ? "loaded power is declared: the certificate measured the device alone, "
                          "the sheet states power at the wall"
                        : "loaded power is declared, not measured: " + measured.reason;
}

Stated<std::string> device_hour(const RateCard& card) {
  const Stated<std::string>& k_cert = card.certificate.k_cert_cu_per_h;
  if (!k_cert.has_value()) return k_cert;
  const Rational credit = parse_decimal(*k_cert.value, "K_cert");
  if (credit <= 0) {
    return Stated<std::string>::missing(
        "K_cert is not above zero: the measurement is too uncertain to credit a device-hour");
  }
  const Rational rate(card.waterfall.rate_micro, power_of_ten(kRateDecimals));
  return Stated<std::string>::known(rounded_text(rate * credit, kRateDecimals));
}

void add_flags(RateCard& card, const Assessment& assessment) {
  const auto add = [&card](const std::string& name, const std::string& text) {
    card.flags.push_back({name, text});
  };
  if (assessment.grade != "certified") {
    std::string why;
    for (const std::string& shortfall : assessment.shortfalls) {
      why += (why.empty() ? ": " : "; ") + shortfall;
    }
    add("indicative", "the certificate is indicative, and so is this rate" + why);
  }
  if (card.sheet.example) {
    add("example-sheet", "the cost sheet is an example: no site's accounts stand behind it");
  }
  if (!card.power_measured) add("declared-power", why_declared(assessment.power_w));
  add("energy-indicative",
      "the energy part is indicative: no series of an external meter stands behind it");
  if (!card.certificate.verified_key_id.has_value()) {
    add("signature-not-checked", card.certificate.verified_key_id.reason);
  }
  const Rational& per_node = need(card.sheet.devices_per_node);
  if (per_node != card.certificate.device_count) {
    add("node-not-loaded",
        fmt::format("the certificate loaded {} device(s) at once, a node of the sheet has {}: K of "
                    "a whole node may differ",
                    card.certificate.device_count, numerator(per_node).str()));
  }
  if (card.cost.utilisation != need(card.sheet.utilisation)) {
    add("utilisation-floor", "utilisation of " + card.sheet.utilisation.value_text +
                                 " is below the floor of " +
                                 card.sheet.used_and_useful.floor->value_text + ", which counts");
  }
  const auto& uncertain = card.sheet.uncertain_inputs;
  if (std::none_of(uncertain.begin(), uncertain.end(), [&card](const UncertainInput& input) {
        return input.pointer == card.sheet.energy.loaded_power.pointer;
      })) {
    add("power-without-uncertainty",
        "loaded power enters the interval as exactly known: neither certificate nor sheet states "
        "its uncertainty");
  }
  const std::vector<const Figure*> figures = all_figures(std::as_const(card.sheet));
  const auto unsourced = std::count_if(figures.begin(), figures.end(), [](const Figure* figure) {
    return !figure->source.has_value();
  });
  if (unsourced > 0) {
    add("assumptions", fmt::format("{} of {} figures of the cost sheet name no source", unsourced,
                                   figures.size()));
  }
  for (const std::string& flag : assessment.audit_flags) add("certificate", flag);
}

}  // namespace

RateCard price(const Certificate& certificate, const CostSheet& sheet,
               const PriceRequest& request) {
  check_valid_at(certificate, request);
  RateCard card;
  card.date_utc = request.date_utc;
  card.sheet = sheet;
  card.certificate = facts_of(certificate);
  choose_power(card, certificate.assessment.power_w);
  card.device = {parse_decimal(card.certificate.k_cu_per_h, "K"),
                 parse_decimal(card.loaded_power_w, "loaded power")};
  card.cost = cost_of_service(sheet, card.device, Rounding::to_fen);
  card.waterfall = waterfall(card.cost);
  card.interval =
      rate_interval(sheet, card.device, {card.certificate.u_c_cu_per_h, card.certificate.nu_eff},
                    card.waterfall.rate_micro);
  card.device_hour_cny = device_hour(card);
  add_flags(card, certificate.assessment);
  return card;
}

}  // namespace assay::pricing
