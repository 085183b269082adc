#include "harness/bench_host.h"

#include <charconv>
#include <sstream>
#include <string_view>

#include "base/error.h"

namespace assay::harness {
namespace {

class SilentReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& /*runs*/) override {}
};

double number(std::string_view text, const std::string& flag) {
  // Later versions of the library write "0.5s"; both mean seconds.
  if (text.ends_with('s')) text.remove_suffix(1);
  double value = 0.0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!whole || !(value >= 0.0) || value > 1e6) {
    throw input_error("expected seconds", flag, "for example " + flag + "=0.5");
  }
  return value;
}

std::int64_t count(std::string_view text, const std::string& flag) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!whole || value < 1 || value > 10'000) {
    throw input_error("expected a number from 1 to 10000", flag);
  }
  return value;
}

bool truth(std::string_view text) {
  return text.empty() || text == "true" || text == "1" || text == "yes" || text == "on";
}

std::string one_of_formats(const std::string& text, const std::string& flag) {
  if (text != "console" && text != "json" && text != "csv") {
    throw input_error("no such format: " + text, flag, "there are console, json and csv");
  }
  return text;
}

void run_body(benchmark::State& state, const HostedBody& body) {
  const HostedFigure figure = body.run();
  if (figure.error) state.SkipWithError(figure.error->c_str());
  for ([[maybe_unused]] auto iteration : state) state.SetIterationTime(figure.iteration_s);
  if (figure.error) return;
  for (const auto& [name, value] : figure.counters) state.counters[name] = value;
  if (!figure.label.empty()) state.SetLabel(figure.label);
}

/// Hands flags to the library. It keeps them in globals, so all that matter are given each time.
void initialise(const HostFlags& flags, bool with_file) {
  std::vector<std::string> arguments(1, "assay");
  arguments.insert(arguments.end(), flags.rest.begin(), flags.rest.end());
  arguments.emplace_back("--benchmark_filter=.");
  arguments.emplace_back("--benchmark_repetitions=" + std::to_string(flags.repetitions));
  arguments.emplace_back("--benchmark_list_tests=false");
  arguments.emplace_back("--benchmark_min_warmup_time=0");
  // The library opens this file for its file reporter; ours keeps its text until it is whole.
  arguments.emplace_back(with_file ? "--benchmark_out=/dev/null" : "--benchmark_out=");
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  int argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, pointers.data());
  if (argc > 1) throw input_error("unknown flag", pointers[1], "see assay bench -- --help");
}

}  // namespace

HostFlags parse_host_flags(const std::vector<std::string>& arguments) {
  HostFlags flags;
  for (const std::string& argument : arguments) {
    const std::size_t dashes = argument.find_first_not_of('-');
    if (dashes == std::string::npos || dashes < 1 || dashes > 2) {
      throw input_error("not a flag", argument, "flags look like --benchmark_filter=norm");
    }
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(dashes, equals - dashes);
    const std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
    const std::string shown = "--" + name;
    if (name == "benchmark_min_time") {
      flags.min_time_s = number(value, shown);
    } else if (name == "benchmark_min_warmup_time") {
      flags.min_warm_up_s = number(value, shown);
    } else if (name == "benchmark_repetitions") {
      flags.repetitions = count(value, shown);
    } else if (name == "benchmark_filter") {
      // The library's word for everything.
      flags.filter = value == "all" ? "" : value;
    } else if (name == "benchmark_format") {
      flags.format = one_of_formats(value, shown);
    } else if (name == "benchmark_out") {
      flags.out = value;
    } else if (name == "benchmark_out_format") {
      flags.out_format = one_of_formats(value, shown);
    } else if (name == "benchmark_list_tests") {
      flags.list_tests = truth(value);
    } else {
      flags.own_time_unit = flags.own_time_unit || name == "benchmark_time_unit";
      flags.rest.push_back(argument);
    }
  }
  return flags;
}

void host(const std::vector<HostedBody>& bodies, const HostFlags& flags,
          benchmark::BenchmarkReporter& display, benchmark::BenchmarkReporter* file) {
  initialise(flags, file != nullptr);
  benchmark::ClearRegisteredBenchmarks();
  for (const HostedBody& body : bodies) {
    // Once by Iterations(1): else the body would run 1, 10, 70, ... times.
    benchmark::RegisterBenchmark(body.name.c_str(),
                                 [&body](benchmark::State& state) { run_body(state, body); })
        ->Iterations(1)
        ->UseManualTime();
  }
  if (file != nullptr) {
    benchmark::RunSpecifiedBenchmarks(&display, file);
  } else {
    benchmark::RunSpecifiedBenchmarks(&display);
  }
  benchmark::ClearRegisteredBenchmarks();
}

void host_silently(const std::vector<HostedBody>& bodies) {
  SilentReporter reporter;
  host(bodies, {}, reporter);
}

}  // namespace assay::harness
