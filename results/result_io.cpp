#include "results/result_io.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "results/document.h"
#include "results/embedded.h"
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

json tool_json(const ToolRecord& tool) {
  return {{"name", tool.name},
          {"version", tool.version},
          {"commit", tool.commit},
          {"dirty", tool.dirty},
          {"binary_sha256", tool.binary_sha256},
          {"compiler", tool.compiler},
          {"flags", tool.flags},
          {"libraries", tool.libraries}};
}
void read(const json& from, ToolRecord& tool) {
  from.at("name").get_to(tool.name);
  from.at("version").get_to(tool.version);
  from.at("commit").get_to(tool.commit);
  from.at("dirty").get_to(tool.dirty);
  from.at("binary_sha256").get_to(tool.binary_sha256);
  from.at("compiler").get_to(tool.compiler);
  from.at("flags").get_to(tool.flags);
  from.at("libraries").get_to(tool.libraries);
}

json suite_json(const SuiteRecord& suite) {
  return {{"name", suite.name},
          {"processes", suite.processes},
          {"item_seconds", suite.item_seconds},
          {"target_relative", suite.target_relative},
          {"fixed_time", suite.fixed_time},
          {"look_factor", suite.look_factor},
          {"effective_samples_min", suite.effective_samples_min},
          {"warm_up_slope_max", suite.warm_up_slope_max},
          {"filter", suite.filter}};
}
void read(const json& from, SuiteRecord& suite) {
  from.at("name").get_to(suite.name);
  from.at("processes").get_to(suite.processes);
  from.at("item_seconds").get_to(suite.item_seconds);
  from.at("target_relative").get_to(suite.target_relative);
  from.at("fixed_time").get_to(suite.fixed_time);
  from.at("look_factor").get_to(suite.look_factor);
  from.at("effective_samples_min").get_to(suite.effective_samples_min);
  from.at("warm_up_slope_max").get_to(suite.warm_up_slope_max);
  from.at("filter").get_to(suite.filter);
}

json basket_json(const BasketRecord& basket) {
  return {{"name", basket.name}, {"version", basket.version}, {"digest", basket.digest}};
}
void read(const json& from, BasketRecord& basket) {
  from.at("name").get_to(basket.name);
  from.at("version").get_to(basket.version);
  from.at("digest").get_to(basket.digest);
}

json device_json(const DeviceRecord& device) {
  return {{"backend", device.backend},
          {"id", device.id},
          {"name", device.name},
          {"isa", device.isa},
          {"units", device.units},
          {"memory_bytes", device.memory_bytes},
          {"uuid", device.uuid},
          {"serial", device.serial},
          {"firmware", device.firmware},
          {"driver", device.driver},
          {"last_level_cache_bytes", device.last_level_cache_bytes}};
}
void read(const json& from, DeviceRecord& device) {
  from.at("backend").get_to(device.backend);
  from.at("id").get_to(device.id);
  from.at("name").get_to(device.name);
  from.at("isa").get_to(device.isa);
  from.at("units").get_to(device.units);
  from.at("memory_bytes").get_to(device.memory_bytes);
  from.at("uuid").get_to(device.uuid);
  from.at("serial").get_to(device.serial);
  from.at("firmware").get_to(device.firmware);
  from.at("driver").get_to(device.driver);
  from.at("last_level_cache_bytes").get_to(device.last_level_cache_bytes);
}

json timer_json(const TimerRecord& timer) {
  return {{"clock", timer.clock},
          {"resolution_ns", timer.resolution_ns},
          {"read_cost_ns", timer.read_cost_ns},
          {"rate_error_relative", timer.rate_error_relative}};
}
void read(const json& from, TimerRecord& timer) {
  from.at("clock").get_to(timer.clock);
  from.at("resolution_ns").get_to(timer.resolution_ns);
  from.at("read_cost_ns").get_to(timer.read_cost_ns);
  from.at("rate_error_relative").get_to(timer.rate_error_relative);
}

json check_json(const CheckRecord& check) {
  return {{"name", check.name},
          {"error", observation_json(check.error)},
          {"bound", check.bound},
          {"passed", check.passed}};
}
void read(const json& from, CheckRecord& check) {
  from.at("name").get_to(check.name);
  check.error = observation_from(from.at("error"));
  from.at("bound").get_to(check.bound);
  from.at("passed").get_to(check.passed);
}

