#include "harness/process_spec.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "base/error.h"
#include "results/document.h"

namespace assay::harness {
namespace {

using nlohmann::json;

json item_to_json(const PlannedItem& item) {
  const SamplerOptions& options = item.options;
  return {{"workload", item.workload},
          {"basket_item", item.basket_item},
          {"estimator", name(options.rule.estimator)},
          {"target_relative", options.rule.target_relative},
          {"drift_max_relative", options.rule.drift_max_relative},
          {"effective_samples_min", options.rule.effective_samples_min},
          {"look_factor", options.rule.look_factor},
          {"item_seconds", options.item_seconds},
          {"iterations_min", options.iterations_min},
          {"fixed_time", options.fixed_time},
          {"warm_up_min_s", options.warm_up_min_s},
          {"warm_up_max_s", options.warm_up_max_s},
          {"warm_up_slope_max", options.warm_up_slope_max},
          {"sample_seconds_min", options.sample_seconds_min},
          {"timer_error_max", options.timer_error_max},
          {"clock_step_ns", options.clock_step_ns},
          {"samples_max", options.samples_max}};
}

PlannedItem item_from_json(const json& from) {
  PlannedItem item;
  from.at("workload").get_to(item.workload);
  from.at("basket_item").get_to(item.basket_item);
  SamplerOptions& options = item.options;
  options.rule.estimator = from.at("estimator").get<std::string>() == name(Estimator::median)
                               ? Estimator::median
                               : Estimator::ratio_of_sums;
  from.at("target_relative").get_to(options.rule.target_relative);
  from.at("drift_max_relative").get_to(options.rule.drift_max_relative);
  from.at("effective_samples_min").get_to(options.rule.effective_samples_min);
  from.at("look_factor").get_to(options.rule.look_factor);
  from.at("item_seconds").get_to(options.item_seconds);
  from.at("iterations_min").get_to(options.iterations_min);
  from.at("fixed_time").get_to(options.fixed_time);
  from.at("warm_up_min_s").get_to(options.warm_up_min_s);
  from.at("warm_up_max_s").get_to(options.warm_up_max_s);
  from.at("warm_up_slope_max").get_to(options.warm_up_slope_max);
  from.at("sample_seconds_min").get_to(options.sample_seconds_min);
  from.at("timer_error_max").get_to(options.timer_error_max);
  from.at("clock_step_ns").get_to(options.clock_step_ns);
  from.at("samples_max").get_to(options.samples_max);
  return item;
}

}  // namespace

json to_json(const ProcessSpec& spec) {
  json items = json::array();
  for (const PlannedItem& item : spec.process.items) items.push_back(item_to_json(item));
  return {{"basket", spec.basket},
          {"devices", spec.devices},
          {"cpu_isa", spec.cpu_isa ? json(*spec.cpu_isa) : json()},
          {"nonce", spec.nonce},
          {"progress_file", spec.progress_file},
          {"choices", spec.choices ? json(*spec.choices) : json()},
          {"index", spec.process.index},
          {"seed", spec.process.seed},
          {"budget_s", spec.process.budget_s ? json(*spec.process.budget_s) : json()},
          {"items", items}};
}

ProcessSpec spec_from_json(const json& document, const std::string& where) {
  try {
    ProcessSpec spec;
    document.at("basket").get_to(spec.basket);
    document.at("devices").get_to(spec.devices);
    if (!document.at("cpu_isa").is_null()) {
      spec.cpu_isa = document.at("cpu_isa").get<std::string>();
    }
    document.at("nonce").get_to(spec.nonce);
    document.at("progress_file").get_to(spec.progress_file);
    if (!document.at("choices").is_null()) {
      spec.choices = document.at("choices").get<std::map<std::string, std::string>>();
    }
    document.at("index").get_to(spec.process.index);
    document.at("seed").get_to(spec.process.seed);
    if (!document.at("budget_s").is_null()) {
      spec.process.budget_s = document.at("budget_s").get<double>();
    }
    for (const json& item : document.at("items")) {
      spec.process.items.push_back(item_from_json(item));
    }
    return spec;
  } catch (const json::exception& error) {
    throw input_error(std::string("not a process specification: ") + error.what(), where);
  }
}

std::uint64_t key_of_nonce(const std::string& nonce) {
  return std::strtoull(nonce.substr(0, 16).c_str(), nullptr, 16);
}

std::string make_nonce(const std::optional<std::int64_t>& seed) {
  if (seed) return sha256_hex(fmt::format("assay seed {}", *seed)).substr(0, 32);
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) {
    throw check_error("the operating system gives no random bytes", "getrandom", "use --seed");
  }
  std::string nonce;
  for (const unsigned char byte : bytes) nonce += fmt::format("{:02x}", byte);
  return nonce;
}

std::int64_t seed_of_nonce(const std::string& nonce) {
  return std::strtoll(nonce.substr(nonce.size() - 13).c_str(), nullptr, 16);
}

}  // namespace assay::harness
