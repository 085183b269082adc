#pragma once
/// Google Benchmark 1.7 as the host of the one timing path (docs/figures.md). A body measures
/// before the library's state loop, which then runs once and only reports the figure by manual
/// time. So the library's own iteration control never decides anything, and its flags for minimum
/// time and warm-up are read first and handed to the sampler.
#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace assay::harness {

/// What a body hands to the library.
struct HostedFigure {
  double iteration_s = 0.0;
  std::map<std::string, double> counters;
  std::string label;
  std::optional<std::string> error;  ///< one line; then there is no figure
};

struct HostedBody {
  std::string name;
  std::function<HostedFigure()> run;
};

/// Google Benchmark's flags, sorted by who reads them.
struct HostFlags {
  std::optional<double> min_time_s;     ///< --benchmark_min_time: the timed window
  std::optional<double> min_warm_up_s;  ///< --benchmark_min_warmup_time
  std::int64_t repetitions = 1;         ///< --benchmark_repetitions: windows per workload
  std::string filter;                   ///< --benchmark_filter: on our names, without suffixes
  std::string format = "console";       ///< --benchmark_format: console, json or csv
  std::string out;                      ///< --benchmark_out
  std::string out_format = "json";      ///< --benchmark_out_format
  bool list_tests = false;              ///< --benchmark_list_tests
  bool own_time_unit = false;           ///< --benchmark_time_unit is among `rest`
  std::vector<std::string> rest;        ///< for the library
};

/// Sorts flags ("--benchmark_filter=norm"). Names may have one or two dashes, as the library
/// allows. Errors: input_error for a malformed value or an argument that is no flag.
[[nodiscard]] HostFlags parse_host_flags(const std::vector<std::string>& arguments);

/// Runs the bodies in their order, once for each repetition, and reports through `display` and,
/// where it isn't null, `file`. Errors: input_error for a flag that the library does not know.
void host(const std::vector<HostedBody>& bodies, const HostFlags& flags,
          benchmark::BenchmarkReporter& display, benchmark::BenchmarkReporter* file = nullptr);

/// The same with nobody reading the library's reports: for `assay run`, whose bodies keep records.
void host_silently(const std::vector<HostedBody>& bodies);

}  // namespace assay::harness