json training_json(const TrainingRecord& training) {
  return {{"losses", observations_json(training.losses)},
          {"gradient_norms", observations_json(training.gradient_norms)},
          {"log_vocabulary", training.log_vocabulary},
          {"entropy_rate_nats", training.entropy_rate_nats},
          {"token_key", std::to_string(training.token_key)},
          {"vocabulary", training.vocabulary}};
}
void read(const json& from, TrainingRecord& training) {
  training.losses = observations_from(from.at("losses"));
  training.gradient_norms = observations_from(from.at("gradient_norms"));
  from.at("log_vocabulary").get_to(training.log_vocabulary);
  from.at("entropy_rate_nats").get_to(training.entropy_rate_nats);
  const auto& key = from.at("token_key").get_ref<const std::string&>();
  const auto end = std::from_chars(key.data(), key.data() + key.size(), training.token_key);
  if (end.ec != std::errc{}) {
    throw input_error("the figure " + key + " does not fit 64 bits", "token_key");
  }
  from.at("vocabulary").get_to(training.vocabulary);
}

json telemetry_json(const TelemetryRecord& telemetry) {
  json object = {{"energy_j", telemetry.energy_j},
                 {"power_w", telemetry.power_w},
                 {"clock_mhz_median", telemetry.clock_mhz_median},
                 {"clock_mhz_min", telemetry.clock_mhz_min},
                 {"temperature_c_max", telemetry.temperature_c_max},
                 {"throttled_share", telemetry.throttled_share},
                 {"steal_share", telemetry.steal_share},
                 {"other_load_share", telemetry.other_load_share}};
  if (!telemetry.gpu) return object;
  if (telemetry.gpu->has_value()) {
    object["gpu"] = {{"value", *telemetry.gpu->value}};
  } else {
    object["gpu"] = {{"value", nullptr}, {"reason", telemetry.gpu->reason}};
  }
  return object;
}
void read(const json& from, TelemetryRecord& telemetry) {
  from.at("energy_j").get_to(telemetry.energy_j);
  from.at("power_w").get_to(telemetry.power_w);
  from.at("clock_mhz_median").get_to(telemetry.clock_mhz_median);
  from.at("clock_mhz_min").get_to(telemetry.clock_mhz_min);
  from.at("temperature_c_max").get_to(telemetry.temperature_c_max);
  from.at("throttled_share").get_to(telemetry.throttled_share);
  from.at("steal_share").get_to(telemetry.steal_share);
  from.at("other_load_share").get_to(telemetry.other_load_share);
  if (!from.contains("gpu")) return;
  const json& gpu = from.at("gpu");
  telemetry.gpu = gpu.at("value").is_null()
                      ? Stated<GpuFigures>::missing(gpu.at("reason").get<std::string>())
                      : Stated<GpuFigures>::known(gpu.at("value").get<GpuFigures>());
}

json device_timing_json(const DeviceTiming& timing) {
  return {{"clock", timing.clock},
          {"resolution_ns", timing.resolution_ns},
          {"sm_clock_mhz", timing.sm_clock_mhz}};
}
void read(const json& from, DeviceTiming& timing) {
  from.at("clock").get_to(timing.clock);
  from.at("resolution_ns").get_to(timing.resolution_ns);
  from.at("sm_clock_mhz").get_to(timing.sm_clock_mhz);
}

json weights_json(const WeightsRecord& weights) {
  return {{"steps", weights.steps}, {"hash", fmt::format("{:016x}", weights.hash)}};
}
void read(const json& from, WeightsRecord& weights) {
  from.at("steps").get_to(weights.steps);
  weights.hash = std::stoull(from.at("hash").get_ref<const std::string&>(), nullptr, 16);
}

