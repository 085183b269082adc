#pragma once
/// `assay bench -- <Google Benchmark flags>`: the same timing path as `assay run`, in this process,
/// for an engineer at work. Nothing of it can be certified.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "harness/measure_process.h"

namespace assay::harness {

struct BenchOptions {
  std::string device = "best";
  std::optional<std::string> cpu_isa;
  std::optional<std::string> basket;  ///< nothing: the one for such a device (basket_for)
  std::optional<std::int64_t> seed;
  /// Starts this program again, once, where OpenMP's threads are not bound yet: OpenMP reads its
  /// settings when a program is loaded. Tests that are programs of their own say no.
  bool restart_for_binding = true;
};

/// Runs what --benchmark_filter names (all that is available by default; a leading '-' inverts it)
/// and writes to `write` in --benchmark_format; --benchmark_out is written atomically.
///   --benchmark_min_time         length of the timed window in seconds, 0.5 by default
///   --benchmark_min_warmup_time  least warm-up in seconds, 0.1 by default
///   --benchmark_repetitions      windows per workload
///   --benchmark_list_tests       names only; with --benchmark_format=json {"benchmarks": [names]}
/// Counters: FLOP/s, bytes/s, tokens/s, interval (relative half-width at 95 %), samples.
/// Returns the check error to end with, where a workload failed, gave a wrong output or was
/// interrupted; it names the first.
/// Errors: input_error for flags, and for a filter that matches nothing.
[[nodiscard]] std::optional<Error> run_bench(const std::vector<std::string>& flags,
                                             const BenchOptions& options,
                                             const std::function<void(const std::string&)>& write,
                                             const CatalogueSource& source = make_catalogue);

}  // namespace assay::harness
