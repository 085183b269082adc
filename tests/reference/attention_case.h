#pragma once
/// One problem of attention with its inputs, and the check of whatever computed it against the
/// definition: CPU levels (attention_test.cpp) and CUDA kernels (ptx/attention_cuda_test.cpp).
#include <string>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"

namespace assay::attention {

/// Rows with a gap of `gap` elements after the value heads.
inline Shape shape_of(std::int64_t batch, std::int64_t sequence, std::int64_t heads,
                      std::int64_t kv_heads, std::int64_t head_size, std::int64_t gap = 0) {
  return {batch, sequence, heads, kv_heads, head_size, (heads + 2 * kv_heads) * head_size + gap};
}

/// Where the key heads and the value heads of packed rows begin.
inline std::int64_t keys_at(const Shape& shape) {
  return shape.heads * shape.head_size;
}
inline std::int64_t values_at(const Shape& shape) {
  return keys_at(shape) + shape.kv_heads * shape.head_size;
}

inline std::string text(const Shape& s) {
  return "B" + std::to_string(s.batch) + " T" + std::to_string(s.sequence) + " H" +
         std::to_string(s.heads) + " G" + std::to_string(s.kv_heads) + " D" +
         std::to_string(s.head_size) + " stride " + std::to_string(s.row_stride);
}

template <class T>
struct Case {
  Shape shape;
  std::vector<T> qkv, dout;

  explicit Case(const Shape& problem)
      : shape(problem),
        qkv(normal_input<T>(5, 1, shape.batch * shape.sequence * shape.row_stride)),
        dout(normal_input<T>(5, 2, shape.batch * shape.sequence * keys_at(shape))) {}
};

template <class Real, class Statistic = Real>
struct Results {
  std::vector<Real> out, dqkv;
  std::vector<Statistic> log_sum;
};

/// What a forward kernel left, as operands of the definition's backward pass.
template <class Real>
struct Saved {
  std::vector<Real> out, log_sum;
};

template <class Real>
Results<Real> define(const Shape& shape, const std::vector<Real>& qkv,
                     const std::vector<Real>& dout, const Saved<Real>& saved = {},
                     Weights weights = Weights::as_computed) {
  const std::int64_t k = keys_at(shape);
  const std::int64_t v = values_at(shape);
  const auto statistics = static_cast<std::size_t>(shape.batch * shape.heads * shape.sequence);
  Results<Real> r{std::vector<Real>(dout.size()), std::vector<Real>(qkv.size()),
                  std::vector<Real>(statistics)};
  forward_reference(shape, qkv.data(), qkv.data() + k, qkv.data() + v, r.out.data(),
                    r.log_sum.data(), weights);
  const bool whole = saved.out.empty();
  backward_reference(shape, qkv.data(), qkv.data() + k, qkv.data() + v, dout.data(), r.dqkv.data(),
                     r.dqkv.data() + k, r.dqkv.data() + v, whole ? nullptr : saved.out.data(),
                     whole ? nullptr : saved.log_sum.data(), weights);
  return r;
}

/// The heads [first, first + count) of each row.
template <class Real>
std::vector<Real> heads_of(const Shape& shape, const std::vector<Real>& rows, std::int64_t first,
                           std::int64_t count) {
  std::vector<Real> part;
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    const auto begin = rows.begin() + row * shape.row_stride + first * shape.head_size;
    part.insert(part.end(), begin, begin + count * shape.head_size);
  }
  return part;
}

template <class T>
std::vector<Check> checks(const Case<T>& c, const Results<T, float>& output) {
  const Shape& shape = c.shape;
  const auto control =
      define(shape, to_single(c.qkv), to_single(c.dout),
             {to_single(output.out), to_single(output.log_sum)}, control_weights<T>());
  const auto exact = define(shape, to_double(c.qkv), to_double(c.dout),
                            {to_double(output.out), to_double(output.log_sum)});
  std::vector<Check> all{
      compare_with_control("out", to_double(output.out), stored_as<T>(control.out), exact.out),
      compare_with_control("log_sum", to_double(output.log_sum), stored_as<float>(control.log_sum),
                           exact.log_sum)};
  const auto check = [&](const char* name, std::int64_t first, std::int64_t count) {
    all.push_back(compare_with_control(name, to_double(heads_of(shape, output.dqkv, first, count)),
                                       stored_as<T>(heads_of(shape, control.dqkv, first, count)),
                                       heads_of(shape, exact.dqkv, first, count)));
  };
  check("dq", 0, shape.heads);
  check("dk", shape.heads, shape.kv_heads);
  check("dv", shape.heads + shape.kv_heads, shape.kv_heads);
  return all;
}

}  // namespace assay::attention
