#include "kernels/attention/attention.h"

#include <memory>
#include <type_traits>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::attention {
namespace {

enum class Pass { forward, backward };

/// Query heads, key heads and value heads of a token side by side, as a fused projection leaves
/// them.
Shape packed(Shape shape) {
  shape.row_stride = (shape.heads + 2 * shape.kv_heads) * shape.head_size;
  return shape;
}

/// Host buffers of one attention workload on a CPU.
template <class T>
struct Buffers {
  Shape shape;
  std::int64_t k_at = 0;
  std::int64_t v_at = 0;
  std::vector<T> qkv, out, dout, dqkv;
  std::vector<float> log_sum;

  Buffers(const Shape& problem, std::uint64_t key) : shape(problem) {
    const std::int64_t tokens = shape.batch * shape.sequence;
    k_at = shape.heads * shape.head_size;
    v_at = k_at + shape.kv_heads * shape.head_size;
    qkv = normal_input<T>(key, 1, tokens * shape.row_stride);
    dout = normal_input<T>(key, 2, tokens * k_at);
    out.resize(dout.size());
    dqkv.resize(qkv.size());
    log_sum.resize(static_cast<std::size_t>(tokens * shape.heads));
  }

  [[nodiscard]] Forward<T> forward() {
    return {qkv.data(), qkv.data() + k_at, qkv.data() + v_at, out.data(), log_sum.data()};
  }
  [[nodiscard]] Backward<T> backward() {
    return {qkv.data(),  qkv.data() + k_at, qkv.data() + v_at,  out.data(),        log_sum.data(),
            dout.data(), dqkv.data(),       dqkv.data() + k_at, dqkv.data() + v_at};
  }
};

/// A key head of one sequence with its query heads: a problem of its own, small enough for the
/// definition.
struct Sample {
  std::int64_t batch = 0;
  std::int64_t kv_head = 0;
};

/// The first and the last: an error in any stride reaches one of them.
std::vector<Sample> samples(const Shape& shape) {
  std::vector<Sample> all{{0, 0}};
  if (shape.batch * shape.kv_heads > 1) all.push_back({shape.batch - 1, shape.kv_heads - 1});
  return all;
}

/// Copies columns [first, first + count) of `rows` rows to the end of `to`.
template <class Real>
void append_columns(const std::vector<Real>& from, std::int64_t first_row, std::int64_t rows,
                    std::int64_t stride, std::int64_t first, std::int64_t count,
                    std::vector<Real>& to) {
  for (std::int64_t row = first_row; row < first_row + rows; ++row) {
    const auto begin = from.begin() + row * stride + first;
    to.insert(to.end(), begin, begin + count);
  }
}

/// The samples' outputs, in one order whether they come from a kernel or a definition.
template <class Real, class Statistic = Real>
struct Sampled {
  std::vector<Real> out, dq, dk, dv;
  std::vector<Statistic> log_sum;
};

template <class T>
Sampled<T, float> computed(const Buffers<T>& b) {
  const Shape& s = b.shape;
  const std::int64_t group = s.heads / s.kv_heads;
  const std::int64_t width = group * s.head_size;
  Sampled<T, float> all;
  for (const auto& [batch, kv_head] : samples(s)) {
    const std::int64_t row = batch * s.sequence;
    const std::int64_t column = kv_head * s.head_size;
    append_columns(b.out, row, s.sequence, b.k_at, kv_head * width, width, all.out);
    append_columns(b.log_sum, batch * s.heads + kv_head * group, group, s.sequence, 0, s.sequence,
                   all.log_sum);
    append_columns(b.dqkv, row, s.sequence, s.row_stride, kv_head * width, width, all.dq);
    append_columns(b.dqkv, row, s.sequence, s.row_stride, b.k_at + column, s.head_size, all.dk);
    append_columns(b.dqkv, row, s.sequence, s.row_stride, b.v_at + column, s.head_size, all.dv);
  }
  return all;
}

/// A Bf16 control rounds P and dS as the units that multiply Bf16 need them; the definition
/// doesn't.
template <class T, class Real>
constexpr Weights kWeights =
    std::is_same_v<T, Bf16>&& std::is_same_v<Real, float> ? Weights::bf16 : Weights::as_computed;

/// The definition's outputs. `of` widens a buffer's elements to Real.
template <class Real, class T, class Convert>
Sampled<Real> defined(const Buffers<T>& b, Pass pass, const Convert& of) {
  const Shape& s = b.shape;
  const std::int64_t group = s.heads / s.kv_heads;
  const std::int64_t width = group * s.head_size;
  const Shape one{1, s.sequence, group, 1, s.head_size, s.row_stride};
  const std::vector<Real> qkv = of(b.qkv);
  const std::vector<Real> dout = of(b.dout);
  const std::vector<Real> out = of(b.out);
  const std::vector<Real> log_sum = of(b.log_sum);
  Sampled<Real> all;
  for (const auto& [batch, kv_head] : samples(s)) {
    const std::int64_t row = batch * s.sequence;
    const std::int64_t statistics = batch * s.heads + kv_head * group;
    const Real* token = qkv.data() + row * s.row_stride;
    const Real* q = token + kv_head * width;
    const Real* k = token + b.k_at + kv_head * s.head_size;
    const Real* v = token + b.v_at + kv_head * s.head_size;
    if (pass == Pass::forward) {
      Sampled<Real> sample;
      sample.out.resize(static_cast<std::size_t>(s.sequence * width));
      sample.log_sum.resize(static_cast<std::size_t>(s.sequence * group));
      forward_reference(one, q, k, v, sample.out.data(), sample.log_sum.data(), kWeights<T, Real>);
      all.out.insert(all.out.end(), sample.out.begin(), sample.out.end());
      all.log_sum.insert(all.log_sum.end(), sample.log_sum.begin(), sample.log_sum.end());
      continue;
    }
    std::vector<Real> dout_sample;
    std::vector<Real> out_sample;
    append_columns(dout, row, s.sequence, b.k_at, kv_head * width, width, dout_sample);
    append_columns(out, row, s.sequence, b.k_at, kv_head * width, width, out_sample);
    std::vector<Real> dqkv(static_cast<std::size_t>(s.sequence * s.row_stride));
    backward_reference(one, q, k, v, dout_sample.data(), dqkv.data(), dqkv.data() + b.k_at,
                       dqkv.data() + b.v_at, out_sample.data(),
                       log_sum.data() + statistics * s.sequence, kWeights<T, Real>);
    append_columns(dqkv, 0, s.sequence, s.row_stride, 0, width, all.dq);
    append_columns(dqkv, 0, s.sequence, s.row_stride, b.k_at, s.head_size, all.dk);
    append_columns(dqkv, 0, s.sequence, s.row_stride, b.v_at, s.head_size, all.dv);
  }
  return all;
}

template <class T>
std::vector<Check> verify(Pass pass, const Buffers<T>& b) {
  const auto output = computed(b);
  const auto control = defined<float>(b, pass, [](const auto& x) { return to_single(x); });
  const auto exact = defined<double>(b, pass, [](const auto& x) { return to_double(x); });
  const auto check = [](const char* name, const std::vector<T>& kernel,
                        const std::vector<float>& plain, const std::vector<double>& reference) {
    return compare_with_control(name, to_double(kernel), stored_as<T>(plain), reference);
  };
  if (pass == Pass::forward) {
    return {check("out", output.out, control.out, exact.out),
            compare_with_control("log_sum", to_double(output.log_sum),
                                 stored_as<float>(control.log_sum), exact.log_sum)};
  }
  return {check("dq", output.dq, control.dq, exact.dq),
          check("dk", output.dk, control.dk, exact.dk),
          check("dv", output.dv, control.dv, exact.dv)};
}

template <class T>
Instance make_instance(Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  kernels.forward(shape, buffers->forward());
  Instance instance;
  if (pass == Pass::forward) {
    instance.iterate = [=, &kernels] { kernels.forward(shape, buffers->forward()); };
  } else {
    instance.iterate = [=, &kernels] { kernels.backward(shape, buffers->backward()); };
  }
  instance.verify = [=] { return verify(pass, *buffers); };
  return instance;
}

Workload workload(Pass pass, const Shape& shape, Precision precision) {
  const bool forward = pass == Pass::forward;
  Workload w;
  w.family = "attention";
  w.operation = forward ? "attention_forward" : "attention_backward";
  w.problem = {{"batch", shape.batch},
               {"sequence", shape.sequence},
               {"heads", shape.heads},
               {"kv_heads", shape.kv_heads},
               {"head_size", shape.head_size}};
  w.precision = precision;
  w.flops = forward ? forward_flops(shape) : backward_flops(shape);
  const auto element = static_cast<std::int64_t>(precision == Precision::bf16 ? 2 : 4);
  const std::int64_t tokens = shape.batch * shape.sequence;
  const std::int64_t heads_per_token =
      forward ? 2 * shape.heads + 2 * shape.kv_heads : 4 * shape.heads + 4 * shape.kv_heads;
  w.bytes = static_cast<std::uint64_t>(
      tokens * (heads_per_token * shape.head_size * element + shape.heads * 4));
  w.tokens = static_cast<std::uint64_t>(tokens);
  w.inputs = "normal(0, 1) by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, device, key)
                                        : make_instance<float>(pass, shape, device, key);
  };
  return named(std::move(w));
}

/// T²/2 scores a head, D multiply-adds for each in each product.
std::uint64_t product_flops(const Shape& shape) {
  return static_cast<std::uint64_t>(shape.batch * shape.heads * shape.sequence * shape.sequence *
                                    shape.head_size);
}

}  // namespace

std::uint64_t forward_flops(const Shape& shape) {
  return 2 * product_flops(shape);
}

std::uint64_t backward_flops(const Shape& shape) {
  return 4 * product_flops(shape);
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      all.push_back(workload(pass, packed({2, 512, 12, 12, 64, 0}), precision));
      all.push_back(workload(pass, packed({1, 512, 8, 2, 64, 0}), precision));
      all.push_back(workload(pass, packed({1, 512, 8, 1, 128, 0}), precision));
    }
  }
  return all;
}

}  // namespace assay::attention
