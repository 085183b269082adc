#include "results/result_io.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "results/document.h"
#include "results/embedded.h"
#include "results/json_fields.h"
#include "results/json_path.h"
#include "results/result_rules.h"
#include "results/stated_json.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr const char* kKind = "result";

/// JSON has no NaN: null stands for an observation that was not a finite number.
json observation_json(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}
double observation_from(const json& field) {
  return field.is_null() ? std::numeric_limits<double>::quiet_NaN() : field.get<double>();
}
json observations_json(const std::vector<double>& values) {
  json array = json::array();
  for (const double value : values) array.push_back(observation_json(value));
  return array;
}
std::vector<double> observations_from(const json& array) {
  std::vector<double> values;
  values.reserve(array.size());
  for (const json& field : array) values.push_back(observation_from(field));
  return values;
}

template <class Visit, class Record>
void tool_fields(Visit&& visit, Record& tool) {
  visit("name", tool.name);
  visit("version", tool.version);
  visit("commit", tool.commit);
  visit("dirty", tool.dirty);
  visit("binary_sha256", tool.binary_sha256);
  visit("compiler", tool.compiler);
  visit("flags", tool.flags);
  visit("libraries", tool.libraries);
}

template <class Visit, class Record>
void suite_fields(Visit&& visit, Record& suite) {
  visit("name", suite.name);
  visit("processes", suite.processes);
  visit("item_seconds", suite.item_seconds);
  visit("target_relative", suite.target_relative);
  visit("fixed_time", suite.fixed_time);
  visit("look_factor", suite.look_factor);
  visit("effective_samples_min", suite.effective_samples_min);
  visit("warm_up_slope_max", suite.warm_up_slope_max);
  visit("filter", suite.filter);
}

template <class Visit, class Record>
void basket_fields(Visit&& visit, Record& basket) {
  visit("name", basket.name);
  visit("version", basket.version);
  visit("digest", basket.digest);
}

template <class Visit, class Record>
void device_fields(Visit&& visit, Record& device) {
  visit("backend", device.backend);
  visit("id", device.id);
  visit("name", device.name);
  visit("isa", device.isa);
  visit("units", device.units);
  visit("memory_bytes", device.memory_bytes);
  visit("uuid", device.uuid);
  visit("serial", device.serial);
  visit("firmware", device.firmware);
  visit("driver", device.driver);
  visit("last_level_cache_bytes", device.last_level_cache_bytes);
}

template <class Visit, class Record>
void timer_fields(Visit&& visit, Record& timer) {
  visit("clock", timer.clock);
  visit("resolution_ns", timer.resolution_ns);
  visit("read_cost_ns", timer.read_cost_ns);
  visit("rate_error_relative", timer.rate_error_relative);
}

/// All but the error, which may be no finite number.
template <class Visit, class Record>
void check_fields(Visit&& visit, Record& check) {
  visit("name", check.name);
  visit("bound", check.bound);
  visit("passed", check.passed);
}

/// All but the observations and the key.
template <class Visit, class Record>
void training_fields(Visit&& visit, Record& training) {
  visit("log_vocabulary", training.log_vocabulary);
  visit("entropy_rate_nats", training.entropy_rate_nats);
  visit("vocabulary", training.vocabulary);
}

/// All but what only a GPU has.
template <class Visit, class Record>
void telemetry_fields(Visit&& visit, Record& telemetry) {
  visit("energy_j", telemetry.energy_j);
  visit("power_w", telemetry.power_w);
  visit("clock_mhz_median", telemetry.clock_mhz_median);
  visit("clock_mhz_min", telemetry.clock_mhz_min);
  visit("temperature_c_max", telemetry.temperature_c_max);
  visit("throttled_share", telemetry.throttled_share);
  visit("steal_share", telemetry.steal_share);
  visit("other_load_share", telemetry.other_load_share);
}

template <class Visit, class Record>
void timing_fields(Visit&& visit, Record& timing) {
  visit("clock", timing.clock);
  visit("resolution_ns", timing.resolution_ns);
  visit("sm_clock_mhz", timing.sm_clock_mhz);
}

