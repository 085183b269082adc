#include "kernels/adamw/adamw.h"

#include <cmath>
#include <memory>

#include "kernels/adamw/adamw_workload.h"
#include "kernels/cpu/kernels_at.h"

namespace assay::adamw {

float clip_factor(double norm, double max_norm) {
  return norm > max_norm ? static_cast<float>(max_norm / norm) : 1.0F;
}

namespace {

template <class T>
struct Buffers {
  State state;
  std::vector<T> weight;
  std::int64_t step = 0;
  float gradient_scale = 1.0F;
};

template <class T>
std::vector<Check> verify_update(const Buffers<T>& b, const std::function<void()>& iterate) {
  const State before = sampled(b.state);
  iterate();
  auto all = update_checks(Hyperparameters{}, b.step, b.gradient_scale, before, sampled(b.state));
  all.push_back(weights_are_rounded(b.state.master, b.weight));
  return all;
}

template <class T>
Instance make_update(std::int64_t n, const CpuDevice& device, const InputKey& key) {
  auto b = std::make_shared<Buffers<T>>();
  b->state = initial_state(n, key.key);
  b->weight.resize(b->state.master.size());
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
  instance.verify = [=] { return norm_checks(b->gradient, b->norm, b->clip); };
  return instance;
}

}  // namespace

Workload cpu_update_workload(std::int64_t n, Precision precision) {
  Workload w = declare_update(n, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_update<Bf16>(n, device, key)
                                        : make_update<float>(n, device, key);
  };
  return w;
}

Workload cpu_gradient_norm_workload(std::int64_t n) {
  Workload w = declare_gradient_norm(n);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return make_gradient_norm(n, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  constexpr std::int64_t kGpt2 = 124'439'808;  // parameters of GPT-2 124M
  return {cuda_update_workload(kGpt2 / 4), cuda_update_stochastic_workload(kGpt2 / 4),
          cuda_gradient_norm_workload(kGpt2 / 4)};
}

}  // namespace assay::adamw
