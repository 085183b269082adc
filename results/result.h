#pragma once
/// The result document: what was run, on what, under which conditions, and every raw sample. It
/// judges nothing; results/edition derives all figures from it, again and again.
///
/// Times are integer nanoseconds of the monotonic clock, relative to the start of the window they
/// belong to, so that nothing is rounded on the way into JSON.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results/stated.h"

namespace assay {

inline constexpr const char* kResultSchema = "assay.result";
inline constexpr int kResultSchemaVersion = 1;

/// Which program measured.
struct ToolRecord {
  std::string name;
  std::string version;
  Stated<std::string> commit;
  bool dirty = false;  ///< built from a tree with uncommitted changes
  std::string binary_sha256;
  std::string compiler;
  std::string flags;
  std::map<std::string, std::string> libraries;  ///< name -> version
};

/// The device measured, pinned down as far as its back end allows.
struct DeviceRecord {
  std::string backend;  ///< "cpu" or "cuda"
  std::string id;       ///< "cpu:0"
  std::string name;
  std::string isa;         ///< CPU level or compute capability in use
  std::int64_t units = 0;  ///< cores in use, or streaming multiprocessors
  std::int64_t memory_bytes = 0;
  Stated<std::string> uuid;
  Stated<std::string> serial;
  Stated<std::string> firmware;  ///< microcode, or VBIOS
  Stated<std::string> driver;
  Stated<std::int64_t> last_level_cache_bytes;
};

/// The suite's parameters as they were in force.
struct SuiteRecord {
  std::string name;              ///< quick, standard, certify, gpu-check, or custom
  std::int64_t processes = 0;    ///< fresh processes asked for
  double item_seconds = 0.0;     ///< longest timed window per item and process
  double target_relative = 0.0;  ///< half-width of the interval a quick stop asks for
  bool fixed_time = false;       ///< runs its full time whatever the interval
  double look_factor = 0.0;      ///< looks are spaced by this factor
  double effective_samples_min = 0.0;
  double warm_up_slope_max = 0.0;  ///< slope of the last warm-up window, relative
  std::string filter;              ///< regular expression given by the user, or empty
};

struct BasketRecord {
  std::string name;
  std::string version;
  std::string digest;  ///< sha256 of the basket's canonical JSON, hex
};

/// The clock that timed everything.
struct TimerRecord {
  std::string clock;                   ///< "CLOCK_MONOTONIC"
  std::int64_t resolution_ns = 0;      ///< smallest step seen between two readings
  double read_cost_ns = 0.0;           ///< mean cost of one reading
  Stated<double> rate_error_relative;  ///< against an external reference
};

/// One comparison of an output with what it must be: passed exactly where error <= bound.
struct CheckRecord {
  std::string name;
  double error = 0.0;  ///< null in JSON where it is not a finite number
  double bound = 0.0;
  bool passed = false;
};

/// Observations of a training step, from initialisation on, warm-up included: one loss and one
/// gradient norm for each step. What is not a finite number is null in JSON; only an item that is
/// not valid may hold such a one.
struct TrainingRecord {
  std::vector<double> losses;          ///< nats per token
  std::vector<double> gradient_norms;  ///< before clipping
  double log_vocabulary = 0.0;         ///< ln V, in nats
  double entropy_rate_nats = 0.0;
  std::uint64_t token_key = 0;  ///< decimal string in JSON
  std::int64_t vocabulary = 0;
};

/// A hash of all weights after that many steps from initialisation. Equal devices, programs and
/// seeds give equal ones where the kernels promise determinism.
struct WeightsRecord {
  std::int64_t steps = 0;
  std::uint64_t hash = 0;  ///< 16 hexadecimal digits in JSON
};

/// What else a GPU's driver told of the window, by name: a closed list (gpu_figure_names() in
/// result_io.h), each a value or a reason.
using GpuFigures = std::map<std::string, Stated<double>>;

/// Telemetry over the timed window: of the device measured, but for the last two, which are the
/// host's.
struct TelemetryRecord {
  Stated<double> energy_j;
  Stated<double> power_w;
  Stated<double> clock_mhz_median;
  Stated<double> clock_mhz_min;
  Stated<double> temperature_c_max;
  Stated<double> throttled_share;   ///< share of the window under a throttle reason
  Stated<double> steal_share;       ///< share of CPU time the hypervisor took
  Stated<double> other_load_share;  ///< share of CPU time used by other processes
  /// Missing where the device is no GPU; nothing in a document that was written before there was
  /// such a field.
  std::optional<Stated<GpuFigures>> gpu = std::nullopt;
};

/// What a device's own clock timed: batches of a kernel, each between two of its events. Gaps
/// between batches are not part of the samples, whose ends are sums of batches.
struct DeviceTiming {
  std::string clock;           ///< "cuda_event"
  double resolution_ns = 0.0;  ///< of one reading
  /// Beside each sample, read while the device worked on it; one each.
  Stated<std::vector<std::int64_t>> sm_clock_mhz;
};

/// One workload in one process.
struct ItemRecord {
  std::string workload;     ///< full name
  std::string kind;         ///< "training_step" (scored where the basket has it) or "kernel"
  std::string basket_item;  ///< the basket's item it is, or empty
  std::string family;
  std::map<std::string, std::int64_t> problem;
  std::string precision;
  std::string inputs;       ///< generator and distribution
  std::string regime;       ///< "hot", "rotating" or "cold" buffers
  std::int64_t flops = 0;   ///< model FLOPs of one iteration
  std::int64_t bytes = 0;   ///< compulsory bytes of one iteration
  std::int64_t tokens = 0;  ///< of one iteration

