#include "kernels/norm/norm.h"

#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::norm {
namespace {

enum class Kind { layernorm, rmsnorm };
enum class Pass { forward, backward };

/// Host buffers of one norm workload on a CPU, and the check of its output.
template <class T>
struct Buffers {
  Shape shape;
  std::vector<T> x, residual, gamma, beta, dy, sum, y, dx;
  std::vector<float> mean, rstd, dgamma, dbeta;

  Buffers(const Shape& problem, std::uint64_t key) : shape(problem) {
    const std::int64_t n = shape.rows * shape.width;
    x = normal_input<T>(key, 1, n);
    residual = normal_input<T>(key, 2, n);
    gamma = normal_input<T>(key, 3, shape.width, 1.0, 0.1);
    beta = normal_input<T>(key, 4, shape.width, 0.0, 0.1);
    dy = normal_input<T>(key, 5, n);
    sum.resize(x.size());
    y.resize(x.size());
    dx.resize(x.size());
    mean.resize(static_cast<std::size_t>(shape.rows));
    rstd.resize(static_cast<std::size_t>(shape.rows));
    dgamma.resize(gamma.size());
    dbeta.resize(gamma.size());
  }

  [[nodiscard]] Forward<T> forward() {
    return {x.data(),   residual.data(), gamma.data(), beta.data(),
            sum.data(), y.data(),        mean.data(),  rstd.data()};
  }
  [[nodiscard]] Backward<T> backward() {
    return {dy.data(), sum.data(), gamma.data(),  mean.data(), rstd.data(),
            nullptr,   dx.data(),  dgamma.data(), dbeta.data()};
  }
};

template <class Real>
std::vector<Real> reference_forward(Kind kind, const Shape& shape, const std::vector<Real>& x,
                                    const std::vector<Real>& residual,
                                    const std::vector<Real>& gamma, const std::vector<Real>& beta) {
  std::vector<Real> sum(x.size());
  std::vector<Real> y(x.size());
  const ReferenceForward<Real> operands{x.data(),    residual.data(), gamma.data(),
                                        beta.data(), sum.data(),      y.data()};
  kind == Kind::layernorm ? layernorm_forward_reference(shape, operands)
                          : rmsnorm_forward_reference(shape, operands);
  return y;
}

template <class Real>
std::vector<Real> reference_backward(Kind kind, const Shape& shape, const std::vector<Real>& dy,
                                     const std::vector<Real>& sum, const std::vector<Real>& gamma) {
  std::vector<Real> dx(dy.size());
  std::vector<Real> dgamma(gamma.size());
  std::vector<Real> dbeta(gamma.size());
  const ReferenceBackward<Real> operands{dy.data(), sum.data(),    gamma.data(), nullptr,
                                         dx.data(), dgamma.data(), dbeta.data()};
  kind == Kind::layernorm ? layernorm_backward_reference(shape, operands)
                          : rmsnorm_backward_reference(shape, operands);
  return dx;
}

template <class T>
std::vector<Check> verify(Kind kind, Pass pass, const Buffers<T>& b) {
  if (pass == Pass::forward) {
    const auto run = [&](const auto& convert) {
      return reference_forward(kind, b.shape, convert(b.x), convert(b.residual), convert(b.gamma),
                               convert(b.beta));
    };
    return {compare_with_control("y", to_double(b.y), stored_as<T>(run(to_single<T>)),
                                 run(to_double<T>))};
  }
  const auto run = [&](const auto& convert) {
    return reference_backward(kind, b.shape, convert(b.dy), convert(b.sum), convert(b.gamma));
  };
  return {compare_with_control("dx", to_double(b.dx), stored_as<T>(run(to_single<T>)),
                               run(to_double<T>))};
}

template <class T>
Instance make_instance(Kind kind, Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  const auto forward =
      kind == Kind::layernorm ? kernels.layernorm_forward : kernels.rmsnorm_forward;
  const auto backward =
      kind == Kind::layernorm ? kernels.layernorm_backward : kernels.rmsnorm_backward;
  forward(shape, buffers->forward());
  Instance instance;
  if (pass == Pass::forward) {
    instance.iterate = [=] { forward(shape, buffers->forward()); };
  } else {
    instance.iterate = [=] { backward(shape, buffers->backward()); };
  }
  instance.verify = [=] { return verify(kind, pass, *buffers); };
  return instance;
}

Workload workload(Kind kind, Pass pass, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto rows = static_cast<std::uint64_t>(shape.rows);
  const auto width = static_cast<std::uint64_t>(shape.width);
  const std::uint64_t statistics = (kind == Kind::layernorm ? 8 : 4) * rows;
  const std::uint64_t affine = kind == Kind::layernorm ? 2 : 1;
  const bool forward = pass == Pass::forward;
  Workload w;
  w.family = "norm";
  w.operation = std::string(kind == Kind::layernorm ? "layernorm" : "rmsnorm") +
                (forward ? "_residual_forward" : "_backward");
  w.problem = {{"rows", shape.rows}, {"width", shape.width}};
  w.precision = precision;
  const std::uint64_t per_element =
      kind == Kind::layernorm ? (forward ? 9 : 14) : (forward ? 6 : 10);
  w.flops = per_element * rows * width;
  w.bytes = forward
                ? 4 * rows * width * element + affine * width * element + statistics
                : 3 * rows * width * element + width * element + statistics + affine * width * 4;
  w.inputs = "normal(0, 1) by Philox; gamma normal(1, 0.1), beta normal(0, 0.1)";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(kind, pass, shape, device, key)
                                        : make_instance<float>(kind, pass, shape, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      all.push_back(workload(Kind::layernorm, pass, {1024, 768}, precision));
      all.push_back(workload(Kind::rmsnorm, pass, {1024, 2048}, precision));
    }
  }
  return all;
}

}  // namespace assay::norm
