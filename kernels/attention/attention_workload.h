#pragma once
/// What the CPU's and CUDA's workloads of attention share: host buffers, the check of the output
/// against the definition, and the declaration without a back end.
#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"

namespace assay::attention {

enum class Pass { forward, backward };

/// Query heads, key heads and value heads of a token side by side, as a fused projection leaves
/// them.
inline Shape packed(Shape shape) {
  shape.row_stride = (shape.heads + 2 * shape.kv_heads) * shape.head_size;
  return shape;
}

/// Host buffers of one attention workload.
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
inline std::vector<Sample> samples(const Shape& shape) {
  std::vector<Sample> all{{0, 0}};
  if (shape.batch * shape.kv_heads > 1) all.push_back({shape.batch - 1, shape.kv_heads - 1});
  return all;
}

/// The positions of a sample that are checked: all of a short sequence, else 32, evenly spread, the
/// first and the last included.
inline std::vector<std::int64_t> checked_positions(std::int64_t sequence) {
  constexpr std::int64_t kShort = 512;
  const std::int64_t count = sequence <= kShort ? sequence : 32;
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(count == 1 ? 0 : (sequence - 1) * i / (count - 1));
  }
  return all;
}

/// A sample's tensors, cut out of a workload's.
template <class T, class Statistic = T>
struct SampleTensors {
  Shape shape;  ///< one sequence, one key head
  std::vector<T> qkv, out, dout, dqkv;
  std::vector<Statistic> log_sum;
};

template <class T>
SampleTensors<T, float> sample_of(const Buffers<T>& b, const Sample& sample) {
  const Shape& s = b.shape;
  const std::int64_t group = s.heads / s.kv_heads;
  const std::int64_t width = group * s.head_size;
  SampleTensors<T, float> cut{
      packed({1, s.sequence, group, 1, s.head_size, 0}), {}, {}, {}, {}, {}};
  const auto append = [](const auto& from, std::int64_t first, std::int64_t count, auto& to) {
    to.insert(to.end(), from.begin() + first, from.begin() + first + count);
  };
  for (std::int64_t t = 0; t < s.sequence; ++t) {
    const std::int64_t token = sample.batch * s.sequence + t;
    const std::int64_t row = token * s.row_stride;
    const std::int64_t column = sample.kv_head * s.head_size;
    const auto append_heads = [&](const std::vector<T>& from, std::vector<T>& to) {
      append(from, row + sample.kv_head * width, width, to);
      append(from, row + b.k_at + column, s.head_size, to);
      append(from, row + b.v_at + column, s.head_size, to);
    };
    append_heads(b.qkv, cut.qkv);
    append_heads(b.dqkv, cut.dqkv);
    append(b.out, token * b.k_at + sample.kv_head * width, width, cut.out);
    append(b.dout, token * b.k_at + sample.kv_head * width, width, cut.dout);
  }
  append(b.log_sum, (sample.batch * s.heads + sample.kv_head * group) * s.sequence,
         group * s.sequence, cut.log_sum);
  return cut;
}

/// What is compared, of all samples one after another.
template <class T, class Statistic = T>
struct Checked {
  std::vector<T> out, dq, dk, dv;
  std::vector<Statistic> log_sum;

  void append(const SampleTensors<T, Statistic>& sample) {
    const Shape& s = sample.shape;
    const std::int64_t width = s.heads * s.head_size;
    for (const std::int64_t t : checked_positions(s.sequence)) {
      const auto row = sample.dqkv.begin() + t * s.row_stride;
      dq.insert(dq.end(), row, row + width);
      dk.insert(dk.end(), row + width, row + width + s.head_size);
      dv.insert(dv.end(), row + width + s.head_size, row + s.row_stride);
      out.insert(out.end(), sample.out.begin() + t * width, sample.out.begin() + (t + 1) * width);
      for (std::int64_t head = 0; head < s.heads; ++head) {
        log_sum.push_back(sample.log_sum[static_cast<std::size_t>(head * s.sequence + t)]);
      }
    }
  }
};

/// The definition's results of one pass in place of those of a sample. `of` widens elements.
template <class T, class Convert>
auto define_sample(const SampleTensors<T, float>& sample, Pass pass, Weights weights,
                   const Convert& of) {
  using Real = typename decltype(of(sample.qkv))::value_type;
  SampleTensors<Real> r{sample.shape,    of(sample.qkv),  of(sample.out),
                        of(sample.dout), of(sample.dqkv), of(sample.log_sum)};
  const Shape& s = r.shape;
  const auto positions = checked_positions(s.sequence);
  const Real* const q = r.qkv.data();
  Real* const dq = r.dqkv.data();
  const std::int64_t k = s.heads * s.head_size;
  const std::int64_t v = k + s.head_size;
  if (pass == Pass::forward) {
    forward_reference(s, q, q + k, q + v, r.out.data(), r.log_sum.data(), weights, positions);
  } else {
    backward_reference(s, q, q + k, q + v, r.dout.data(), dq, dq + k, dq + v, r.out.data(),
                       r.log_sum.data(), weights, positions);
  }
  return r;
}

/// The outputs in the buffers against the definition, with the float definition as control.
template <class T>
std::vector<Check> verify(Pass pass, const Buffers<T>& b) {
  Checked<T, float> output;
  Checked<float> control;
  Checked<double> exact;
  for (const Sample& which : samples(b.shape)) {
    const auto sample = sample_of(b, which);
    output.append(sample);
    control.append(define_sample(sample, pass, control_weights<T>(),
                                 [](const auto& values) { return to_single(values); }));
    exact.append(define_sample(sample, pass, Weights::as_computed,
                               [](const auto& values) { return to_double(values); }));
  }
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

/// The workload of that problem, with no back end yet.
inline Workload declare(Pass pass, const Shape& shape, Precision precision) {
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
  const auto element = static_cast<std::int64_t>(precision == Precision::fp32 ? 4 : 2);
  const std::int64_t tokens = shape.batch * shape.sequence;
  const std::int64_t heads_per_token =
      forward ? 2 * shape.heads + 2 * shape.kv_heads : 4 * shape.heads + 4 * shape.kv_heads;
  w.bytes = static_cast<std::uint64_t>(
      tokens * (heads_per_token * shape.head_size * element + shape.heads * 4));
  w.tokens = static_cast<std::uint64_t>(tokens);
  w.inputs = "normal(0, 1) by Philox";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Pass pass, const Shape& shape, Precision precision);
/// The CUDA workload of that problem, in BF16 or FP16.
[[nodiscard]] Workload cuda_workload(Pass pass, const Shape& shape, Precision precision);

}  // namespace assay::attention
