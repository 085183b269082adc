#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/attention/attention.h"

namespace assay::attention {
namespace {

/// Where one query head of one sequence lies, and the distance between its tokens.
struct View {
  std::int64_t q;           ///< offset in q and dq
  std::int64_t kv;          ///< offset in k, v, dk and dv
  std::int64_t out;         ///< offset in out and dout
  std::int64_t statistics;  ///< offset in log_sum
  std::int64_t row_stride;  ///< of q, k, v
  std::int64_t out_stride;
};

View view(const Shape& shape, std::int64_t batch, std::int64_t head) {
  const std::int64_t first = batch * shape.sequence;
  const std::int64_t kv_head = head / (shape.heads / shape.kv_heads);
  const std::int64_t out_stride = shape.heads * shape.head_size;
  return {first * shape.row_stride + head * shape.head_size,
          first * shape.row_stride + kv_head * shape.head_size,
          first * out_stride + head * shape.head_size,
          (batch * shape.heads + head) * shape.sequence,
          shape.row_stride,
          out_stride};
}

template <class Real>
Real dot(const Real* a, const Real* b, std::int64_t n) {
  Real sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// y += factor · x
template <class Real>
void add(Real factor, const Real* x, Real* y, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

/// P or dS as an operand of a product.
template <class Real>
Real operand(Real value, Weights weights) {
  if (weights == Weights::as_computed) return value;
  const auto single = static_cast<float>(value);
  return static_cast<Real>(weights == Weights::bf16 ? to_float(to_bf16(single))
                                                    : to_float(to_fp16(single)));
}

/// The positions to compute, in ascending order: those given, or all.
std::vector<std::int64_t> computed(const Shape& shape, const std::vector<std::int64_t>& positions) {
  if (!positions.empty()) return positions;
  std::vector<std::int64_t> all(static_cast<std::size_t>(shape.sequence));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return all;
}

/// S_tu for u <= t.
template <class Real>
void scores_of(const Shape& shape, const Real* q_t, const Real* k, std::int64_t t,
               std::vector<Real>& scores) {
  const Real scale = Real{1} / std::sqrt(static_cast<Real>(shape.head_size));
  for (std::int64_t u = 0; u <= t; ++u) {
    scores[static_cast<std::size_t>(u)] =
        scale * dot(q_t, k + u * shape.row_stride, shape.head_size);
  }
}

/// Replaces scores by P_tu, u <= t; returns L_t.
template <class Real>
Real normalise(std::int64_t t, std::vector<Real>& row) {
  const auto end = row.begin() + t + 1;
  const Real largest = *std::max_element(row.begin(), end);
  Real sum = 0;
  for (auto entry = row.begin(); entry != end; ++entry) {
    *entry = std::exp(*entry - largest);
    sum += *entry;
  }
  for (auto entry = row.begin(); entry != end; ++entry) *entry /= sum;
  return largest + std::log(sum);
}

}  // namespace

template <class Real>
void forward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v, Real* out,
                       Real* log_sum, Weights weights, const std::vector<std::int64_t>& positions) {
  const std::vector<std::int64_t> queries = computed(shape, positions);
  std::vector<Real> row(static_cast<std::size_t>(shape.sequence));
  for (std::int64_t batch = 0; batch < shape.batch; ++batch) {
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const View at = view(shape, batch, head);
      for (const std::int64_t t : queries) {
        scores_of(shape, q + at.q + t * at.row_stride, k + at.kv, t, row);
        const Real l = normalise(t, row);
        if (log_sum != nullptr) log_sum[at.statistics + t] = l;
        Real* o = out + at.out + t * at.out_stride;
        std::fill(o, o + shape.head_size, Real{0});
        for (std::int64_t u = 0; u <= t; ++u) {
          add(operand(row[static_cast<std::size_t>(u)], weights), v + at.kv + u * at.row_stride, o,
              shape.head_size);
        }
      }
    }
  }
}
template void forward_reference(const Shape&, const double*, const double*, const double*, double*,
                                double*, Weights, const std::vector<std::int64_t>&);
template void forward_reference(const Shape&, const float*, const float*, const float*, float*,
                                float*, Weights, const std::vector<std::int64_t>&);

template <class Real>
void backward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v,
                        const Real* dout, Real* dq, Real* dk, Real* dv, const Real* out,
                        const Real* log_sum, Weights weights,
                        const std::vector<std::int64_t>& positions) {
  const Real scale = Real{1} / std::sqrt(static_cast<Real>(shape.head_size));
  const std::int64_t width = shape.head_size;
  for (std::int64_t token = 0; token < shape.batch * shape.sequence; ++token) {
    const std::int64_t row = token * shape.row_stride;
    std::fill(dq + row, dq + row + shape.heads * width, Real{0});
    std::fill(dk + row, dk + row + shape.kv_heads * width, Real{0});
    std::fill(dv + row, dv + row + shape.kv_heads * width, Real{0});
  }
  const std::vector<std::int64_t> every = computed(shape, {});
  const std::vector<std::int64_t> chosen = computed(shape, positions);
  std::vector<Real> row(static_cast<std::size_t>(shape.sequence));
  std::vector<Real> drow(row.size());
  for (std::int64_t batch = 0; batch < shape.batch; ++batch) {
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const View at = view(shape, batch, head);
      for (std::int64_t t = 0; t < shape.sequence; ++t) {
        const Real* q_t = q + at.q + t * at.row_stride;
        const Real* do_t = dout + at.out + t * at.out_stride;
        Real delta = 0;
        if (log_sum != nullptr) {
          delta = dot(do_t, out + at.out + t * at.out_stride, width);
        } else {
          scores_of(shape, q_t, k + at.kv, t, row);
          normalise(t, row);
          for (std::int64_t u = 0; u <= t; ++u) {
            drow[static_cast<std::size_t>(u)] = dot(do_t, v + at.kv + u * at.row_stride, width);
          }
          // do_t·o_t with o_t = Σ_u P_tu v_u
          delta = dot(row.data(), drow.data(), t + 1);
        }
        // dq_t takes all keys; without it only chosen keys take t.
        const bool is_chosen = std::binary_search(chosen.begin(), chosen.end(), t);
        for (const std::int64_t u : is_chosen ? every : chosen) {
          if (u > t) break;
          const auto i = static_cast<std::size_t>(u);
          const std::int64_t key = at.kv + u * at.row_stride;
          if (log_sum != nullptr) {
            row[i] = std::exp(scale * dot(q_t, k + key, width) - log_sum[at.statistics + t]);
            drow[i] = dot(do_t, v + key, width);
          }
          const Real dscore = scale * operand(row[i] * (drow[i] - delta), weights);
          add(dscore, k + key, dq + at.q + t * at.row_stride, width);
          add(dscore, q_t, dk + key, width);
          add(operand(row[i], weights), do_t, dv + key, width);
        }
      }
    }
  }
}
template void backward_reference(const Shape&, const double*, const double*, const double*,
                                 const double*, double*, double*, double*, const double*,
                                 const double*, Weights, const std::vector<std::int64_t>&);
template void backward_reference(const Shape&, const float*, const float*, const float*,
                                 const float*, float*, float*, float*, const float*, const float*,
                                 Weights, const std::vector<std::int64_t>&);

}  // namespace assay::attention
