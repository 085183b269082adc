#pragma once
/// A workload: a named computation with problem sizes, exact FLOP and byte counts, and an
/// implementation per back end. Declared once; benchmark names, the documentation's table, result
/// fields and the roofline all read this declaration.
///
/// This file knows nothing of clocks: it says what is computed and whether the output is right.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/cpu/cpu_level.h"

namespace assay::cuda {
class Stream;
struct DeviceFacts;
}  // namespace assay::cuda

namespace assay {

enum class Precision { fp64, fp32, tf32, bf16, fp16, fp8_e4m3, fp8_e5m2, int8 };
[[nodiscard]] std::string_view name(Precision precision);

/// How a workload enters a certificate: a scored training step, or a kernel that explains a score.
enum class WorkloadKind { training_step, kernel };
[[nodiscard]] std::string_view name(WorkloadKind kind);

/// One named problem size, such as {"rows", 1024}.
struct Dimension {
  std::string name;
  std::int64_t value = 0;
};

/// The CPU as a back end sees it.
struct CpuDevice {
  CpuLevel level = CpuLevel::v2;
  int threads = 1;
};

/// A CUDA device as a back end sees it. `stream` is null where the device is only asked about.
struct CudaTarget {
  int compute_capability = 0;  ///< 80 for 8.0
  cuda::Stream* stream = nullptr;
  int devices = 1;  ///< that the driver offers: ordinals 0 to devices - 1
};

/// Where a workload runs.
using Target = std::variant<CpuDevice, CudaTarget>;

/// One comparison of an output with what it must be: passes where error <= bound (NaN fails).
struct Check {
  std::string name;
  double error = 0.0;
  double bound = 0.0;
  [[nodiscard]] bool passed() const { return error <= bound; }
};

/// What a training step observed in its last iteration.
struct Observation {
  double loss = 0.0;           ///< mean cross-entropy in nats per token
  double gradient_norm = 0.0;  ///< before clipping
};

/// What is known of a training step's loss beforehand.
struct LossLaw {
  double log_vocabulary = 0.0;     ///< ln V: the loss of a model that knows nothing
  double entropy_rate_nats = 0.0;  ///< H: no honest loss is below it
  std::uint64_t token_key = 0;     ///< the key that H was computed with
  std::int32_t vocabulary = 0;
};

/// A workload prepared on a device: inputs made, memory allocated, ready to iterate.
struct Instance {
  /// One iteration: the work that is timed. Returns when the work is done.
  std::function<void()> iterate;
  /// Enqueues one iteration on the device's stream and waits for nothing, so that a batch can be
  /// timed by the device's own events. Empty on a CPU, and for steps, which are timed by the wall.
  std::function<void()> enqueue;
  /// A step on CUDA: one iteration with its kernels launched one by one, so that a profile sees
  /// each by name; waits for nothing. Empty elsewhere.
  std::function<void()> enqueue_launches;
  /// Makes another instance with buffers of its own that shares what this one chose (a library's
  /// algorithm). Empty where nothing was chosen.
  std::function<Instance()> another;
  /// Checks the outputs against the double-precision definition (or Freivalds' check for
  /// products). Called after at least one iteration; must not disturb later iterations.
  std::function<std::vector<Check>()> verify;
  /// Training steps only.
  std::function<Observation()> observe;
  /// A hash of all weights; empty where nobody can compare it.
  std::function<std::uint64_t()> weight_hash = nullptr;
  std::optional<LossLaw> loss_law;
  /// Facts of the implementation worth recording (library versions, algorithm, micro-batch).
  std::vector<std::pair<std::string, std::string>> notes;
};

/// Where inputs come from. Part of a workload's identity: never zeros, never unseeded.
struct InputKey {
  std::uint64_t key = 0;
};

struct Workload {
  /// family/operation/problem/precision, e.g. "norm/layernorm_forward/rows2048_width768/bf16".
  std::string name;
  std::string family;
  std::string operation;
  WorkloadKind kind = WorkloadKind::kernel;
  std::vector<Dimension> problem;
  Precision precision = Precision::fp32;
  /// Model FLOPs of one iteration (a multiply-add is two), exact.
  std::uint64_t flops = 0;
  /// Compulsory bytes of one iteration: each tensor once.
  std::uint64_t bytes = 0;
  /// Tokens of one iteration; 0 where that means nothing.
  std::uint64_t tokens = 0;
  /// Whether the problem is chosen by the machine's caches: then its sizes differ by machine.
  bool sized_by_machine = false;
  /// How inputs are distributed, in words: "normal(0, 1) by Philox".
  std::string inputs;

  /// Whether several sets of buffers may take turns, so that no cache keeps an iteration's inputs
  /// for the next. Not where the work is the crossing of a link.
  bool may_rotate = true;

  /// Devices that the driver must offer. A workload of several uses them all from one stream, so it
  /// is run once on a node.
  int devices = 1;

  /// What one iteration of the CUDA kernels asks of a device's global memory: each access of each
  /// thread counted, no cache. A device's shared memory may decide which tile is launched, so it is
  /// a function of the device. Empty without a CUDA implementation, or where a library's kernels do
  /// the work.
  std::function<std::uint64_t(const cuda::DeviceFacts&)> cuda_bytes_issued;

  /// The first compute capability whose instructions the CUDA kernels use, where that is later than
  /// the first whose units compute in that precision; 80 for 8.0.
  int least_compute_capability = 0;

  /// Makes an instance on a CPU. Empty where the back end has no such workload.
  std::function<Instance(const CpuDevice&, const InputKey&)> on_cpu;
  /// Makes an instance on the stream's CUDA device; the stream outlives it. Empty likewise.
  std::function<Instance(cuda::Stream&, const InputKey&)> on_cuda;
};

/// Why a workload can't run there, or nothing where it can.
[[nodiscard]] std::optional<std::string> unavailable_on(const Workload& workload,
                                                        const Target& target);

/// An instance there; the workload is available. A CUDA target has a stream.
[[nodiscard]] Instance make_instance(const Workload& workload, const Target& target,
                                     const InputKey& key);

/// "rows2048_width768": the problem as it stands in names.
[[nodiscard]] std::string problem_text(const std::vector<Dimension>& problem);

/// Fills name from family, operation, problem and precision.
[[nodiscard]] Workload named(Workload workload);

}  // namespace assay
