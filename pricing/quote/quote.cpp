#include "pricing/quote/quote.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "pricing/audit/sites.h"
#include "results/document.h"
#include "results/edition/compute_unit.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

Rational exact(double value, const std::string& where) {
  return parse_decimal(shortest_decimal(value, where), where);
}

/// The throughput that a job is held against, and its uncertainty.
struct Throughput {
  std::string item;
  Rational pflops;
  std::optional<double> relative;  ///< expanded (95 %)
  std::string missing;             ///< why there is none
};

/// Of one device; of several, their mean, since the gang's factor holds them against the slowest.
double item_pflops(const Assessment& assessment, const ItemFigures& item) {
  if (!assessment.many_devices) return item.pflops;
  double sum = 0.0;
  for (const assay::DeviceFigures& device : assessment.many_devices->devices) {
    const auto figure = device.item_pflops.find(item.basket_item);
    if (figure == device.item_pflops.end()) return item.pflops;
    sum += figure->second;
  }
  return sum / static_cast<double>(assessment.many_devices->devices.size());
}

Throughput throughput_of(const Certificate& certificate,
                         const std::optional<NearestItem>& nearest) {
  const Assessment& assessment = certificate.assessment;
  const std::string where = certificate.certificate_id;
  Throughput found;
  if (!nearest) {
    found.item = "the whole basket";
    found.pflops = exact(*assessment.k_cu_per_h.value, where);
    if (assessment.expanded_cu_per_h.has_value()) {
      found.relative = *assessment.expanded_cu_per_h.value / *assessment.k_cu_per_h.value;
    }
    return found;
  }
  found.item = nearest->name;
  const auto figures = std::find_if(
      assessment.items.begin(), assessment.items.end(),
      [&](const ItemFigures& one) { return one.basket_item == nearest->name && one.pflops > 0; });
  if (figures == assessment.items.end()) {
    found.missing = "the certificate has no figure of the basket item '" + nearest->name + "'";
    return found;
  }
  found.pflops = exact(item_pflops(assessment, *figures), where);
  if (assessment.coverage_factor.has_value()) {
    found.relative = *assessment.coverage_factor.value *
                     std::hypot(figures->within_relative, figures->between_relative);
  }
  return found;
}

/// Why a certificate carries no quote; empty where it does. One that is indicative does.
std::string why_unusable(const Certificate& certificate, const QuoteInput& input) {
  if (certificate.basket.digest != input.basket.digest) {
    return "the certificate is of another basket: " + certificate.basket.name;
  }
  std::string invalid = why_not_valid(certificate, input.revocations, input.date_utc);
  if (!invalid.empty()) return invalid;
  const Assessment& assessment = certificate.assessment;
  if (!assessment.k_cu_per_h.has_value()) return "no K: " + assessment.k_cu_per_h.reason;
  if (!assessment.k_cert_cu_per_h.has_value()) {
    return "no K_cert: " + assessment.k_cert_cu_per_h.reason;
  }
  if (*assessment.k_cert_cu_per_h.value <= 0) return "K_cert is not above 0";
  return {};
}

/// Everything of a row but its price.
QuoteRow row_of(const Certificate& certificate, const QuoteInput& input, const Quote& quote) {
  QuoteRow row;
  row.certificate_id = certificate.certificate_id;
  row.test_key = signed_by_test_key(certificate);
  row.reason = why_unusable(certificate, input);
  if (!row.reason.empty()) return row;
  const Throughput throughput = throughput_of(certificate, quote.nearest);
  row.item = throughput.item;
  row.reason = throughput.missing;
  if (!row.reason.empty()) return row;
  row.pflops = throughput.pflops;
  row.hours_relative = throughput.relative;
  row.gang = gang_rate(certificate, input.devices);
  const Rational per_hour =
      Rational(Integer(kFlopsPerComputeUnit)) * input.devices * row.pflops * row.gang.factor;
  row.hours = quote.flops / per_hour;
  row.billed_cu = row.hours * input.devices *
                  exact(*certificate.assessment.k_cert_cu_per_h.value, row.certificate_id);
  if (!row.gang.flag.empty()) row.flags.push_back(row.gang.flag);
  if (quote.nearest) {
    if (quote.nearest->beyond_sizes) row.flags.emplace_back("beyond-basket-sizes");
    if (quote.nearest->longer_sequence) row.flags.emplace_back("longer-sequence");
    if (quote.nearest->other_kind) row.flags.emplace_back("no-item-of-its-kind");
  }
  if (certificate.assessment.grade != "certified") row.flags.emplace_back("uncertified");
  return row;
}

void set_price(QuoteRow& row, Offer offer, const QuoteInput& input) {
  row.offer = std::move(offer);
  if (!row.reason.empty()) return;
  row.price_low = row.billed_cu * row.offer.low;
  row.price_high = row.billed_cu * row.offer.high;
  if (input.claim) row.voucher = input.claim->of(row.price_high, row.billed_cu);
  if (!row.offer.grade.empty() && row.offer.grade != "certified") {
    row.flags.push_back("rate-" + row.offer.grade);
  }
  if (row.price_low != row.price_high) row.flags.emplace_back("price-unstated");
}

QuoteRow without_figure(Offer offer, std::string reason) {
  QuoteRow row;
  row.offer = std::move(offer);
  row.reason = std::move(reason);
  return row;
}

