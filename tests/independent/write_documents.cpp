/// Writes cost sheets of increasing difficulty and the rate cards priced from them:
/// <folder>/<case>/cost-sheet.json and rate-card.json; of a mixed fleet site.json and a card a SKU.
/// The certificates are made up and say so.
#include <filesystem>
#include <iostream>

#include "pricing/cost_sheet_import.h"
#include "pricing/site_rate.h"
#include "unit/pricing/support.h"

namespace {

using namespace assay;
using namespace assay::pricing;
using nlohmann::json;
using pricing::test::figure;
using pricing::test::pointer;
using pricing::test::worked_document;

const PriceRequest kMidYear{"2026-06-01T00:00:00Z", {}};
/// With draws and the tornado.
const PriceRequest kFull{"2026-06-01T00:00:00Z", {}, MonteCarloRequest{20000, 77, 2}, true};

void write_case(const std::filesystem::path& folder, const std::string& name, const json& sheet,
                const Certificate& certificate) {
  const std::filesystem::path place = folder / name;
  std::filesystem::create_directories(place);
  const RateCard card =
      price(certificate, cost_sheet_from_json(sheet, name + "/cost-sheet.json"), kMidYear);
  write_document(place / "cost-sheet.json", sheet);
  write_document(place / "rate-card.json", to_json(card));
}

json line(const std::string& name, const std::string& value, const std::string& unit) {
  return {{"name", name}, {"figure", figure(value, unit)}};
}

json with_vat(json money, const std::string& rate) {
  money["vat"] = {{"basis", "included"}, {"rate", rate}};
  return money;
}

json uncertain(const std::string& place, const std::string& u, const std::string& correlation) {
  return {{"figure", place},      {"standard_uncertainty", u},
          {"source", nullptr},    {"correlation_with_k", correlation},
          {"note", "for a test"}, {"distribution", "normal"}};
}

/// Every money figure includes VAT, at three rates; a demand charge; power in parts.
json vat_and_power_in_parts() {
  json sheet = worked_document();
  json& server = sheet["asset_classes"][0];
  server["price"] = with_vat(server["price"], "0.13");
  json& upkeep = sheet["operation_and_maintenance"][0]["figure"];
  upkeep = with_vat(upkeep, "0.06");
  json& parts = sheet["energy"]["price_parts"];
  parts = json::array({line("bought energy", "0.35", "CNY/kWh"),
                       line("transmission", "0.0600", "CNY/kWh"),
                       line("government funds", "0.0213", "CNY/kWh")});
  parts[1]["figure"] = with_vat(parts[1]["figure"], "0.13");
  sheet["energy"]["demand"] = {{"charge", with_vat(figure("25.6", "CNY/(kW month)"), "0.13")},
                               {"billed_power", figure("12.35", "kW")}};
  return sheet;
}

json moving_method(const std::string& method, const std::string& year) {
  json sheet = worked_document();
  json& server = sheet["asset_classes"][0];
  server["method"] = method;
  server["year_of_life"] = figure(year, "year");
  if (method == "tilted_annuity") server["price_trend"] = figure("-0.22", "1/year");
  return sheet;
}

json several_classes() {
  json sheet = worked_document();
  json& classes = sheet["asset_classes"];
  json network = classes[0];
  network["name"] = "network";
  network["price"] = figure("333333.33", "CNY");
  network["grants"] = figure("100000.01", "CNY");
  network["residual"] = with_vat(figure("11111.11", "CNY"), "0.13");
  network["life"]["value"] = "7";
  network["return"]["rate"]["value"] = "0";
  json building = moving_method("tilted_annuity", "3")["asset_classes"][0];
  building["name"] = "cooling";
  building["price"]["value"] = "512345.67";
  building["life"]["value"] = "12";
  building["price_trend"]["value"] = "0.07";  // equal to the return: the limit
  classes.push_back(network);
  classes.push_back(building);
  sheet["test_year"] = {{"start", "2028-01-01"}, {"end", "2028-12-31"}, {"hours", 8784}};
  return sheet;
}

json margin_and_revenue() {
  json sheet = worked_document();
  sheet["margin"] = {{"kind", "share_of_operating_cost"}, {"share", figure("0.0333", "1")}};
  sheet["other_revenue"] = json::array({line("heat sold", "1234.56", "CNY/year")});
  for (int i = 0; i < 30; ++i) {
    sheet["operation_and_maintenance"].push_back(
        line("line " + std::to_string(i), std::to_string(997 * i + 1) + ".37", "CNY/year"));
  }
  return sheet;
}

json exclusion() {
  json sheet = worked_document();
  sheet["used_and_useful"] = {
      {"rule", "exclusion"},
      {"floor", nullptr},
      {"excluded", json::array({{{"name", "node 7"}, {"reason", "never sold"}}})}};
  sheet["utilisation"]["value"] = "0.4321";
  return sheet;
}

json uncertain_inputs() {
  json sheet = vat_and_power_in_parts();
  sheet["energy"]["power_boundary"] = "device";
  sheet["uncertain_inputs"] = json::array({uncertain("/energy/loaded_power", "25.5", "0.6"),
                                           uncertain("/energy/pue/figure", "0.02", "0"),
                                           uncertain("/asset_classes/0/price", "50000", "-0.1"),
                                           uncertain("/asset_classes/0/return/rate", "0.005", "0"),
                                           uncertain("/availability", "0.01", "0")});
  return sheet;
}

void write_full(const std::filesystem::path& folder, const std::string& name, const json& sheet,
                const Certificate& certificate) {
  const CostSheet read = cost_sheet_from_json(sheet, name + "/cost-sheet.json");
  const RateCard card =
      read.declared_throughput ? price_declared(read, kFull) : price(certificate, read, kFull);
  write_document(folder / name / "cost-sheet.json", sheet);
  write_document(folder / name / "rate-card.json", to_json(card));
}

void write_fleet(const std::filesystem::path& folder, const std::string& name, const json& sheet,
                 const Certificate& certificate) {
  Certificate h800 = certificate;
  h800.device.name = "simulated H800";
  Certificate a800 = certificate;
  a800.device.name = "simulated A800";
  a800.assessment.k_cu_per_h = Stated<double>::known(0.15123456789);
  a800.assessment.nu_eff = Stated<double>::known(7.25);
  const SiteRate site =
      price_site({h800, a800}, cost_sheet_from_json(sheet, name + "/cost-sheet.json"), kFull);
  write_document(folder / name / "cost-sheet.json", sheet);
  for (const RateCard& card : site.cards) {
    write_document(folder / name / (card.sheet.allocation->sku + ".json"), to_json(card));
  }
  write_document(folder / name / "site.json", to_json(site));
}

/// The example whose assets and power come from CSV, completed.
json completed_from_csv() {
  const std::filesystem::path examples =
      std::filesystem::path(ASSAY_SOURCE_DIR) / "pricing" / "data" / "examples";
  json sheet = pricing::test::example_document("synthetic-c-post-tax");
  import_assets(sheet, examples / "synthetic-c-assets.csv", "sheet");
  import_meter(sheet, examples / "synthetic-c-meter.csv", "sheet");
  return sheet;
}

void write_all(const std::filesystem::path& folder) {
  const Certificate certificate = pricing::test::worked_certificate();
  write_case(folder, "01-worked-figure", worked_document(), certificate);

  Certificate cpu = certificate;
  cpu.device_count = 1;
  cpu.assessment.grade = "indicative";
  cpu.assessment.k_cu_per_h = Stated<double>::known(0.000412345678901234);
  cpu.assessment.u_c_cu_per_h = Stated<double>::known(2.1e-06);
  cpu.assessment.nu_eff = Stated<double>::known(2.7182818284590451);
  cpu.assessment.k_cert_cu_per_h = Stated<double>::known(0.00040599999999999995);
  write_case(folder, "02-cpu-node", pricing::test::example_document("example-cpu-node"), cpu);

  write_case(folder, "03-vat-and-power-in-parts", vat_and_power_in_parts(), certificate);
  write_case(folder, "04-declining-base", moving_method("declining_base", "3"), certificate);
  write_case(folder, "05-tilted-annuity", moving_method("tilted_annuity", "2"), certificate);
  write_case(folder, "06-several-classes", several_classes(), certificate);
  write_case(folder, "07-margin-and-revenue", margin_and_revenue(), certificate);
  write_case(folder, "08-exclusion", exclusion(), certificate);

  Certificate measured = certificate;
  measured.assessment.power_w = Stated<double>::known(698.1234567891234);
  write_case(folder, "09-uncertain-inputs", uncertain_inputs(), measured);

  Certificate single = certificate;
  single.assessment.u_c_cu_per_h = Stated<double>::missing("one process");
  single.assessment.nu_eff = Stated<double>::missing("one process");
  single.assessment.k_cert_cu_per_h = Stated<double>::missing("one process");
  write_case(folder, "10-no-uncertainty", worked_document(), single);

  const auto example = [](const std::string& name) {
    return pricing::test::example_document(name);
  };
  for (const char* name : {"11-whole-bill", "12-post-tax", "13-china", "14-united-states",
                           "15-mixed-fleet-by-cu", "16-mixed-fleet-by-capital"}) {
    std::filesystem::create_directories(folder / name);
  }
  write_full(folder, "11-whole-bill", example("synthetic-a-whole-bill"), certificate);
  Certificate no_degrees = certificate;
  no_degrees.assessment.nu_eff = Stated<double>::missing("not stated");
  write_full(folder, "12-post-tax", completed_from_csv(), no_degrees);
  write_full(folder, "13-china", example("china-h800-hub"), certificate);
  write_full(folder, "14-united-states", example("united-states-h100"), certificate);
  json fleet = example("synthetic-b-mixed-fleet");
  write_fleet(folder, "15-mixed-fleet-by-cu", fleet, certificate);
  fleet["shared_cost_key"] = "capital";
  write_fleet(folder, "16-mixed-fleet-by-capital", fleet, certificate);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::cerr << "usage: independent_documents FOLDER\n";
    return 2;
  }
  try {
    write_all(arguments[1]);
  } catch (const Error& error) {
    std::cerr << error.line() << '\n';
    return 1;
  }
  return 0;
}