/// All but the nested records and what may be absent.
template <class Visit, class Record>
void item_fields(Visit&& visit, Record& item) {
  visit("workload", item.workload);
  visit("kind", item.kind);
  visit("basket_item", item.basket_item);
  visit("family", item.family);
  visit("problem", item.problem);
  visit("precision", item.precision);
  visit("inputs", item.inputs);
  visit("regime", item.regime);
  visit("flops", item.flops);
  visit("bytes", item.bytes);
  visit("tokens", item.tokens);
  visit("warm_up_iterations", item.warm_up_iterations);
  visit("warm_up_ns", item.warm_up_ns);
  visit("steady", item.steady);
  visit("batch", item.batch);
  visit("sample_end_ns", item.sample_end_ns);
  visit("converged", item.converged);
  visit("stop_reason", item.stop_reason);
  visit("looks", item.looks);
  visit("status", item.status);
  visit("error", item.error);
  visit("notes", item.notes);
}

/// All but the items.
template <class Visit, class Record>
void process_fields(Visit&& visit, Record& process) {
  visit("index", process.index);
  visit("started_utc", process.started_utc);
  visit("seed", process.seed);
  visit("order", process.order);
}

/// All but the nested records.
template <class Visit, class Record>
void result_fields(Visit&& visit, Record& result) {
  visit("created_utc", result.created_utc);
  visit("edition", result.edition);
  visit("nonce", result.nonce);
  visit("seed", result.seed);
  visit("complete", result.complete);
  visit("incomplete_reason", result.incomplete_reason);
  visit("device_count", result.device_count);
  visit("conditions", result.conditions);
  visit("environment", result.environment);
}

json check_json(const CheckRecord& check) {
  json object = {{"error", observation_json(check.error)}};
  check_fields(field_writer(object), check);
  return object;
}
void read(const json& from, CheckRecord& check) {
  check_fields(field_reader(from), check);
  check.error = observation_from(from.at("error"));
}

json training_json(const TrainingRecord& training) {
  json object = {{"losses", observations_json(training.losses)},
                 {"gradient_norms", observations_json(training.gradient_norms)},
                 {"token_key", std::to_string(training.token_key)}};
  training_fields(field_writer(object), training);
  return object;
}
void read(const json& from, TrainingRecord& training) {
  training_fields(field_reader(from), training);
  training.losses = observations_from(from.at("losses"));
  training.gradient_norms = observations_from(from.at("gradient_norms"));
  const auto& key = from.at("token_key").get_ref<const std::string&>();
  const auto end = std::from_chars(key.data(), key.data() + key.size(), training.token_key);
  if (end.ec != std::errc{}) {
    throw input_error("the figure " + key + " does not fit 64 bits", "token_key");
  }
}

json telemetry_json(const TelemetryRecord& telemetry) {
  json object;
  telemetry_fields(field_writer(object), telemetry);
  if (!telemetry.gpu) return object;
  if (telemetry.gpu->has_value()) {
    object["gpu"] = {{"value", *telemetry.gpu->value}};
  } else {
    object["gpu"] = {{"value", nullptr}, {"reason", telemetry.gpu->reason}};
  }
  return object;
}
void read(const json& from, TelemetryRecord& telemetry) {
  telemetry_fields(field_reader(from), telemetry);
  if (!from.contains("gpu")) return;
  const json& gpu = from.at("gpu");
  telemetry.gpu = gpu.at("value").is_null()
                      ? Stated<GpuFigures>::missing(gpu.at("reason").get<std::string>())
                      : Stated<GpuFigures>::known(gpu.at("value").get<GpuFigures>());
}

json weights_json(const WeightsRecord& weights) {
  return {{"steps", weights.steps}, {"hash", fmt::format("{:016x}", weights.hash)}};
}
void read(const json& from, WeightsRecord& weights) {
  from.at("steps").get_to(weights.steps);
  weights.hash = std::stoull(from.at("hash").get_ref<const std::string&>(), nullptr, 16);
}

json item_json(const ItemRecord& item) {
  json object = {{"checks", json::array()},
                 {"training", item.training ? training_json(*item.training) : json(nullptr)},
                 {"telemetry", telemetry_json(item.telemetry)}};
  item_fields(field_writer(object), item);
  for (const CheckRecord& check : item.checks) object["checks"].push_back(check_json(check));
  if (item.seconds_by_family) object["seconds_by_family"] = *item.seconds_by_family;
  if (item.device_timing) timing_fields(field_writer(object["device_timing"]), *item.device_timing);
  if (!item.device.empty()) object["device"] = item.device;
  if (!item.gang_item.empty()) object["gang_item"] = item.gang_item;
  if (item.window_begin_ns) object["window_begin_ns"] = *item.window_begin_ns;
  if (item.weights) object["weights"] = weights_json(*item.weights);
  return object;
}
void read(const json& from, ItemRecord& item) {
  item_fields(field_reader(from), item);
  for (const json& check : from.at("checks")) read(check, item.checks.emplace_back());
  if (!from.at("training").is_null()) read(from.at("training"), item.training.emplace());
  read(from.at("telemetry"), item.telemetry);
  if (from.contains("seconds_by_family")) {
    from.at("seconds_by_family").get_to(item.seconds_by_family.emplace());
  }
  if (from.contains("device_timing")) {
    timing_fields(field_reader(from.at("device_timing")), item.device_timing.emplace());
  }
  if (from.contains("device")) from.at("device").get_to(item.device);
  if (from.contains("gang_item")) from.at("gang_item").get_to(item.gang_item);
  if (from.contains("window_begin_ns")) {
    item.window_begin_ns = from.at("window_begin_ns").get<std::int64_t>();
  }
  if (from.contains("weights")) read(from.at("weights"), item.weights.emplace());
}