json item_json(const ItemRecord& item) {
  json checks = json::array();
  for (const CheckRecord& check : item.checks) checks.push_back(check_json(check));
  json object = {{"workload", item.workload},
                 {"kind", item.kind},
                 {"basket_item", item.basket_item},
                 {"family", item.family},
                 {"problem", item.problem},
                 {"precision", item.precision},
                 {"inputs", item.inputs},
                 {"regime", item.regime},
                 {"flops", item.flops},
                 {"bytes", item.bytes},
                 {"tokens", item.tokens},
                 {"warm_up_iterations", item.warm_up_iterations},
                 {"warm_up_ns", item.warm_up_ns},
                 {"steady", item.steady},
                 {"batch", item.batch},
                 {"sample_end_ns", item.sample_end_ns},
                 {"converged", item.converged},
                 {"stop_reason", item.stop_reason},
                 {"looks", item.looks},
                 {"status", item.status},
                 {"error", item.error},
                 {"checks", checks},
                 {"training", item.training ? training_json(*item.training) : json(nullptr)},
                 {"telemetry", telemetry_json(item.telemetry)},
                 {"notes", item.notes}};
  if (item.seconds_by_family) object["seconds_by_family"] = *item.seconds_by_family;
  if (item.device_timing) object["device_timing"] = device_timing_json(*item.device_timing);
  if (!item.device.empty()) object["device"] = item.device;
  if (!item.gang_item.empty()) object["gang_item"] = item.gang_item;
  if (item.window_begin_ns) object["window_begin_ns"] = *item.window_begin_ns;
  if (item.weights) object["weights"] = weights_json(*item.weights);
  return object;
}
void read(const json& from, ItemRecord& item) {
  from.at("workload").get_to(item.workload);
  from.at("kind").get_to(item.kind);
  from.at("basket_item").get_to(item.basket_item);
  from.at("family").get_to(item.family);
  from.at("problem").get_to(item.problem);
  from.at("precision").get_to(item.precision);
  from.at("inputs").get_to(item.inputs);
  from.at("regime").get_to(item.regime);
  from.at("flops").get_to(item.flops);
  from.at("bytes").get_to(item.bytes);
  from.at("tokens").get_to(item.tokens);
  from.at("warm_up_iterations").get_to(item.warm_up_iterations);
  from.at("warm_up_ns").get_to(item.warm_up_ns);
  from.at("steady").get_to(item.steady);
  from.at("batch").get_to(item.batch);
  from.at("sample_end_ns").get_to(item.sample_end_ns);
  from.at("converged").get_to(item.converged);
  from.at("stop_reason").get_to(item.stop_reason);
  from.at("looks").get_to(item.looks);
  from.at("status").get_to(item.status);
  from.at("error").get_to(item.error);
  for (const json& check : from.at("checks")) read(check, item.checks.emplace_back());
  if (!from.at("training").is_null()) read(from.at("training"), item.training.emplace());
  read(from.at("telemetry"), item.telemetry);
  from.at("notes").get_to(item.notes);
  if (from.contains("seconds_by_family")) {
    from.at("seconds_by_family").get_to(item.seconds_by_family.emplace());
  }
  if (from.contains("device_timing")) {
    read(from.at("device_timing"), item.device_timing.emplace());
  }
  if (from.contains("device")) from.at("device").get_to(item.device);
  if (from.contains("gang_item")) from.at("gang_item").get_to(item.gang_item);
  if (from.contains("window_begin_ns")) {
    item.window_begin_ns = from.at("window_begin_ns").get<std::int64_t>();
  }
  if (from.contains("weights")) read(from.at("weights"), item.weights.emplace());
}

void read(const json& from, ProcessRecord& process) {
  from.at("index").get_to(process.index);
  from.at("started_utc").get_to(process.started_utc);
  from.at("seed").get_to(process.seed);
  from.at("order").get_to(process.order);
  for (const json& item : from.at("items")) read(item, process.items.emplace_back());
}

/// `from` fits the schema.
void read(const json& from, ResultDocument& result) {
  from.at("created_utc").get_to(result.created_utc);
  from.at("edition").get_to(result.edition);
  from.at("nonce").get_to(result.nonce);
  from.at("seed").get_to(result.seed);
  from.at("complete").get_to(result.complete);
  from.at("incomplete_reason").get_to(result.incomplete_reason);
  read(from.at("tool"), result.tool);
  read(from.at("suite"), result.suite);
  if (!from.at("basket").is_null()) read(from.at("basket"), result.basket.emplace());
  read(from.at("device"), result.device);
  from.at("device_count").get_to(result.device_count);
  if (from.contains("devices")) {
    for (const json& device : from.at("devices")) read(device, result.devices.emplace_back());
  }
  from.at("conditions").get_to(result.conditions);
  from.at("environment").get_to(result.environment);
  read(from.at("timer"), result.timer);
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
  json processes = json::array();
  for (const ProcessRecord& process : result.processes) processes.push_back(to_json(process));
  json object = {{"schema", {{"name", kResultSchema}, {"version", kResultSchemaVersion}}},
                 {"created_utc", result.created_utc},
                 {"edition", result.edition},
                 {"nonce", result.nonce},
                 {"seed", result.seed},
                 {"complete", result.complete},
                 {"incomplete_reason", result.incomplete_reason},
                 {"tool", tool_json(result.tool)},
                 {"suite", suite_json(result.suite)},
                 {"basket", result.basket ? basket_json(*result.basket) : json(nullptr)},
                 {"device", device_json(result.device)},
                 {"device_count", result.device_count},
                 {"conditions", result.conditions},
                 {"environment", result.environment},
                 {"timer", timer_json(result.timer)},
                 {"processes", processes}};
  for (const DeviceRecord& device : result.devices) {
    object["devices"].push_back(device_json(device));
  }
  return object;
}

ProcessRecord process_from_json(const json& document) {
  const std::string where = "process";
  validate_part(document, kKind, "process", where);
  auto process = record_of<ProcessRecord>(document, where);
  check_process_rules(process, where);
  return process;
}

json to_json(const ProcessRecord& process) {
  json items = json::array();
  for (const ItemRecord& item : process.items) items.push_back(item_json(item));
  return {{"index", process.index},
          {"started_utc", process.started_utc},
          {"seed", process.seed},
          {"order", process.order},
          {"items", items}};
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