QuoteRow row_of_card(const json& card, const QuoteInput& input, const Quote& quote) {
  Offer offer;
  offer.basis = "rate card";
  offer.seller = card.at("site").at("operator").get<std::string>();
  offer.site = card.at("name").get<std::string>();
  offer.source = "sha256:" + digest(card);
  offer.grade = card.at("grade").get<std::string>();
  offer.low = parse_decimal(card.at("rate").at("cny_per_cu").get<std::string>(), offer.source);
  offer.high = offer.low;
  const json& named = card.at("certificate");
  if (named.is_null()) {
    offer.sku = card.at("declared_throughput").at("device").get<std::string>();
    return without_figure(std::move(offer), "K is declared: no throughput was measured");
  }
  offer.sku = named.at("device").get<std::string>();
  const auto found = std::find_if(
      input.certificates.begin(), input.certificates.end(), [&named](const Certificate& one) {
        return named.at("id") == one.certificate_id && named.at("digest") == digest(one.predicate);
      });
  if (found == input.certificates.end()) {
    return without_figure(std::move(offer), "the card's certificate is not among those given: " +
                                                named.at("id").get<std::string>());
  }
  QuoteRow row = row_of(*found, input, quote);
  set_price(row, std::move(offer), input);
  return row;
}

QuoteRow row_of_tariff(const Tariff& tariff, Sites& sites, const QuoteInput& input,
                       const Quote& quote) {
  Offer offer;
  offer.basis = "posted price";
  offer.seller = tariff.seller;
  offer.site = tariff.site;
  offer.sku = tariff.sku;
  offer.source = input.tariffs_file + ":" + std::to_string(tariff.line);
  offer.posted = tariff.price_text + " " + tariff.currency + "/" + std::string(tariff.unit->name);
  const RowContext& context = sites.behind(tariff);
  if (context.certificate == nullptr) return without_figure(std::move(offer), context.reason);
  const Converted converted = convert(tariff, *context.device, input.vat_rates_unstated);
  if (converted.readings.empty()) return without_figure(std::move(offer), converted.reason);
  const auto [low, high] = std::minmax_element(converted.readings.begin(), converted.readings.end(),
                                               [](const Conversion& a, const Conversion& b) {
                                                 return less(a.ceiling_side, b.ceiling_side);
                                               });
  offer.low = low->ceiling_side;
  offer.high = high->ceiling_side;
  QuoteRow row = row_of(*context.certificate, input, quote);
  set_price(row, std::move(offer), input);
  return row;
}

std::vector<std::string> assumptions_of(const QuoteInput& input, const Quote& quote) {
  std::vector<std::string> texts;
  const Job& job = input.job;
  if (job.kind == JobKind::parameters) {
    texts.emplace_back(
        "6 FLOPs for each parameter that multiplies a token, and none for attention's own "
        "products: "
        "name the model's configuration to have them counted");
  }
  if (job.width_estimated) {
    texts.emplace_back(
        "the model's width is that of a usual one of its size: 12 layers' "
        "parameters for each square of the width, a layer for each 128 of it");
  }
  if (quote.nearest) {
    texts.emplace_back(
        "the job trains at the measured rate of the nearest basket item, at the basket's precision "
        "(" +
        input.basket.precision + ") and batch, once and without a failed run");
  } else {
    texts.emplace_back("the job is a mix of work like the basket's");
  }
  if (input.claim) {
    texts.emplace_back(
        "the voucher is that of the claim with each offer's price in it: each seller is taken to "
        "stand with the programme as the claim's supplier does");
  }
  texts.emplace_back(
      "prices are ex VAT and of the compute alone: no storage, no transfer, no set-up");
  return texts;
}

int rank(const QuoteRow& row) {
  if (!row.reason.empty()) return 2;
  return row.gang.at_least ? 1 : 0;
}

}  // namespace

GangRate gang_rate(const Certificate& certificate, std::int64_t devices) {
  const Assessment& assessment = certificate.assessment;
  GangRate gang;
  const bool measured = assessment.k_gang_cu_per_h.has_value() &&
                        assessment.k_sum_cu_per_h.has_value() &&
                        *assessment.k_sum_cu_per_h.value > 0 && certificate.device_count > 1;
  if (measured) {
    gang.measured_devices = certificate.device_count;
    if (assessment.eta.has_value()) {
      gang.eta = exact(*assessment.eta.value, certificate.certificate_id);
    }
  }
  if (devices == 1) return gang;
  if (!measured) {
    gang.at_least = true;
    gang.flag = "no-gang-rate";
    return gang;
  }
  gang.factor = exact(*assessment.k_gang_cu_per_h.value, certificate.certificate_id) /
                exact(*assessment.k_sum_cu_per_h.value, certificate.certificate_id);
  if (devices > gang.measured_devices) {
    gang.at_least = true;
    gang.flag = "beyond-measured-devices";
  } else if (devices < gang.measured_devices) {
    gang.flag = "gang-rate-of-more-devices";
  }
  return gang;
}

Quote make_quote(const QuoteInput& input) {
  if (input.rate_cards.empty() && input.tariffs.empty()) {
    throw input_error("nothing to quote from", "quote", "give --rate-cards, --tariffs or both");
  }
  Quote quote;
  quote.flops = model_flops(input.job);
  if (input.job.kind != JobKind::compute_units) {
    quote.nearest = nearest_item(input.job, input.basket);
  }
  quote.assumptions = assumptions_of(input, quote);
  for (const json& card : input.rate_cards) {
    quote.rows.push_back(row_of_card(card, input, quote));
  }
  AuditInput certified;  // what the audit knows of whom a certificate belongs to
  certified.certificates = input.certificates;
  certified.revocations = input.revocations;
  certified.basket = input.basket.name;
  certified.date_utc = input.date_utc;
  Sites sites(certified);
  for (const Tariff& tariff : input.tariffs) {
    quote.rows.push_back(row_of_tariff(tariff, sites, input, quote));
  }
  std::stable_sort(quote.rows.begin(), quote.rows.end(), [](const QuoteRow& a, const QuoteRow& b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    return a.reason.empty() && a.pays() < b.pays();
  });
  return quote;
}

}  // namespace assay::pricing