  std::int64_t warm_up_iterations = 0;
  std::int64_t warm_up_ns = 0;
  bool steady = false;  ///< the warm-up's slope fell under the limit

  std::int64_t batch = 1;  ///< iterations per sample
  /// End of each sample, from the start of the timed window; ascending. A sample is the difference
  /// of two neighbours, so gaps are part of it, but for those of device_timing.
  std::vector<std::int64_t> sample_end_ns;
  /// Seconds of one iteration more, with kernels launched one by one, by kernel family; "gemm" is
  /// the library's products. Nothing where that is not known (a CPU, kernels).
  std::optional<std::map<std::string, double>> seconds_by_family;
  std::optional<DeviceTiming> device_timing;  ///< nothing where the host's clock timed
  bool converged = false;
  std::string stop_reason;  ///< "target", "time", "interrupted", "failed"
  std::int64_t looks = 0;   ///< times the stopping rule was asked

  // Of a run on several devices; absent in JSON where empty.
  std::string device;     ///< its id; empty: work of all of them together
  std::string gang_item;  ///< the basket's item that they trained together, data parallel
  /// From the moment when all devices were ready for the item to the start of this window.
  std::optional<std::int64_t> window_begin_ns = std::nullopt;

  std::string
      status;  ///< "valid", "invalid" (output wrong), "failed" (could not run), "interrupted"
  std::string error;  ///< one line where status is not "valid"
  std::vector<CheckRecord> checks;
  std::optional<TrainingRecord> training;
  std::optional<WeightsRecord> weights = std::nullopt;  ///< absent in JSON where there is none
  TelemetryRecord telemetry;
  std::map<std::string, std::string> notes;
};

/// One fresh process.
struct ProcessRecord {
  std::int64_t index = 0;
  std::string started_utc;  ///< RFC 3339, seconds
  std::int64_t seed = 0;
  std::vector<std::string> order;  ///< workloads in the order they ran
  std::vector<ItemRecord> items;
};

struct ResultDocument {
  std::string created_utc;
  std::string edition;  ///< the rules it was measured for, e.g. "2026.1"
  std::string nonce;    ///< 32 hex digits: keys tokens and inputs
  std::int64_t seed = 0;
  bool complete = false;
  std::string incomplete_reason;
  ToolRecord tool;
  SuiteRecord suite;
  std::optional<BasketRecord> basket;
  DeviceRecord device;
  std::int64_t device_count = 1;  ///< devices loaded at once
  /// All of them, `device` first, where there are several; absent in JSON otherwise.
  std::vector<DeviceRecord> devices = {};
  /// Host conditions, a closed list (condition_names() in result_io.h): each a value or a reason.
  std::map<std::string, Stated<std::string>> conditions;
  /// Environment variables by allow-list, those that are set.
  std::map<std::string, std::string> environment;
  TimerRecord timer;
  std::vector<ProcessRecord> processes;
};

}  // namespace assay
