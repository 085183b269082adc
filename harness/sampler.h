#pragma once
/// The sampler: warms a subject up until it is steady, then takes samples until the interval is
/// narrow enough or the time is over (docs/figures.md). It knows time and the subject only
/// through functions, so that its rules are tested on a simulated device whose truth is known.
///
/// A sample is the time between two ends of batches, so gaps between iterations are part of it; or,
/// where the subject times its batches itself (by a device's events), the time of the batch alone.
/// Every sample is kept; a throttled one counts as it is paid.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/stopping_rule.h"

namespace assay::harness {

enum class Phase { warm_up, timed };
[[nodiscard]] std::string_view name(Phase phase);

struct Progress {
  Phase phase = Phase::warm_up;
  double phase_elapsed_s = 0.0;
};

/// What is sampled. now_ns is required, and one of iterate and time_batch.
struct Subject {
  std::function<std::int64_t()> now_ns;
  std::function<void()> iterate;  ///< one iteration; returns when its work is done
  /// Does that many iterations and returns the nanoseconds they took by the device's own clock.
  /// now_ns then only says when the warm-up and the window are over.
  std::function<std::int64_t(std::int64_t)> time_batch;
  std::function<bool()> interrupted;                 ///< asked after each sample
  std::function<void()> window_begins;               ///< called before the timed window, outside it
  std::function<void()> window_ended;                ///< called after it
  std::function<void(const Progress&)> on_progress;  ///< at most ten times a second
};

struct SamplerOptions {
  StoppingRule rule;
  double item_seconds = 5.0;  ///< longest timed window
  /// Iterations, warm-up included, without which the samples are worth nothing (a loss gate's): on
  /// a slow device the window grows up to ten times as long for them.
  std::int64_t iterations_min = 0;
  bool fixed_time = false;  ///< runs its full time whatever the interval
  double warm_up_min_s = 0.5;
  /// Then it samples all the same, and says it isn't steady; but not before its batches have grown
  /// to half of their full length, which takes two such batches at most.
  double warm_up_max_s = 2.0;
  double warm_up_slope_max = 0.005;    ///< of the last window, relative
  double sample_seconds_min = 500e-6;  ///< shorter iterations are batched
  double timer_error_max = 1e-3;       ///< clock step over length of a sample
  double clock_step_ns = 50.0;         ///< resolution plus cost of a reading
  std::int64_t samples_max = 20'000;   ///< samples grow longer rather than more
};

struct Sampling {
  std::int64_t warm_up_iterations = 0;
  std::int64_t warm_up_ns = 0;
  bool steady = false;
  std::int64_t batch = 1;                   ///< iterations per sample
  std::int64_t window_began_ns = 0;         ///< now_ns at the timed window's start
  std::vector<std::int64_t> sample_end_ns;  ///< from the start of the timed window; summed batches
  std::int64_t looks = 0;                   ///< times the stopping rule was asked
  bool converged = false;
  std::string stop_reason;  ///< "target", "time" or "interrupted"
  Judgement judgement;      ///< the last one; that of an empty window where there are no samples
};

/// Samples the subject. The first sample is always finished, however long it takes, unless the
/// subject is interrupted during warm-up. Exceptions of the subject pass through.
/// Errors: std::invalid_argument for options that make no sense (times not positive, factor <= 1).
[[nodiscard]] Sampling sample(const Subject& subject, const SamplerOptions& options);

/// Iterations per sample for an iteration of that length: long enough for the shortest sample, for
/// the timer's error, and for at most samples_max in the window.
[[nodiscard]] std::int64_t batch_size(double iteration_ns, const SamplerOptions& options);

}  // namespace assay::harness
