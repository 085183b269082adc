#pragma once
/// What the CPU's and CUDA's workloads of the optimizer share: inputs, the checks of the outputs
/// against the definition, and the declarations without a back end.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/adamw/adamw.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"

namespace assay::adamw {

inline constexpr double kMaxNorm = 1.0;

/// What one stretch of parameters holds.
struct State {
  std::vector<float> gradient, master, first_moment, second_moment;
};

/// Before the first step.
inline State initial_state(std::int64_t n, std::uint64_t key) {
  const auto size = static_cast<std::size_t>(n);
  return {normal_input<float>(key, 1, n), normal_input<float>(key, 2, n, 0.0, 0.02),
          std::vector<float>(size), std::vector<float>(size)};
}

/// Copies of a few stretches, ends included, on which the definition repeats an update.
inline State sampled(const State& state) {
  constexpr std::int64_t kStretch = 4096;
  const auto n = static_cast<std::int64_t>(state.master.size());
  const auto pick = [&](const std::vector<float>& values) {
    std::vector<float> result;
    for (std::int64_t k = 0; k < 16; ++k) {
      const auto from = values.begin() + (n - kStretch) * k / 15;
      result.insert(result.end(), from, from + kStretch);
    }
    return result;
  };
  return {pick(state.gradient), pick(state.master), pick(state.first_moment),
          pick(state.second_moment)};
}

/// A step from `before` to `after` (samples) against the definition, with the float definition as
/// control.
inline std::vector<Check> update_checks(const Hyperparameters& hyperparameters, std::int64_t step,
                                        float gradient_scale, const State& before,
                                        const State& after) {
  const auto run = [&](const auto& convert) {
    auto gradient = convert(before.gradient);
    using Real = typename decltype(gradient)::value_type;
    struct {
      std::vector<Real> master, first_moment, second_moment;
    } updated{convert(before.master), convert(before.first_moment), convert(before.second_moment)};
    update_reference(hyperparameters, step, static_cast<Real>(gradient_scale),
                     static_cast<std::int64_t>(gradient.size()), gradient.data(),
                     updated.master.data(), updated.first_moment.data(),
                     updated.second_moment.data());
    return updated;
  };
  const auto exact = run(to_double<float>);
  const auto control = run(to_single<float>);
  return {compare_with_control("master", to_double(after.master), stored_as<float>(control.master),
                               exact.master),
          compare_with_control("first moment", to_double(after.first_moment),
                               stored_as<float>(control.first_moment), exact.first_moment),
          compare_with_control("second moment", to_double(after.second_moment),
                               stored_as<float>(control.second_moment), exact.second_moment)};
}

/// The model's copy is the master, rounded once.
template <class T>
Check weights_are_rounded(const std::vector<float>& master, const std::vector<T>& weight) {
  Check check{"weights that are not the rounded master", 0.0, 0.0};
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const float wanted = to_float(from_float<T>(master[i]));
    if (!(to_float(weight[i]) == wanted)) check.error += 1.0;
  }
  return check;
}

/// The model's copy is the master, rounded as the draw says for that step (operands.h).
inline Check weights_are_rounded_as_drawn(const RoundingDraw& draw, std::int64_t step,
                                          const std::vector<float>& master,
                                          const std::vector<Bf16>& weight) {
  Check check{"weights that are not the master rounded as drawn", 0.0, 0.0};
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const std::uint64_t number = draw.first + i;
    const Philox4 random = philox(draw.key, number / 4, static_cast<std::uint64_t>(step));
    const Bf16 wanted = rounded_stochastically(master[i], random.word[number % 4]);
    if (weight[i].bits != wanted.bits) check.error += 1.0;
  }
  return check;
}

/// The norm and clip factor of the gradient. The control sums chunks in float, then their sums: one
/// float sum over millions would stand still long before its end.
inline std::vector<Check> norm_checks(const std::vector<float>& gradient, double norm, float clip) {
  constexpr std::int64_t kChunk = 4096;
  const auto n = static_cast<std::int64_t>(gradient.size());
  const double exact = std::sqrt(sum_of_squares_reference(n, to_double(gradient).data()));
  float squares = 0.0F;
  for (std::int64_t i = 0; i < n; i += kChunk) {
    squares += sum_of_squares_reference(std::min(kChunk, n - i), gradient.data() + i);
  }
  const float control = std::sqrt(squares);
  return {compare_with_control("norm", {norm}, stored_as<float>({control}), {exact}),
          compare_with_control("clip", {static_cast<double>(clip)},
                               stored_as<float>({static_cast<float>(kMaxNorm) / control}),
                               {kMaxNorm / exact})};
}

/// The workloads of n parameters, with no back end yet.
inline Workload declare_update(std::int64_t n, Precision precision,
                               const char* operation = "update") {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  Workload w;
  w.family = "adamw";
  w.operation = operation;
  w.problem = {{"parameters", n}};
  w.precision = precision;
  w.flops = 18 * static_cast<std::uint64_t>(n);
  w.bytes = (28 + element) * static_cast<std::uint64_t>(n);
  w.inputs = "gradient normal(0, 1) clipped to norm 1, weights normal(0, 0.02), by Philox";
  return named(std::move(w));
}

inline Workload declare_gradient_norm(std::int64_t n) {
  Workload w;
  w.family = "adamw";
  w.operation = "gradient_norm";
  w.problem = {{"parameters", n}};
  w.precision = Precision::fp32;
  w.flops = 2 * static_cast<std::uint64_t>(n);
  w.bytes = 4 * static_cast<std::uint64_t>(n);
  w.inputs = "normal(0, 1) by Philox";
  return named(std::move(w));
}

/// The CPU workloads of n parameters.
[[nodiscard]] Workload cpu_update_workload(std::int64_t n, Precision precision);
[[nodiscard]] Workload cpu_gradient_norm_workload(std::int64_t n);
/// The CUDA workloads of n parameters; weights in BF16, rounded to nearest or stochastically.
[[nodiscard]] Workload cuda_update_workload(std::int64_t n);
[[nodiscard]] Workload cuda_update_stochastic_workload(std::int64_t n);
[[nodiscard]] Workload cuda_gradient_norm_workload(std::int64_t n);

}  // namespace assay::adamw
