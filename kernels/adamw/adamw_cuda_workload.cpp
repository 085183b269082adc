#include <memory>
#include <optional>

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/adamw/adamw_workload.h"
#include "kernels/cuda/iteration.h"

namespace assay::adamw {
namespace {

/// Gradients on the device, and what their norm needs.
struct DeviceGradient {
  std::int64_t n;
  cuda::Buffer<float> gradient;
  cuda::Buffer<Progress> progress;
  cuda::Buffer<double> workspace;

  DeviceGradient(const cuda::Stream& stream, const std::vector<float>& host)
      : n(static_cast<std::int64_t>(host.size())),
        gradient(stream, host),
        progress(
            stream,
            std::vector<Progress>{{.factors = {.learning_rate = Hyperparameters{}.learning_rate}}}),
        workspace(stream.device(), gradient_norm_workspace_doubles(n)) {}

  void find_norm(const cuda::Stream& stream) const {
    gradient_norm(stream, n, gradient.data(), kMaxNorm, progress.data(), workspace.data());
  }
  [[nodiscard]] Progress read_progress(const cuda::Stream& stream) const {
    return progress.to_host(stream)[0];
  }
};

/// The device's copy of a stretch of parameters. With a draw weights are rounded stochastically.
struct DeviceState {
  std::optional<RoundingDraw> draw;
  DeviceGradient gradient;
  cuda::Buffer<float> master, first_moment, second_moment;
  cuda::Buffer<Bf16> weight;

  DeviceState(const cuda::Stream& stream, const State& host,
              const std::optional<RoundingDraw>& rounding)
      : draw(rounding),
        gradient(stream, host.gradient),
        master(stream, host.master),
        first_moment(stream, host.first_moment),
        second_moment(stream, host.second_moment),
        weight(stream.device(), host.master.size()) {}

  void step(const cuda::Stream& stream) const {
    const Parameters<Bf16> parameters{gradient.gradient.data(), master.data(), first_moment.data(),
                                      second_moment.data(), weight.data()};
    advance(stream, Hyperparameters{}, gradient.progress.data());
    if (draw) {
      update_stochastic(stream, Hyperparameters{}, gradient.progress.data(), gradient.n, parameters,
                        *draw);
    } else {
      update(stream, Hyperparameters{}, gradient.progress.data(), gradient.n, parameters);
    }
  }
  [[nodiscard]] State read(const cuda::Stream& stream) const {
    return {gradient.gradient.to_host(stream), master.to_host(stream), first_moment.to_host(stream),
            second_moment.to_host(stream)};
  }
};

std::vector<Check> verify_update(const DeviceState& device, const cuda::Stream& stream) {
  const State before = sampled(device.read(stream));
  device.step(stream);
  const State after = device.read(stream);
  const Progress progress = device.gradient.read_progress(stream);
  auto all = update_checks(Hyperparameters{}, progress.step, progress.factors.gradient_scale,
                           before, sampled(after));
  const std::vector<Bf16> weight = device.weight.to_host(stream);
  all.push_back(
      device.draw ? weights_are_rounded_as_drawn(*device.draw, progress.step, after.master, weight)
                  : weights_are_rounded(after.master, weight));
  return all;
}

Instance make_update(std::int64_t n, cuda::Stream& stream, const InputKey& key,
                     const std::optional<RoundingDraw>& draw) {
  auto device = std::make_shared<const DeviceState>(stream, initial_state(n, key.key), draw);
  device->gradient.find_norm(stream);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { device->step(stream); });
  instance.verify = [=, &stream] { return verify_update(*device, stream); };
  return instance;
}

Instance make_gradient_norm(std::int64_t n, cuda::Stream& stream, const InputKey& key) {
  auto host = std::make_shared<const std::vector<float>>(normal_input<float>(key.key, 1, n));
  auto device = std::make_shared<const DeviceGradient>(stream, *host);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { device->find_norm(stream); });
  instance.verify = [=, &stream] {
    const Progress progress = device->read_progress(stream);
    return norm_checks(*host, progress.gradient_norm, progress.factors.gradient_scale);
  };
  return instance;
}

}  // namespace

Workload cuda_update_workload(std::int64_t n) {
  Workload w = declare_update(n, Precision::bf16);
  w.cuda_bytes_issued = cuda::issued_on_every_device(update_bytes_issued(n, sizeof(Bf16)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_update(n, stream, key, std::nullopt);
  };
  return w;
}

Workload cuda_update_stochastic_workload(std::int64_t n) {
  Workload w = declare_update(n, Precision::bf16, "update_stochastic");
  w.cuda_bytes_issued = cuda::issued_on_every_device(update_bytes_issued(n, sizeof(Bf16)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_update(n, stream, key, RoundingDraw{.key = key.key});
  };
  return w;
}

Workload cuda_gradient_norm_workload(std::int64_t n) {
  Workload w = declare_gradient_norm(n);
  w.cuda_bytes_issued = cuda::issued_on_every_device(gradient_norm_bytes_issued(n));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_gradient_norm(n, stream, key);
  };
  return w;
}

}  // namespace assay::adamw
