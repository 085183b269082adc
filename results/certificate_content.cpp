#include "results/certificate_content.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "results/edition/assessment_json.h"
#include "results/edition/utilisation.h"
#include "results/result_io.h"
#include "results/stated_json.h"
#include "results/utc_time.h"

namespace assay {
namespace {

using nlohmann::json;

json declared(const std::string& text, const char* what) {
  return text.empty() ? json(Stated<std::string>::missing(fmt::format("{} was not stated", what)))
                      : json(Stated<std::string>::known(text));
}

json missing(const std::string& reason) {
  return Stated<double>::missing(reason);
}

/// RFC 9562, version 4.
std::string random_urn() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw input_error("OpenSSL has no randomness for the certificate's identity", "certificate");
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  std::string urn = "urn:uuid:";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) urn += '-';
    urn += fmt::format("{:02x}", bytes[i]);
  }
  return urn;
}

std::string coverage_text(const Assessment& assessment) {
  if (!assessment.coverage_factor.has_value()) {
    return "No interval is stated: " + assessment.coverage_factor.reason + ".";
  }
  const std::string degrees =
      assessment.nu_eff.has_value()
          ? fmt::format("{:.1f} effective degrees of freedom", *assessment.nu_eff.value)
          : "infinite degrees of freedom";
  return fmt::format(
      "The expanded uncertainty is the combined standard uncertainty times {:.3f}, Student's t for "
      "{} and a coverage probability of 95 %. The certified rate is the lower end of a one-sided "
      "interval of 95 %.",
      *assessment.coverage_factor.value, degrees);
}

std::string traceability_text(const ResultDocument& result) {
  const std::string rate =
      result.timer.rate_error_relative.has_value()
          ? fmt::format("whose rate was compared with an external reference ({:.3g} relative)",
                        *result.timer.rate_error_relative.value)
          : "whose rate was not compared with an external reference (" +
                result.timer.rate_error_relative.reason + ")";
  return fmt::format(
      "Work is counted exactly by the edition's definition of model FLOPs. Time is that of {}, {}.",
      result.timer.clock, rate);
}

/// What readers in the trade look for: the printed figure, and how much of it is delivered.
json trade_json(const ResultDocument& result, const Assessment& assessment) {
  const PeakTable table = load_peaks();
  const PeakLookup peaks = look_up_peaks(result.device, table);
  const Stated<std::string> precision = scored_precision(assessment.items);
  const auto site = [](const char* what) {
    return missing(fmt::format("{} is a figure of a site over a period, not of a device", what));
  };
  json trade = {{"delivered_over_nominal", assessment.mfu.nominal},
                {"availability", site("availability")},
                {"pue", site("power usage effectiveness")}};
  std::string reason = peaks.reason;
  std::optional<double> nominal;
  if (peaks.accelerator && precision.has_value()) {
    nominal = nominal_peak_tflops(*peaks.accelerator, *precision.value);
    reason = "the table has no peak in " + *precision.value;
  } else if (peaks.accelerator) {
    reason = precision.reason;
  }
  if (nominal) {
    trade["nominal_peak_pflops"] = Stated<double>::known(*nominal * 1e-3);
    trade["nominal_precision"] = precision;
    trade["nominal_basis"] = Stated<std::string>::known(
        fmt::format("dense, accumulation in FP32, as printed; {} (grade {}, sources {})",
                    peaks.accelerator->sku, peaks.accelerator->confidence,
                    fmt::join(peaks.accelerator->sources, ", ")));
  } else {
    trade["nominal_peak_pflops"] = missing(reason);
    trade["nominal_precision"] = trade["nominal_basis"] = Stated<std::string>::missing(reason);
  }
  const auto fp32 =
      peaks.accelerator ? nominal_peak_tflops(*peaks.accelerator, "fp32") : std::nullopt;
  trade["fp32_peak_pflops"] =
      fp32 ? json(Stated<double>::known(*fp32 * 1e-3))
           : missing(peaks.accelerator ? "the table has no FP32 peak" : peaks.reason);
  return trade;
}

}  // namespace

json derived_content(const ResultDocument& result, const std::string& result_digest) {
  const Assessment assessment = assess(result);
  if (!result.basket || assessment.items.empty()) {
    throw check_error("nothing was scored, so there is nothing to certify", "result",
                      "run a suite with a basket and without a filter that leaves all of it out");
  }
  // The sections that a certificate repeats stand in the same form as in the result document.
  ResultDocument header = result;
  header.processes.clear();
  header.complete = false;
  header.incomplete_reason = "only the header is repeated";
  const json document = to_json(header);
  json item = {{"device", document.at("device")},
               {"device_count", result.device_count},
               {"condition", "as found: clocks, power cap and host as listed under conditions"}};
  if (document.contains("devices")) item["devices"] = document.at("devices");
  json seeds = json::array();
  for (const ProcessRecord& process : result.processes) seeds.push_back(process.seed);
  return {
      {"measured",
       {{"started_utc", result.processes.front().started_utc},
        {"recorded_utc", result.created_utc}}},
      {"method",
       {{"edition", result.edition},
        {"suite", document.at("suite")},
        {"basket", document.at("basket")}}},
      {"item", std::move(item)},
      {"conditions", document.at("conditions")},
      {"environment", document.at("environment")},
      {"tool", document.at("tool")},
      {"timer", document.at("timer")},
      {"traceability", traceability_text(result)},
      {"coverage", coverage_text(assessment)},
      {"seeds", {{"nonce", result.nonce}, {"run", result.seed}, {"processes", std::move(seeds)}}},
      {"digests", {{"result", result_digest}, {"basket", result.basket->digest}}},
      {"trade", trade_json(result, assessment)},
      {"assessment", to_json(assessment)}};
}

json declared_content(const CertificateRequest& request) {
  if (request.validity_days < 1) {
    throw input_error("a certificate must be valid for at least a day", "validity");
  }
  const std::string issued = request.issued_utc.empty() ? utc_now() : request.issued_utc;
  return {{"schema", {{"name", "assay.certificate"}, {"version", 1}}},
          {"signature_suite", {{"signature", "ed25519"}, {"digest", "sha256"}}},
          {"certificate_id", random_urn()},
          {"laboratory", declared(request.laboratory, "the laboratory")},
          {"accreditation", missing("the program can't know of one and claims none")},
          {"customer", declared(request.customer, "the customer")},
          {"signatory", declared(request.signatory, "the signatory")},
          {"issued_utc", issued},
          {"valid_until_utc", utc_plus_days(issued, request.validity_days)},
          {"amends", missing("a first issue")},
          {"revocation", missing("not revoked at issue; ask the registry for what happened since")},
          {"scope", "The results relate only to the items tested."},
          {"conformity",
           {{"statement", missing("no requirement was agreed to conform to")},
            {"decision_rule", missing("there is no statement of conformity")},
            {"false_accept_risk", missing("there is no statement of conformity")}}}};
}

}  // namespace assay
