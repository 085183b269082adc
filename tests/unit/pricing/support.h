#pragma once
/// Cost sheets and certificates for the tests of pricing.
#include <functional>
#include <string>

#include "base/error.h"
#include "pricing/cost_sheet.h"
#include "pricing/rate_card.h"
#include "results/document.h"

namespace assay::pricing::test {

inline nlohmann::json example_document(const std::string& name) {
  const std::string path =
      std::string(ASSAY_SOURCE_DIR) + "/pricing/data/examples/" + name + ".json";
  return parse_json(read_file(path), path);
}

inline nlohmann::json worked_document() {
  return example_document("h800-node-worked");
}

inline nlohmann::json::json_pointer pointer(const std::string& text) {
  return nlohmann::json::json_pointer(text);
}

/// A figure's fields in a sheet's JSON.
inline nlohmann::json figure(const std::string& value, const std::string& unit) {
  nlohmann::json document = {
      {"value", value}, {"unit", unit}, {"source", nullptr}, {"date", nullptr}, {"note", "test"}};
  if (!currency_of(unit).empty()) document["vat"] = {{"basis", "excluded"}, {"rate", nullptr}};
  return document;
}

inline CostSheet sheet_of(const nlohmann::json& document) {
  return cost_sheet_from_json(document, "sheet.json");
}

/// One H800 of the worked figure: 40 % of 989.4 TFLOP/s, and the power the sheet declares.
inline DeviceFigures worked_device() {
  return {parse_decimal("0.39576", "K"), parse_decimal("1187.5", "power")};
}

inline Certificate worked_certificate() {
  Certificate certificate;
  certificate.certificate_id = "urn:uuid:00000000-0000-4000-8000-000000000001";
  certificate.issued_utc = "2026-01-01T00:00:00Z";
  certificate.valid_until_utc = "2026-12-31T00:00:00Z";
  certificate.result_digest = std::string(64, 'a');
  certificate.basket = {"tb1", "1", std::string(64, 'b')};
  certificate.device.name = "simulated H800";
  certificate.device_count = 8;
  certificate.predicate = {{"simulated", true}};
  certificate.verified_key_id = std::string(64, 'c');
  Assessment& assessment = certificate.assessment;
  assessment.grade = "certified";
  assessment.k_cu_per_h = Stated<double>::known(0.39576);
  assessment.u_c_cu_per_h = Stated<double>::known(0.002);
  assessment.nu_eff = Stated<double>::known(4.0);
  assessment.k_cert_cu_per_h = Stated<double>::known(0.3915);
  assessment.power_w = Stated<double>::missing("no telemetry");
  return certificate;
}

/// The line a user sees when `action` throws; empty where it does not, or where the exit code is
/// not that of unusable input.
inline std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == ExitCode::usage ? error.line() : "";
  }
  return "";
}

/// Priced in the middle of the examples' test year.
inline const PriceRequest kMidYear{"2026-06-01T00:00:00Z", {}};

}  // namespace assay::pricing::test