void read(const json& from, ProcessRecord& process) {
  process_fields(field_reader(from), process);
  for (const json& item : from.at("items")) read(item, process.items.emplace_back());
}

/// `from` fits the schema.
void read(const json& from, ResultDocument& result) {
  result_fields(field_reader(from), result);
  tool_fields(field_reader(from.at("tool")), result.tool);
  suite_fields(field_reader(from.at("suite")), result.suite);
  if (!from.at("basket").is_null()) {
    basket_fields(field_reader(from.at("basket")), result.basket.emplace());
  }
  result.device = device_from_json(from.at("device"));
  if (from.contains("devices")) {
    for (const json& device : from.at("devices")) {
      result.devices.push_back(device_from_json(device));
    }
  }
  timer_fields(field_reader(from.at("timer")), result.timer);
  for (const json& process : from.at("processes")) read(process, result.processes.emplace_back());
}

/// Reads what fits the schema; what still can't be read is told with the file.
template <class Record>
Record record_of(const json& from, const std::string& where) {
  try {
    Record record;
    read(from, record);
    return record;
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), place(where, error.where()), error.mend());
  }
}

ResultDocument result_from(const json& document, const std::string& where) {
  validate(document, kKind, where);
  auto result = record_of<ResultDocument>(document, where);
  check_result_rules(result, where);
  return result;
}

}  // namespace

ResultDocument result_from_json(const json& document, const std::string& where) {
  return result_from(document, where);
}

json to_json(const ResultDocument& result) {
  json object = {{"schema", {{"name", kResultSchema}, {"version", kResultSchemaVersion}}},
                 {"basket", nullptr},
                 {"processes", json::array()}};
  result_fields(field_writer(object), result);
  tool_fields(field_writer(object["tool"]), result.tool);
  suite_fields(field_writer(object["suite"]), result.suite);
  if (result.basket) basket_fields(field_writer(object["basket"]), *result.basket);
  device_fields(field_writer(object["device"]), result.device);
  timer_fields(field_writer(object["timer"]), result.timer);
  for (const ProcessRecord& process : result.processes) {
    object["processes"].push_back(to_json(process));
  }
  for (const DeviceRecord& device : result.devices) {
    device_fields(field_writer(object["devices"].emplace_back()), device);
  }
  return object;
}

DeviceRecord device_from_json(const json& from) {
  DeviceRecord device;
  device_fields(field_reader(from), device);
  return device;
}

ProcessRecord process_from_json(const json& document) {
  const std::string where = "process";
  validate_part(document, kKind, "process", where);
  auto process = record_of<ProcessRecord>(document, where);
  check_process_rules(process, where);
  return process;
}

json to_json(const ProcessRecord& process) {
  json object = {{"items", json::array()}};
  process_fields(field_writer(object), process);
  for (const ItemRecord& item : process.items) object["items"].push_back(item_json(item));
  return object;
}

namespace {

/// The closed list of names that an object of the result's schema may have.
std::vector<std::string> schema_properties(const char* definition) {
  const json schema = parse_json(embedded_schema("result.schema.json"), "result.schema.json");
  std::vector<std::string> names;
  for (const auto& [name, property] : schema.at("$defs").at(definition).at("properties").items()) {
    names.push_back(name);
  }
  return names;
}

}  // namespace

ResultDocument read_result(const std::filesystem::path& path) {
  return result_from(parse_json(read_file(path), path.string()), path.string());
}

void write_result(const std::filesystem::path& path, const ResultDocument& result) {
  const json document = to_json(result);
  validate(document, kKind, path.string());
  check_result_rules(result, path.string());
  write_document(path, document);
}

std::vector<std::string> condition_names() {
  return schema_properties("conditions");
}

std::vector<std::string> gpu_figure_names() {
  return schema_properties("gpu_figures");
}

}  // namespace assay
