#include "harness/measure_item.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>
#include <utility>

#include "base/error.h"
#include "harness/clock.h"
#include "harness/event_timer.h"
#include "harness/launch_profile.h"
#include "harness/telemetry.h"
#include "kernels/cuda/release.h"

namespace assay::harness {
namespace {

/// Steps whose losses are recorded without the vector growing while time is taken.
constexpr std::size_t kStepsExpected = 1 << 16;

TelemetryRecord no_telemetry(const std::string& reason) {
  const Stated<double> none = Stated<double>::missing(reason);
  return {none, none, none, none, none, none, none, none};
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// The sets of buffers that take turns; training steps and links have one.
struct Sets {
  std::vector<Instance> instances;
  std::size_t next = 0;

  void enqueue_next() {
    instances[next].enqueue();
    next = (next + 1) % instances.size();
  }
};

Sets make_sets(ItemRecord& record, const Workload& workload, const Target& target,
               const InputKey& key) {
  Sets sets;
  sets.instances.push_back(make_instance(workload, target, key));
  const Instance& first = sets.instances.front();
  const auto* const cuda = std::get_if<CudaTarget>(&target);
  if (cuda == nullptr || !first.enqueue || !workload.may_rotate) return sets;
  const Rotation rotation = rotation_for(static_cast<std::int64_t>(workload.bytes),
                                         cuda->stream->device().facts().l2_cache_bytes);
  record.regime = rotation.regime;
  if (rotation.sets > 1) record.notes["buffer_sets"] = std::to_string(rotation.sets);
  const std::function<Instance()> another = first.another;
  sets.instances.reserve(static_cast<std::size_t>(rotation.sets));
  for (std::int64_t i = 1; i < rotation.sets; ++i) {
    sets.instances.push_back(another ? another() : make_instance(workload, target, key));
  }
  return sets;
}

/// The clock of the multiprocessors beside each batch; a call that failed is not made again.
class ClockReader {
 public:
  explicit ClockReader(const Gpu* gpu) : gpu_(gpu) {
    if (gpu_ == nullptr) reason_ = "the device was not asked: it is not known to NVML";
  }
  void read() {
    if (!is_on_ || !reason_.empty()) return;
    const Stated<double> clock = sm_clock_mhz(*gpu_);
    if (clock.has_value()) {
      mhz_.push_back(std::llround(*clock.value));
    } else {
      reason_ = clock.reason;
    }
  }
  /// Readings before this are not asked for.
  void begin() { is_on_ = true; }
  [[nodiscard]] Stated<std::vector<std::int64_t>> take() {
    using Clocks = Stated<std::vector<std::int64_t>>;
    return reason_.empty() ? Clocks::known(std::move(mhz_)) : Clocks::missing(reason_);
  }

 private:
  const Gpu* gpu_;
  bool is_on_ = false;
  std::string reason_;
  std::vector<std::int64_t> mhz_;
};

/// A kernel on a GPU, timed by the device's events in batches that these can resolve.
class OnDeviceClock {
 public:
  OnDeviceClock(cuda::Stream& stream, Sets& sets, const Gpu* gpu)
      : clocks_(gpu),
        timer_(
            stream, [&sets] { sets.enqueue_next(); }, [this] { clocks_.read(); }) {}

  void apply(Subject& subject, SamplerOptions& options) {
    subject.iterate = nullptr;
    subject.time_batch = [this](std::int64_t n) { return timer_.time_batch(n); };
    subject.window_begins = [this, begins = subject.window_begins] {
      clocks_.begin();
      begins();
    };
    options.clock_step_ns = kEventResolutionNs;
    options.sample_seconds_min = std::max(options.sample_seconds_min, kEventBatchSeconds);
  }
  [[nodiscard]] DeviceTiming record() { return {"cuda_event", kEventResolutionNs, clocks_.take()}; }

 private:
  ClockReader clocks_;
  EventTimer timer_;
};

void sample_into(ItemRecord& record, Judgement& judgement, const ItemRequest& request,
                 const Target& target, Sets& sets, BarrierMember* member,
                 const std::function<bool()>& interrupted,
                 const std::function<void(const Progress&)>& on_progress) {
  Instance& instance = sets.instances.front();
  Telemetry telemetry({}, request.gpu);
  Subject subject;
  subject.now_ns = monotonic_ns;
  subject.iterate = instance.iterate;
  subject.interrupted = interrupted;
  subject.on_progress = on_progress;
  subject.window_begins = [&] { telemetry.begin(); };
  subject.window_ended = [&] { record.telemetry = telemetry.end(); };
  if (instance.observe) {
    TrainingRecord& training = record.training.emplace();
    training.losses.reserve(kStepsExpected);
    training.gradient_norms.reserve(kStepsExpected);
    if (instance.loss_law) {
      training.log_vocabulary = instance.loss_law->log_vocabulary;
      training.entropy_rate_nats = instance.loss_law->entropy_rate_nats;
      training.token_key = instance.loss_law->token_key;
      training.vocabulary = instance.loss_law->vocabulary;
    }
    subject.iterate = [&instance, &training] {
      instance.iterate();
      const assay::Observation observation = instance.observe();
      training.losses.push_back(observation.loss);
      training.gradient_norms.push_back(observation.gradient_norm);
    };
  }
  std::int64_t hashed_steps = 0;
  if (instance.weight_hash && request.hash_steps > 0) {
    for (; hashed_steps < request.hash_steps; ++hashed_steps) subject.iterate();
    record.weights = WeightsRecord{hashed_steps, instance.weight_hash()};
  }
  SamplerOptions options = request.options;
  std::optional<OnDeviceClock> device_clock;
  if (const auto* const cuda = std::get_if<CudaTarget>(&target); cuda && instance.enqueue) {
    device_clock.emplace(*cuda->stream, sets, request.gpu.get()).apply(subject, options);
  }
  Sampling sampling;
  if (member != nullptr) {
    const std::function<void()> keep_warm = subject.iterate ? subject.iterate : instance.iterate;
    SharedSampling shared = sample_together(subject, options, keep_warm, *member);
    sampling = std::move(shared.sampling);
    record.window_begin_ns = shared.window_begin_ns;
  } else {
    sampling = sample(subject, options);
  }
  if (device_clock) record.device_timing = device_clock->record();
  if (const auto* const cuda = std::get_if<CudaTarget>(&target);
      cuda && instance.enqueue_launches && sampling.stop_reason != "interrupted") {
    record.seconds_by_family = seconds_by_family(*cuda->stream, instance.enqueue_launches);
  }
  record.warm_up_iterations = hashed_steps + sampling.warm_up_iterations;
  record.warm_up_ns = sampling.warm_up_ns;
  record.steady = sampling.steady;
  record.batch = sampling.batch;
  record.sample_end_ns = std::move(sampling.sample_end_ns);
  record.sample_end_ns.shrink_to_fit();
  record.looks = sampling.looks;
  record.converged = sampling.converged;
  record.stop_reason = std::move(sampling.stop_reason);
  judgement = sampling.judgement;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

/// Every set of buffers was worked on, so each is checked.
void verify_into(ItemRecord& record, const Sets& sets) {
  if (record.stop_reason == "interrupted") {
    record.status = "interrupted";
    record.error = "interrupted before its output was checked";
    return;
  }
  if (!sets.instances.front().verify) {
    record.status = "invalid";
    record.error = "the workload has no check of its output";
    return;
  }
  record.status = "valid";
  for (std::size_t i = 0; i < sets.instances.size(); ++i) {
    for (const Check& check : sets.instances[i].verify()) {
      const std::string name =
          i == 0 ? check.name : "buffer set " + std::to_string(i + 1) + ", " + check.name;
      record.checks.push_back({name, check.error, check.bound, check.passed()});
      if (!check.passed() && record.status == "valid") {
        record.status = "invalid";
        record.error = one_line("output check failed: " + name);
      }
    }
  }
  if (record.checks.empty()) {
    record.status = "invalid";
    record.error = "the workload's check compared nothing";
  }
  if (record.training && record.status == "valid" &&
      !(all_finite(record.training->losses) && all_finite(record.training->gradient_norms))) {
    record.status = "invalid";
    record.error = "a loss or gradient norm was not a finite number";
  }
}

}  // namespace

std::string current_exception_line() {
  try {
    throw;
  } catch (const Error& error) {
    return one_line(error.line());
  } catch (const std::bad_alloc&) {
    return "not enough memory";
  } catch (const std::exception& error) {
    return one_line(error.what());
  } catch (...) {
    return "an unknown exception";
  }
}

void fail(ItemRecord& record, const std::string& error) {
  record.status = "failed";
  record.stop_reason = "failed";
  record.converged = false;
  record.error = one_line(error);
}

ItemRecord unmeasured(const CatalogueEntry& entry, const std::string& status,
                      const std::string& error, const std::string& device) {
  const Workload& workload = entry.workload;
  ItemRecord record;
  record.workload = workload.name;
  record.kind = name(workload.kind);
  record.basket_item = entry.basket_item;
  record.gang_item = entry.gang_item;
  record.device = device;
  record.family = workload.family;
  for (const Dimension& dimension : workload.problem) {
    record.problem[dimension.name] = dimension.value;
  }
  record.precision = name(workload.precision);
  record.inputs = workload.inputs;
  record.regime = "hot";
  record.flops = static_cast<std::int64_t>(workload.flops);
  record.bytes = static_cast<std::int64_t>(workload.bytes);
  record.tokens = static_cast<std::int64_t>(workload.tokens);
  record.stop_reason = status == "interrupted" ? "interrupted" : "failed";
  record.status = status;
  record.error = one_line(error);
  record.telemetry = no_telemetry("no window was timed");
  return record;
}

MeasuredItem measure_item(const ItemRequest& request, const Target& target,
                          const std::function<bool()>& interrupted,
                          const std::function<void(const Progress&)>& on_progress) {
  const CatalogueEntry& entry = request.entry;
  // Declared before all that can fail: with it ends the others' waiting.
  std::optional<BarrierMember> member;
  if (request.barrier != nullptr) member.emplace(*request.barrier, monotonic_ns);
  MeasuredItem measured;
  if (interrupted && interrupted()) {
    measured.record =
        unmeasured(entry, "interrupted", "interrupted before it began", request.device);
    return measured;
  }
  if (const auto reason = unavailable_on(entry.workload, target)) {
    measured.record = unmeasured(entry, "failed", *reason, request.device);
    return measured;
  }
  ItemRecord& record = measured.record;
  record = unmeasured(entry, "failed", "", request.device);
  const cuda::ReleaseWatch watch;
  try {
    Sets sets = make_sets(record, entry.workload, target, request.key);
    for (const auto& [key, value] : sets.instances.front().notes) record.notes[key] = value;
    sample_into(record, measured.judgement, request, target, sets, member ? &*member : nullptr,
                interrupted, on_progress);
    verify_into(record, sets);
    if (member) {
      member->wait(ItemPhase::verified, sets.instances.front().iterate, interrupted);
    }
  } catch (...) {
    fail(record, current_exception_line());
  }
  if (record.status == "valid" && !watch.failure().empty()) fail(record, watch.failure());
  return measured;
}

}  // namespace assay::harness
