#include "pricing/rate_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/money.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/test_key.h"

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
        "expired on " + certificate.valid_until_utc + ", before the date of the rate, " + date,
        where, "certify the device again");
  }
  const std::string revoked = why_revoked(certificate, request.revocations, date);
  if (!revoked.empty()) throw input_error(revoked, where, "certify the device again");
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
  facts.test_key = signed_by_test_key(certificate);
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

/// Money on both VAT bases is converted at its own rates, but a reader should know.
bool mixes_vat_bases(const CostSheet& sheet) {
  bool included = false;
  bool excluded = false;
  for (const Figure* figure : all_figures(sheet)) {
    if (figure->vat && figure->value && *figure->value != 0) {
      (figure->vat->included ? included : excluded) = true;
    }
  }
  return included && excluded;
}

void add_sheet_flags(RateCard& card) {
  const auto add = [&card](const std::string& name, const std::string& text) {
    card.flags.push_back({name, text});
  };
  const CostSheet& sheet = card.sheet;
  if (mixes_vat_bases(sheet)) {
    add("mixed-vat-bases",
        "some amounts include VAT and some don't: each was taken ex VAT at its "
        "own rate");
  }
  if (sheet.allocation) {
    add("shared-costs", "costs that belong to no one SKU are split by " + sheet.allocation->key +
                            "; the split is kept fixed in interval and sensitivities");
  }
  for (const PathYear& year : card.path) {
    for (const std::string& note : year.notes) {
      add("path", std::to_string(year.year) + ": " + note);
    }
  }
}

void add_flags(RateCard& card, const Assessment& assessment) {
  const auto add = [&card](const std::string& name, const std::string& text) {
    card.flags.push_back({name, text});
  };
  if (card.certificate.declared) {
    add("declared-k", "nobody measured K: it is declared by the cost sheet (" +
                          card.sheet.declared_throughput->k.source.value_or("no source") +
                          "), and this rate is never certified");
  } else if (assessment.grade != "certified") {
    std::string why;
    for (const std::string& shortfall : assessment.shortfalls) {
      why += (why.empty() ? ": " : "; ") + shortfall;
    }
    add("indicative", "the certificate is indicative, and so is this rate" + why);
  }
  if (card.certificate.test_key) add("test-key", kTestKeyWarning);
  if (card.sheet.example) {
    add("example-sheet", "the cost sheet is an example: no site's accounts stand behind it");
  }
  const bool metered = card.sheet.energy.meter.has_value();
  if (!card.power_measured && !metered) {
    add("declared-power", why_declared(assessment.power_w));
  }
  if (!metered) {
    add("energy-indicative",
        "the energy part is indicative: no series of an external meter stands behind it");
  }
  if (!card.certificate.declared && !card.certificate.verified_key_id.has_value()) {
    add("signature-not-checked", card.certificate.verified_key_id.reason);
  }
  const Rational& per_node = need(card.sheet.devices_per_node);
  if (!card.certificate.declared && per_node != card.certificate.device_count) {
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
  add_sheet_flags(card);
  for (const std::string& flag : assessment.audit_flags) add("certificate", flag);
}

RateCard price_with(CertificateFacts facts, const ChosenDevice& chosen,
                    const Assessment& assessment, const CostSheet& sheet,
                    const PriceRequest& request) {
  RateCard card;
  card.date_utc = request.date_utc;
  card.sheet = sheet;
  card.certificate = std::move(facts);
  card.device = chosen.figures;
  card.power_measured = chosen.power_measured;
  card.loaded_power_w = chosen.loaded_power_w;
  card.cost = cost_of_service(sheet, card.device, Rounding::to_fen);
  card.waterfall = waterfall(card.cost);
  const ThroughputDoubt doubt{card.certificate.u_c_cu_per_h, card.certificate.nu_eff};
  card.interval = rate_interval(sheet, card.device, doubt, card.waterfall.rate_micro);
  card.device_hour_cny = device_hour(card);
  if (request.monte_carlo) {
    card.monte_carlo = monte_carlo(sheet, card.device, doubt, card.interval, *request.monte_carlo);
  }
  if (request.sensitivities) card.tornado = tornado(sheet, card.device);
  card.new_entrant = new_entrant(sheet, card.device);
  card.path = rate_path(sheet, card.cost);
  add_flags(card, assessment);
  return card;
}

}  // namespace

ChosenDevice choose_device(const Certificate& certificate, const CostSheet& sheet) {
  const Assessment& assessment = certificate.assessment;
  const std::string where = "certificate " + certificate.certificate_id;
  if (!assessment.k_cu_per_h.value) {
    throw input_error("states no CU rate K: " + assessment.k_cu_per_h.reason, where,
                      "certify a run of the whole basket");
  }
  ChosenDevice chosen;
  // Measured power is the device's own telemetry: it stands only where the sheet's power is too.
  chosen.power_measured =
      assessment.power_w.value.has_value() && sheet.energy.power_boundary == "device";
  if (chosen.power_measured) {
    chosen.loaded_power_w = shortest_decimal(*assessment.power_w.value, "measured power");
  } else {
    (void)need(sheet.energy.loaded_power);
    chosen.loaded_power_w = sheet.energy.loaded_power.value_text;
  }
  chosen.figures = {parse_decimal(shortest_decimal(*assessment.k_cu_per_h.value, where), "K"),
                    parse_decimal(chosen.loaded_power_w, "loaded power")};
  return chosen;
}

RateCard price(const Certificate& certificate, const CostSheet& sheet,
               const PriceRequest& request) {
  if (!sheet.skus.empty()) {
    throw input_error("a mixed fleet of " + std::to_string(sheet.skus.size()) + " SKUs",
                      place(sheet.file, "/skus"), "give the certificate of each SKU");
  }
  check_valid_at(certificate, request);
  CertificateFacts facts = facts_of(certificate);
  return price_with(std::move(facts), choose_device(certificate, sheet), certificate.assessment,
                    sheet, request);
}

RateCard price_declared(const CostSheet& sheet, const PriceRequest& request) {
  if (!sheet.declared_throughput) {
    throw input_error("no certificate is given, and the sheet declares no throughput", sheet.file,
                      "give --certificate, or state declared_throughput with its source");
  }
  const DeclaredThroughput& declared = *sheet.declared_throughput;
  const std::string none = "K is declared, not measured";
  Assessment assessment;
  assessment.grade = "assumed";
  assessment.power_w = Stated<double>::missing(none);
  CertificateFacts facts;
  facts.declared = true;
  facts.grade = assessment.grade;
  facts.basket = {declared.basket_name, declared.basket_version, declared.basket_digest};
  facts.device = declared.device;
  (void)need(declared.k);
  facts.k_cu_per_h = declared.k.value_text;
  facts.verified_key_id = facts.u_c_cu_per_h = facts.nu_eff = facts.k_cert_cu_per_h =
      Stated<std::string>::missing(none);
  (void)need(sheet.energy.loaded_power);
  ChosenDevice chosen;
  chosen.loaded_power_w = sheet.energy.loaded_power.value_text;
  chosen.figures = {need(declared.k), need(sheet.energy.loaded_power)};
  return price_with(std::move(facts), chosen, assessment, sheet, request);
}

}  // namespace assay::pricing
