#include "kernels/adamw/adamw.h"

#include <cmath>
#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::adamw {

float clip_factor(double norm, double max_norm) {
  return norm > max_norm ? static_cast<float>(max_norm / norm) : 1.0F;
}

namespace {

constexpr double kMaxNorm = 1.0;

/// What one parameter stretch holds.
struct State {
  std::vector<float> gradient, master, first_moment, second_moment;
};

template <class T>
struct Buffers {
  State state;
  std::vector<T> weight;
  std::int64_t step = 0;
  float gradient_scale = 1.0F;
};

/// Copies of a few stretches, ends included, on which the definition repeats an update.
State sampled(const State& state) {
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

template <class Real>
struct Updated {
  std::vector<Real> master, first_moment, second_moment;
};

template <class T>
std::vector<Check> verify_update(Buffers<T>& b, const std::function<void()>& iterate) {
  const State before = sampled(b.state);
  iterate();
  const State after = sampled(b.state);
  const auto run = [&](const auto& convert) {
    auto gradient = convert(before.gradient);
    using Real = typename decltype(gradient)::value_type;
    Updated<Real> u{convert(before.master), convert(before.first_moment),
                    convert(before.second_moment)};
    update_reference(Hyperparameters{}, b.step, static_cast<Real>(b.gradient_scale),
                     static_cast<std::int64_t>(gradient.size()), gradient.data(), u.master.data(),
                     u.first_moment.data(), u.second_moment.data());
    return u;
  };
  const auto exact = run(to_double<float>);
  const auto control = run(to_single<float>);
  std::vector<double> weight(b.weight.size());
  double rounding = 0.0;  // the model's copy is the master, rounded once
  for (std::size_t i = 0; i < b.weight.size(); ++i) {
    const float wanted = to_float(from_float<T>(b.state.master[i]));
    if (!(to_float(b.weight[i]) == wanted)) rounding += 1.0;
  }
  return {compare_with_control("master", to_double(after.master), stored_as<float>(control.master),
                               exact.master),
          compare_with_control("first moment", to_double(after.first_moment),
                               stored_as<float>(control.first_moment), exact.first_moment),
          compare_with_control("second moment", to_double(after.second_moment),
                               stored_as<float>(control.second_moment), exact.second_moment),
          {"weights that are not the rounded master", rounding, 0.0}};
}

template <class T>
Instance make_update(std::int64_t n, const CpuDevice& device, const InputKey& key) {
  auto b = std::make_shared<Buffers<T>>();
  const auto size = static_cast<std::size_t>(n);
  b->state = {normal_input<float>(key.key, 1, n), normal_input<float>(key.key, 2, n, 0.0, 0.02),
              std::vector<float>(size), std::vector<float>(size)};
  b->weight.resize(size);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  b->gradient_scale =
      clip_factor(std::sqrt(kernels.sum_of_squares(n, b->state.gradient.data())), kMaxNorm);
  Instance instance;
  instance.iterate = [=, &kernels] {
    kernels.update(Hyperparameters{}, ++b->step, b->gradient_scale, n, b->state.gradient.data(),
                   b->state.master.data(), b->state.first_moment.data(),
                   b->state.second_moment.data(), b->weight.data());
  };
  instance.verify = [=, iterate = instance.iterate] { return verify_update(*b, iterate); };
  return instance;
}

Instance make_gradient_norm(std::int64_t n, const CpuDevice& device, const InputKey& key) {
  struct Buffers {
    std::vector<float> gradient;
    double norm = 0.0;
    float clip = 0.0F;
  };
  auto b = std::make_shared<Buffers>();
  b->gradient = normal_input<float>(key.key, 1, n);
  const auto sum_of_squares = kernels_for<CpuKernels<float>>(device.level).sum_of_squares;
  Instance instance;
  instance.iterate = [=] {
    b->norm = std::sqrt(sum_of_squares(n, b->gradient.data()));
    b->clip = clip_factor(b->norm, kMaxNorm);
  };
  instance.verify = [=] {
    const double exact = std::sqrt(sum_of_squares_reference(n, to_double(b->gradient).data()));
    const float control = std::sqrt(sum_of_squares_reference(n, b->gradient.data()));
    return std::vector<Check>{
        compare_with_control("norm", {b->norm}, stored_as<float>({control}), {exact}),
        compare_with_control("clip", {static_cast<double>(b->clip)},
                             stored_as<float>({static_cast<float>(kMaxNorm) / control}),
                             {kMaxNorm / exact})};
  };
  return instance;
}

Workload update_workload(std::int64_t n, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  Workload w;
  w.family = "adamw";
  w.operation = "update";
  w.problem = {{"parameters", n}};
  w.precision = precision;
  w.flops = 18 * static_cast<std::uint64_t>(n);
  w.bytes = (28 + element) * static_cast<std::uint64_t>(n);
  w.inputs = "gradient normal(0, 1) clipped to norm 1, weights normal(0, 0.02), by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_update<Bf16>(n, device, key)
                                        : make_update<float>(n, device, key);
  };
  return named(std::move(w));
}

Workload gradient_norm_workload(std::int64_t n) {
  Workload w;
  w.family = "adamw";
  w.operation = "gradient_norm";
  w.problem = {{"parameters", n}};
  w.precision = Precision::fp32;
  w.flops = 2 * static_cast<std::uint64_t>(n);
  w.bytes = 4 * static_cast<std::uint64_t>(n);
  w.inputs = "normal(0, 1) by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return make_gradient_norm(n, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  constexpr std::int64_t kParameters = 124'439'808 / 8;  // an eighth of GPT-2 124M's
  return {update_workload(kParameters, Precision::fp32),
          update_workload(kParameters, Precision::bf16), gradient_norm_workload(kParameters)};
}

}  // namespace assay::adamw
