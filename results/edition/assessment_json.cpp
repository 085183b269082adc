#include "results/edition/assessment_json.h"

#include "results/json_fields.h"
#include "results/stated_json.h"

namespace assay {
namespace {

using nlohmann::json;

template <class Visit, class Figures>
void item_fields(Visit&& visit, Figures& item) {
  visit("workload", item.workload);
  visit("family", item.family);
  visit("kind", item.kind);
  visit("basket_item", item.basket_item);
  visit("share", item.share);
  visit("flops", item.flops);
  visit("bytes", item.bytes);
  visit("precision", item.precision);
  visit("process_pflops", item.process_pflops);
  visit("pflops", item.pflops);
  visit("gigabytes_per_s", item.gigabytes_per_s);
  visit("within_relative", item.within_relative);
  visit("within_degrees", item.within_degrees);
  visit("between_relative", item.between_relative);
  visit("median_s", item.median_s);
  visit("p5_s", item.p5_s);
  visit("p95_s", item.p95_s);
  visit("mad_s", item.mad_s);
  visit("drift_relative", item.drift_relative);
  visit("effective_samples", item.effective_samples);
  visit("mean_over_median", item.mean_over_median);
  visit("converged", item.converged);
  visit("first_loss", item.first_loss);
  visit("final_loss", item.final_loss);
  visit("failures", item.failures);
  visit("flags", item.flags);
  visit("energy_j_per_iteration", item.energy_j_per_iteration);
  visit("power_w", item.power_w);
}

template <class Visit, class Line>
void budget_fields(Visit&& visit, Line& line) {
  visit("name", line.name);
  visit("type", line.type);
  visit("u_cu_per_h", line.u_cu_per_h);
  visit("degrees_of_freedom", line.degrees_of_freedom);
  visit("source", line.source);
}

template <class Visit, class Utilisation>
void mfu_fields(Visit&& visit, Utilisation& mfu) {
  visit("nominal", mfu.nominal);
  visit("clock_adjusted", mfu.clock_adjusted);
  visit("measured", mfu.measured);
  visit("palm_nominal", mfu.palm_nominal);
}

template <class Visit, class Figures>
void device_fields(Visit&& visit, Figures& device) {
  visit("id", device.id);
  visit("uuid", device.uuid);
  visit("process_cu_per_h", device.process_cu_per_h);
  visit("k_cu_per_h", device.k_cu_per_h);
  visit("u_c_cu_per_h", device.u_c_cu_per_h);
  visit("item_pflops", device.item_pflops);
  visit("weights", device.weights);
  visit("failures", device.failures);
}

/// All but the devices.
template <class Visit, class Figures>
void many_devices_fields(Visit&& visit, Figures& many) {
  visit("slowest_device", many.slowest_device);
  visit("common_window_share", many.common_window_share);
  visit("u_c_sum_cu_per_h", many.u_c_sum_cu_per_h);
  visit("expanded_sum_cu_per_h", many.expanded_sum_cu_per_h);
  visit("k_sum_cert_cu_per_h", many.k_sum_cert_cu_per_h);
  visit("process_gang_cu_per_h", many.process_gang_cu_per_h);
  visit("u_c_gang_cu_per_h", many.u_c_gang_cu_per_h);
  visit("expanded_gang_cu_per_h", many.expanded_gang_cu_per_h);
  visit("k_gang_cert_cu_per_h", many.k_gang_cert_cu_per_h);
  visit("u_c_eta", many.u_c_eta);
  visit("expanded_eta", many.expanded_eta);
}

/// All but the nested structs.
template <class Visit, class Figures>
void flat_fields(Visit&& visit, Figures& assessment) {
  visit("edition", assessment.edition);
  visit("grade", assessment.grade);
  visit("shortfalls", assessment.shortfalls);
  visit("audit_flags", assessment.audit_flags);
  visit("process_cu_per_h", assessment.process_cu_per_h);
  visit("k_cu_per_h", assessment.k_cu_per_h);
  visit("u_c_cu_per_h", assessment.u_c_cu_per_h);
  visit("nu_eff", assessment.nu_eff);
  visit("coverage_factor", assessment.coverage_factor);
  visit("expanded_cu_per_h", assessment.expanded_cu_per_h);
  visit("k_cert_cu_per_h", assessment.k_cert_cu_per_h);
  visit("k_sum_cu_per_h", assessment.k_sum_cu_per_h);
  visit("k_gang_cu_per_h", assessment.k_gang_cu_per_h);
  visit("eta", assessment.eta);
  visit("geometric_mean_pflops", assessment.geometric_mean_pflops);
  visit("power_w", assessment.power_w);
  visit("energy_j_per_cu", assessment.energy_j_per_cu);
  visit("clock_resolution_relative", assessment.clock_resolution_relative);
}

json items_json(const std::vector<ItemFigures>& items) {
  json array = json::array();
  for (const ItemFigures& item : items) item_fields(field_writer(array.emplace_back()), item);
  return array;
}

std::vector<ItemFigures> items_from(const json& array) {
  std::vector<ItemFigures> items;
  for (const json& object : array) item_fields(field_reader(object), items.emplace_back());
  return items;
}

json many_devices_json(const ManyDevices& many) {
  json object;
  many_devices_fields(field_writer(object), many);
  for (const DeviceFigures& device : many.devices) {
    device_fields(field_writer(object["devices"].emplace_back()), device);
  }
  return object;
}

ManyDevices many_devices_from(const json& object) {
  ManyDevices many;
  many_devices_fields(field_reader(object), many);
  for (const json& device : object.at("devices")) {
    device_fields(field_reader(device), many.devices.emplace_back());
  }
  return many;
}

}  // namespace

json to_json(const Assessment& assessment) {
  json object;
  flat_fields(field_writer(object), assessment);
  object["items"] = items_json(assessment.items);
  object["kernels"] = items_json(assessment.kernels);
  object["budget"] = json::array();
  for (const BudgetLine& line : assessment.budget) {
    budget_fields(field_writer(object["budget"].emplace_back()), line);
  }
  mfu_fields(field_writer(object["mfu"]), assessment.mfu);
  if (assessment.many_devices) object["many_devices"] = many_devices_json(*assessment.many_devices);
  return object;
}

Assessment assessment_from_json(const json& object) {
  Assessment assessment;
  flat_fields(field_reader(object), assessment);
  assessment.items = items_from(object.at("items"));
  assessment.kernels = items_from(object.at("kernels"));
  for (const json& line : object.at("budget")) {
    budget_fields(field_reader(line), assessment.budget.emplace_back());
  }
  mfu_fields(field_reader(object.at("mfu")), assessment.mfu);
  if (object.contains("many_devices")) {
    assessment.many_devices = many_devices_from(object.at("many_devices"));
  }
  return assessment;
}

}  // namespace assay
