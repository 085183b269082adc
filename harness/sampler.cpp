#include "harness/sampler.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>

namespace assay::harness {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::int64_t kProgressEveryNs = 100'000'000;

void check(const Subject& subject, const SamplerOptions& options) {
  if (!subject.now_ns || (!subject.iterate && !subject.time_batch)) {
    throw std::invalid_argument("a subject needs a clock and an iteration");
  }
  const bool sensible = options.item_seconds > 0.0 && options.warm_up_min_s >= 0.0 &&
                        options.warm_up_max_s >= options.warm_up_min_s &&
                        options.rule.look_factor > 1.0 && options.samples_max > 0 &&
                        options.timer_error_max > 0.0;
  if (!sensible) throw std::invalid_argument("sampler options make no sense");
}

class ProgressTicker {
 public:
  ProgressTicker(const Subject& subject, Phase phase) : subject_(subject), phase_(phase) {}

  void tick(std::int64_t elapsed_ns) {
    if (!subject_.on_progress || elapsed_ns < next_ns_) return;
    next_ns_ = elapsed_ns + kProgressEveryNs;
    subject_.on_progress({phase_, static_cast<double>(elapsed_ns) / kNsPerSecond});
  }

 private:
  const Subject& subject_;
  Phase phase_;
  std::int64_t next_ns_ = 0;
};

/// The ends of batches, and how long all has taken, from the start.
class Batches {
 public:
  explicit Batches(const Subject& subject) : subject_(subject), begin_ns_(subject.now_ns()) {}

  void run(std::int64_t batch) {
    if (subject_.time_batch) {
      // A clock of coarse steps may see nothing of an empty batch; ends ascend all the same.
      end_ns_ += std::max<std::int64_t>(1, subject_.time_batch(batch));
      elapsed_ns_ = subject_.now_ns() - begin_ns_;
      return;
    }
    for (std::int64_t i = 0; i < batch; ++i) subject_.iterate();
    elapsed_ns_ = end_ns_ = subject_.now_ns() - begin_ns_;
  }
  [[nodiscard]] std::int64_t begin_ns() const { return begin_ns_; }
  [[nodiscard]] std::int64_t end_ns() const { return end_ns_; }
  [[nodiscard]] std::int64_t elapsed_ns() const { return elapsed_ns_; }

