#include "harness/bench_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "harness/build_info.h"
#include "harness/clock.h"
#include "results/utc_time.h"

namespace assay::harness {
namespace {

using Run = benchmark::BenchmarkReporter::Run;

constexpr const char* kIterations = "iterations";

std::string plain_name(Run run) {
  run.run_name.iterations.clear();
  run.run_name.time_type.clear();
  return run.benchmark_name();
}

std::string family_name(Run run) {
  run.run_name.iterations.clear();
  run.run_name.time_type.clear();
  return run.run_name.str();
}

bool is_percentage(const Run& run) {
  return run.run_type == Run::RT_Aggregate && run.aggregate_unit == benchmark::kPercentage;
}

/// Real time in the run's unit; a ratio for an aggregate such as the coefficient of variation.
double real_time(const Run& run) {
  return is_percentage(run) ? run.real_accumulated_time : run.GetAdjustedRealTime();
}

std::int64_t iterations(const Run& run) {
  const auto counter = run.counters.find(kIterations);
  const bool own = run.run_type == Run::RT_Iteration && counter != run.counters.end();
  return own ? std::llround(counter->second.value) : run.iterations;
}

/// Three significant digits and an SI prefix: "791.G" is written "791G".
std::string with_prefix(double value) {
  constexpr std::array<const char*, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 1000.0 && prefix + 1 < kPrefixes.size()) {
    value /= 1000.0;
    ++prefix;
  }
  return fmt::format("{:.4g}{}", value, kPrefixes[prefix]);
}

std::string time_text(const Run& run, bool own_unit) {
  if (is_percentage(run)) return fmt::format("{:.2f} %", 100.0 * real_time(run));
  if (own_unit) {
    return fmt::format("{:.4g} {}", real_time(run), benchmark::GetTimeUnitString(run.time_unit));
  }
  const double seconds = real_time(run) / benchmark::GetTimeUnitMultiplier(run.time_unit);
  if (seconds < 1e-6) return fmt::format("{:.4g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.4g} us", seconds * 1e6);
  if (seconds < 1.0) return fmt::format("{:.4g} ms", seconds * 1e3);
  return fmt::format("{:.4g} s", seconds);
}

std::string console_line(const Run& run, std::size_t width, bool own_unit) {
  const std::string name = plain_name(run);
  if (run.error_occurred) return fmt::format("{:<{}} ERROR: {}\n", name, width, run.error_message);
  std::string line =
      fmt::format("{:<{}} {:>12} {:>12}", name, width, time_text(run, own_unit), iterations(run));
  for (const auto& [key, counter] : run.counters) {
    if (key == kIterations) continue;
    const std::string value = is_percentage(run) ? fmt::format("{:.2f} %", 100.0 * counter.value)
                                                 : with_prefix(counter.value);
    line += fmt::format(" {}={}", key, value);
  }
  if (!run.report_label.empty()) line += " " + run.report_label;
  return line + "\n";
}

nlohmann::ordered_json json_of(const Run& run) {
  nlohmann::ordered_json json;
  json["name"] = plain_name(run);
  json["family_index"] = run.family_index;
  json["per_family_instance_index"] = run.per_family_instance_index;
  json["run_name"] = family_name(run);
  const bool aggregate = run.run_type == Run::RT_Aggregate;
  json["run_type"] = aggregate ? "aggregate" : "iteration";
  json["repetitions"] = run.repetitions;
  if (!aggregate) json["repetition_index"] = run.repetition_index;
  json["threads"] = run.threads;
  if (aggregate) {
    json["aggregate_name"] = run.aggregate_name;
    json["aggregate_unit"] = is_percentage(run) ? "percentage" : "time";
  }
  if (run.error_occurred) {
    json["error_occurred"] = true;
    json["error_message"] = run.error_message;
    return json;
  }
  json["iterations"] = iterations(run);
  json["real_time"] = real_time(run);
  if (!is_percentage(run)) json["time_unit"] = benchmark::GetTimeUnitString(run.time_unit);
  for (const auto& [key, counter] : run.counters) {
    if (key != kIterations) json[key] = counter.value;
  }
  if (!run.report_label.empty()) json["label"] = run.report_label;
  return json;
}

nlohmann::ordered_json json_of(const benchmark::BenchmarkReporter::Context& context) {
  nlohmann::ordered_json json;
  json["date"] = utc_now();
  json["host_name"] = context.sys_info.name;
  json["executable"] = "assay";
  json["num_cpus"] = context.cpu_info.num_cpus;
  json["mhz_per_cpu"] = std::llround(context.cpu_info.cycles_per_second / 1e6);
  json["caches"] = nlohmann::ordered_json::array();
  for (const auto& cache : context.cpu_info.caches) {
    json["caches"].push_back({{"type", cache.type},
                              {"level", cache.level},
                              {"size", cache.size},
                              {"num_sharing", cache.num_sharing}});
  }
  json["load_avg"] = context.cpu_info.load_avg;
  const BuildInfo build = build_info();
  json["assay_version"] = build.version;
  json["assay_build_type"] = build.build_type;
  if (const auto* custom = benchmark::internal::GetGlobalContext()) {
    for (const auto& [key, value] : *custom) json[key] = value;
  }
  return json;
}

std::string csv_field(const std::string& text) {
  std::string quoted(1, '"');
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted.push_back('"');
  return quoted;
}

std::string csv_of(const std::vector<Run>& runs) {
  std::set<std::string> counters;
  for (const Run& run : runs) {
    for (const auto& [key, counter] : run.counters) counters.insert(key);
  }
  counters.erase(kIterations);
  std::string text = "name,iterations,real_time,time_unit,label,error_occurred,error_message";
  for (const std::string& key : counters) text += "," + csv_field(key);
  text += "\n";
  for (const Run& run : runs) {
    text += csv_field(plain_name(run)) + ",";
    if (run.error_occurred) {
      text += fmt::format(",,,,true,{}", csv_field(run.error_message));
    } else {
      text += fmt::format("{},{},{},{},,", iterations(run), real_time(run),
                          is_percentage(run) ? "" : benchmark::GetTimeUnitString(run.time_unit),
                          run.report_label.empty() ? "" : csv_field(run.report_label));
    }
    for (const std::string& key : counters) {
      const auto counter = run.counters.find(key);
      text += ",";
      if (counter != run.counters.end()) text += fmt::format("{}", counter->second.value);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

BenchFormat bench_format(const std::string& word) {
  if (word == "console") return BenchFormat::console;
  if (word == "json") return BenchFormat::json;
  if (word == "csv") return BenchFormat::csv;
  throw std::invalid_argument("no such format: " + word);
}

BenchReporter::BenchReporter(BenchFormat format, std::function<void(const std::string&)> write,
                             bool own_unit)
    : format_(format), write_(std::move(write)), own_unit_(own_unit) {}

bool BenchReporter::ReportContext(const Context& context) {
  if (format_ == BenchFormat::json) context_ = json_of(context).dump();
  if (format_ == BenchFormat::console) {
    constexpr std::size_t kSuffix = std::string_view("/iterations:1/manual_time").size();
    name_width_ = std::max<std::size_t>(context.name_field_width, kSuffix + 10) - kSuffix + 7;
    const std::string header =
        fmt::format("{:<{}} {:>12} {:>12}", "Benchmark", name_width_, "Time", "Iterations");
    write_(fmt::format("assay {} ({} build), {} processors at {:.0f} MHz\n{}\n{}\n",
                       build_info().version, build_info().build_type, context.cpu_info.num_cpus,
                       context.cpu_info.cycles_per_second / 1e6, header,
                       std::string(header.size(), '-')));
  }
  return true;
}

void BenchReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.error_occurred && !first_error_) first_error_ = {plain_name(run), run.error_message};
    if (format_ == BenchFormat::console) {
      write_(console_line(run, name_width_, own_unit_));
    } else {
      runs_.push_back(run);
    }
  }
}

void BenchReporter::Finalize() {
  if (format_ == BenchFormat::csv) write_(csv_of(runs_));
  if (format_ != BenchFormat::json) return;
  nlohmann::ordered_json document;
  document["context"] = nlohmann::ordered_json::parse(context_);
  document["benchmarks"] = nlohmann::ordered_json::array();
  for (const Run& run : runs_) document["benchmarks"].push_back(json_of(run));
  write_(document.dump(2) + "\n");
}

}  // namespace assay::harness
