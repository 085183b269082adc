#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/simd.h"
#include "kernels/cpu/vector.h"
#include "kernels/moe/moe.h"

namespace assay::moe {
namespace {

constexpr std::int64_t kBlock = 1024;  // columns summed over the choices at a time

/// The largest of `values`, NaNs left out; -inf where nothing else is left.
float largest_of(const float* values, std::int64_t n) {
  Vector best = broadcast(-__builtin_inff());
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) best = maximum(load(values + i), best);
  float largest = largest_lane(best)[0];
  for (; i < n; ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

/// The first place of `value` among n, or n.
std::int32_t first_place(const float* values, std::int64_t n, float value) {
  auto place = static_cast<std::int32_t>(n);
#pragma omp simd reduction(min : place)
  for (std::int64_t e = 0; e < n; ++e) {
    const auto here =
        values[e] == value ? static_cast<std::int32_t>(e) : static_cast<std::int32_t>(n);
    place = here < place ? here : place;
  }
  return place;
}

/// The k largest, in falling order, ties to the lower expert. `values` is used up: what was chosen
/// becomes -inf. NaN logits rank last, and still k different experts come out.
void choose(float* values, const Shape& shape, std::int32_t* expert) {
  const float kTaken = -__builtin_inff();
  for (std::int64_t j = 0; j < shape.top_k; ++j) {
    std::int32_t place = first_place(values, shape.experts, largest_of(values, shape.experts));
    if (place == shape.experts || values[place] == kTaken) {
      // Only -inf and NaN are left: take the first that is not among the earlier choices.
      for (place = 0;; ++place) {
        bool taken = false;
        for (std::int64_t i = 0; i < j; ++i) taken = taken || expert[i] == place;
        if (!taken) break;
      }
    }
    expert[j] = place;
    values[place] = kTaken;
  }
}

template <class T>
void route_forward(const Shape& shape, const T* logits, float* probability, std::int32_t* expert,
                   float* weight) {
  const std::int64_t experts = shape.experts;
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const T* row = logits + t * experts;
    float* p = probability + t * experts;
    std::int32_t* chosen = expert + t * shape.top_k;
#pragma omp simd
    for (std::int64_t e = 0; e < experts; ++e) p[e] = to_float(row[e]);
    choose(p, shape, chosen);
    const float largest = to_float(row[chosen[0]]);
    float total = 0.0F;
#pragma omp simd reduction(+ : total)
    for (std::int64_t e = 0; e < experts; ++e) {
      p[e] = simd::exp(to_float(row[e]) - largest);
      total += p[e];
    }
    const float factor = 1.0F / total;
#pragma omp simd
    for (std::int64_t e = 0; e < experts; ++e) p[e] *= factor;
    for (std::int64_t j = 0; j < shape.top_k; ++j) weight[t * shape.top_k + j] = p[chosen[j]];
  }
}

template <class T>
void route_backward(const Shape& shape, const float* probability, const std::int32_t* expert,
                    const float* dweight, T* dlogits) {
  const std::int64_t experts = shape.experts;
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const float* p = probability + t * experts;
    const std::int32_t* chosen = expert + t * shape.top_k;
    const float* dp = dweight + t * shape.top_k;
    T* out = dlogits + t * experts;
    float inner = 0.0F;
    for (std::int64_t j = 0; j < shape.top_k; ++j) inner += p[chosen[j]] * dp[j];
#pragma omp simd
    for (std::int64_t e = 0; e < experts; ++e) out[e] = from_float<T>(-inner * p[e]);
    for (std::int64_t j = 0; j < shape.top_k; ++j) {
      out[chosen[j]] = from_float<T>(p[chosen[j]] * (dp[j] - inner));
    }
  }
}

template <class T>
void dispatch_forward(const Shape& shape, const PlanView& plan, const T* x, T* xs) {
#pragma omp parallel for schedule(static)
  for (std::int64_t slot = 0; slot < shape.tokens * shape.top_k; ++slot) {
    __builtin_memcpy(xs + slot * shape.width, x + plan.token_of_slot[slot] * shape.width,
                     static_cast<std::size_t>(shape.width) * sizeof(T));
  }
}

/// total[i] += Σ_j factor[j] · rows[slot[j]][first + i] for the first `Rows` choices, in their
/// order. Several rows at once, because each begins with a miss.
template <int Rows, class T>
[[gnu::always_inline]] inline void add_rows(std::int64_t width, std::int64_t first,
                                            std::int64_t count, const std::int32_t* slot,
                                            const float* factor, const T* rows, float* total) {
  const T* row[Rows];
  float scale[Rows];
  for (int j = 0; j < Rows; ++j) {
    row[j] = rows + slot[j] * width + first;
    scale[j] = factor != nullptr ? factor[j] : 1.0F;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    float sum = total[i];
#pragma GCC unroll 4
    for (int j = 0; j < Rows; ++j) sum += scale[j] * to_float(row[j][i]);
    total[i] = sum;
  }
}

/// out = addend (or 0) + Σ_j factor_j · rows[slot_j] for one token; factor null means 1.
template <class T>
void gather_token(std::int64_t width, std::int64_t top_k, const std::int32_t* slot,
                  const float* factor, const T* rows, const T* addend, T* out) {
  float total[kBlock];
  for (std::int64_t first = 0; first < width; first += kBlock) {
    const std::int64_t count = width - first < kBlock ? width - first : kBlock;
    if (addend != nullptr) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) total[i] = to_float(addend[first + i]);
    } else {
      __builtin_memset(total, 0, static_cast<std::size_t>(count) * sizeof(float));
    }
    std::int64_t j = 0;
    const auto factors = [&] { return factor != nullptr ? factor + j : nullptr; };
    for (; j + 4 <= top_k; j += 4) {
      add_rows<4>(width, first, count, slot + j, factors(), rows, total);
    }
    if (j + 2 <= top_k) {
      add_rows<2>(width, first, count, slot + j, factors(), rows, total);
      j += 2;
    }
    if (j < top_k) add_rows<1>(width, first, count, slot + j, factors(), rows, total);
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) out[first + i] = from_float<T>(total[i]);
  }
}