 private:
  const Subject& subject_;
  std::int64_t begin_ns_;
  std::int64_t end_ns_ = 0;      ///< of the last batch, in the time that is sampled
  std::int64_t elapsed_ns_ = 0;  ///< by now_ns
};

bool is_interrupted(const Subject& subject) {
  return subject.interrupted && subject.interrupted();
}

/// What the warm-up leaves behind: ends of samples from its start, and iterations in each.
struct WarmUp {
  std::int64_t iterations = 0;
  std::int64_t elapsed_ns = 0;
  bool steady = false;
  bool interrupted = false;
  double iteration_ns = 0.0;  ///< mean of the last window
};

/// The last half of the warm-up, as mean nanoseconds of one iteration in each sample.
std::span<const double> last_window(const std::vector<double>& iteration_ns,
                                    const std::vector<std::int64_t>& end_ns) {
  const std::int64_t half = end_ns.back() / 2;
  const auto first = std::upper_bound(end_ns.begin(), end_ns.end(), half) - end_ns.begin();
  return std::span<const double>(iteration_ns).subspan(static_cast<std::size_t>(first));
}

WarmUp warm_up(const Subject& subject, const SamplerOptions& options) {
  constexpr std::size_t kWindowSamplesMin = 5;
  WarmUp result;
  std::vector<double> iteration_ns;
  std::vector<std::int64_t> end_ns;
  ProgressTicker ticker(subject, Phase::warm_up);
  Batches batches(subject);
  double next_check_s = options.warm_up_min_s;
  std::int64_t batch = 1;
  std::int64_t previous = 0;
  while (true) {
    batches.run(batch);
    const std::int64_t elapsed = batches.elapsed_ns();
    result.iterations += batch;
    result.elapsed_ns = elapsed;
    end_ns.push_back(batches.end_ns());
    iteration_ns.push_back(static_cast<double>(end_ns.back() - previous) /
                           static_cast<double>(batch));
    previous = end_ns.back();
    if (is_interrupted(subject)) {
      result.interrupted = true;
      break;
    }
    ticker.tick(elapsed);
    const std::int64_t wanted = batch_size(iteration_ns.back(), options);
    if (wanted > 2 * batch) {
      // Still doubling: a batch this short is no measure for those of the window, however much
      // time a busy host has let pass.
      batch *= 2;
      continue;
    }
    batch = wanted;
    const double elapsed_s = static_cast<double>(elapsed) / kNsPerSecond;
    const std::span<const double> window = last_window(iteration_ns, end_ns);
    if (elapsed_s >= next_check_s && window.size() >= kWindowSamplesMin) {
      next_check_s = std::max(elapsed_s, next_check_s) * options.rule.look_factor;
      if (std::abs(drift_relative(window)) <= options.warm_up_slope_max) {
        result.steady = true;
        break;
      }
    }
    if (elapsed_s >= options.warm_up_max_s) break;
  }
  const std::span<const double> window = last_window(iteration_ns, end_ns);
  for (const double value : window) result.iteration_ns += value;
  result.iteration_ns /= static_cast<double>(std::max<std::size_t>(window.size(), 1));
  return result;
}

/// Memory for the samples of a whole window, its pages touched, so that timing does not wait for
/// them. Twice what is expected: the subject may yet speed up.
std::vector<std::int64_t> sample_memory(double sample_ns, const SamplerOptions& options) {
  const double expected = options.item_seconds * kNsPerSecond / std::max(sample_ns, 1.0);
  const double count =
      std::min(2.0 * expected + 64.0, 2.0 * static_cast<double>(options.samples_max) + 64.0);
  std::vector<std::int64_t> memory(static_cast<std::size_t>(count));
  memory.clear();
  return memory;
}

void timed_window(const Subject& subject, const SamplerOptions& options, Sampling& result) {
  constexpr std::int64_t kGrowthMax = 10;
  const auto limit_ns = static_cast<std::int64_t>(options.item_seconds * kNsPerSecond);
  std::int64_t iterations = result.warm_up_iterations;
  ProgressTicker ticker(subject, Phase::timed);
  std::int64_t look_at = next_look(0, options.rule);
  Batches batches(subject);
  result.window_began_ns = batches.begin_ns();
  while (true) {
    batches.run(result.batch);
    const std::int64_t elapsed = batches.elapsed_ns();
    result.sample_end_ns.push_back(batches.end_ns());
    if (is_interrupted(subject)) {
      result.stop_reason = "interrupted";
      return;
    }
    iterations += result.batch;
    const bool enough = iterations >= options.iterations_min || elapsed >= kGrowthMax * limit_ns;
    if (elapsed >= limit_ns && enough) {
      result.stop_reason = "time";
      return;
    }
    const auto samples = static_cast<std::int64_t>(result.sample_end_ns.size());
    if (!options.fixed_time && enough && samples >= look_at) {
      look_at = next_look(samples, options.rule);
      ++result.looks;
      if (judge(result.sample_end_ns, options.rule).enough) {
        result.stop_reason = "target";
        return;
      }
    }
    ticker.tick(elapsed);
  }
}

}  // namespace

std::string_view name(Phase phase) {
  return phase == Phase::warm_up ? "warm_up" : "timed";
}

std::int64_t batch_size(double iteration_ns, const SamplerOptions& options) {
  const double window_ns = options.item_seconds * kNsPerSecond;
  const double sample_ns = std::max({options.sample_seconds_min * kNsPerSecond,
                                     options.clock_step_ns / options.timer_error_max,
                                     window_ns / static_cast<double>(options.samples_max)});
  // Never longer than the window itself.
  const double batch = std::ceil(std::min(sample_ns, window_ns) / std::max(iteration_ns, 0.1));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(batch));
}

Sampling sample(const Subject& subject, const SamplerOptions& options) {
  check(subject, options);
  const WarmUp warm = warm_up(subject, options);
  Sampling result;
  result.warm_up_iterations = warm.iterations;
  result.warm_up_ns = warm.elapsed_ns;
  result.steady = warm.steady;
  if (warm.interrupted) {
    result.stop_reason = "interrupted";
    result.judgement = judge({}, options.rule);
    return result;
  }
  result.batch = batch_size(warm.iteration_ns, options);
  result.sample_end_ns =
      sample_memory(warm.iteration_ns * static_cast<double>(result.batch), options);
  if (subject.window_begins) subject.window_begins();
  timed_window(subject, options, result);
  if (subject.window_ended) subject.window_ended();
  // The window's end is a look too: where the rule did not stop it, this one says what it is worth.
  if (result.stop_reason == "time") ++result.looks;
  result.judgement = judge(result.sample_end_ns, options.rule);
  result.converged = result.stop_reason != "interrupted" && result.judgement.enough;
  return result;
}

}  // namespace assay::harness