template <class T>
void dispatch_backward(const Shape& shape, const PlanView& plan, const T* dxs, const T* dx_in,
                       T* dx) {
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    gather_token(shape.width, shape.top_k, plan.slot + t * shape.top_k, nullptr, dxs,
                 dx_in != nullptr ? dx_in + t * shape.width : nullptr, dx + t * shape.width);
  }
}

template <class T>
void combine_forward(const Shape& shape, const PlanView& plan, const float* weight, const T* ys,
                     const T* addend, T* y) {
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    gather_token(shape.width, shape.top_k, plan.slot + t * shape.top_k, weight + t * shape.top_k,
                 ys, addend != nullptr ? addend + t * shape.width : nullptr, y + t * shape.width);
  }
}

template <class T>
void combine_backward(const Shape& shape, const PlanView& plan, const float* weight, const T* ys,
                      const T* dy, T* dys, float* dweight) {
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const T* d = dy + t * shape.width;
    for (std::int64_t j = t * shape.top_k; j < (t + 1) * shape.top_k; ++j) {
      const T* row = ys + plan.slot[j] * shape.width;
      T* out = dys + plan.slot[j] * shape.width;
      const float scale = weight[j];
      float total = 0.0F;
#pragma omp simd reduction(+ : total)
      for (std::int64_t i = 0; i < shape.width; ++i) {
        out[i] = from_float<T>(scale * to_float(d[i]));
        total += to_float(d[i]) * to_float(row[i]);
      }
      dweight[j] = total;
    }
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {route_forward<T>,     route_backward<T>,  dispatch_forward<T>,
                                    dispatch_backward<T>, combine_forward<T>, combine_backward<T>};

}  // namespace
}  // namespace assay::moe

namespace assay {

template <>
const moe::CpuKernels<float>& kernels_at<moe::CpuKernels<float>, kBuildLevel>() {
  return moe::kKernels<float>;
}
template <>
const moe::CpuKernels<Bf16>& kernels_at<moe::CpuKernels<Bf16>, kBuildLevel>() {
  return moe::kKernels<Bf16>;
}

}  // namespace assay
