#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/moe/moe.h"

namespace assay::moe {

template <class Real>
void route_forward_reference(const Shape& shape, const Real* logits, Real* probability,
                             std::int32_t* expert, Real* weight) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(shape.experts));
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const Real* row = logits + t * shape.experts;
    Real* p = probability + t * shape.experts;
    const Real largest = *std::max_element(row, row + shape.experts);
    Real total = 0;
    for (std::int64_t e = 0; e < shape.experts; ++e) {
      p[e] = std::exp(row[e] - largest);
      total += p[e];
    }
    for (std::int64_t e = 0; e < shape.experts; ++e) p[e] /= total;
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [row](std::int32_t a, std::int32_t b) { return row[a] > row[b]; });
    for (std::int64_t j = 0; j < shape.top_k; ++j) {
      expert[t * shape.top_k + j] = order[static_cast<std::size_t>(j)];
      weight[t * shape.top_k + j] = p[order[static_cast<std::size_t>(j)]];
    }
  }
}
template void route_forward_reference(const Shape&, const double*, double*, std::int32_t*, double*);
template void route_forward_reference(const Shape&, const float*, float*, std::int32_t*, float*);

template <class Real>
void route_backward_reference(const Shape& shape, const Real* probability,
                              const std::int32_t* expert, const Real* dweight, Real* dlogits) {
  std::vector<Real> dp(static_cast<std::size_t>(shape.experts));
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const Real* p = probability + t * shape.experts;
    std::fill(dp.begin(), dp.end(), Real{0});
    for (std::int64_t j = t * shape.top_k; j < (t + 1) * shape.top_k; ++j) {
      dp[static_cast<std::size_t>(expert[j])] = dweight[j];
    }
    Real inner = 0;
    for (std::int64_t e = 0; e < shape.experts; ++e) {
      inner += p[e] * dp[static_cast<std::size_t>(e)];
    }
    for (std::int64_t e = 0; e < shape.experts; ++e) {
      dlogits[t * shape.experts + e] = p[e] * (dp[static_cast<std::size_t>(e)] - inner);
    }
  }
}
template void route_backward_reference(const Shape&, const double*, const std::int32_t*,
                                       const double*, double*);
template void route_backward_reference(const Shape&, const float*, const std::int32_t*,
                                       const float*, float*);

template <class Real>
void dispatch_forward_reference(const Shape& shape, const Plan& plan, const Real* x, Real* xs) {
  for (std::size_t slot = 0; slot < plan.token_of_slot.size(); ++slot) {
    const Real* row = x + plan.token_of_slot[slot] * shape.width;
    std::copy(row, row + shape.width, xs + static_cast<std::int64_t>(slot) * shape.width);
  }
}
template void dispatch_forward_reference(const Shape&, const Plan&, const double*, double*);
template void dispatch_forward_reference(const Shape&, const Plan&, const float*, float*);

template <class Real>
void dispatch_backward_reference(const Shape& shape, const Plan& plan, const Real* dxs,
                                 const Real* dx_in, Real* dx) {
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    for (std::int64_t i = 0; i < shape.width; ++i) {
      Real total = dx_in != nullptr ? dx_in[t * shape.width + i] : Real{0};
      for (std::int64_t j = 0; j < shape.top_k; ++j) {
        const std::int64_t slot = plan.slot[static_cast<std::size_t>(t * shape.top_k + j)];
        total += dxs[slot * shape.width + i];
      }
      dx[t * shape.width + i] = total;
    }
  }
}
template void dispatch_backward_reference(const Shape&, const Plan&, const double*, const double*,
                                          double*);
template void dispatch_backward_reference(const Shape&, const Plan&, const float*, const float*,
                                          float*);

template <class Real>
void combine_forward_reference(const Shape& shape, const Plan& plan, const Real* weight,
                               const Real* ys, const Real* addend, Real* y) {
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    for (std::int64_t i = 0; i < shape.width; ++i) {
      Real total = addend != nullptr ? addend[t * shape.width + i] : Real{0};
      for (std::int64_t j = t * shape.top_k; j < (t + 1) * shape.top_k; ++j) {
        const std::int64_t slot = plan.slot[static_cast<std::size_t>(j)];
        total += weight[j] * ys[slot * shape.width + i];
      }
      y[t * shape.width + i] = total;
    }
  }
}
template void combine_forward_reference(const Shape&, const Plan&, const double*, const double*,
                                        const double*, double*);
template void combine_forward_reference(const Shape&, const Plan&, const float*, const float*,
                                        const float*, float*);

template <class Real>
void combine_backward_reference(const Shape& shape, const Plan& plan, const Real* weight,
                                const Real* ys, const Real* dy, Real* dys, Real* dweight) {
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    for (std::int64_t j = t * shape.top_k; j < (t + 1) * shape.top_k; ++j) {
      const std::int64_t slot = plan.slot[static_cast<std::size_t>(j)];
      Real total = 0;
      for (std::int64_t i = 0; i < shape.width; ++i) {
        dys[slot * shape.width + i] = weight[j] * dy[t * shape.width + i];
        total += dy[t * shape.width + i] * ys[slot * shape.width + i];
      }
      dweight[j] = total;
    }
  }
}
template void combine_backward_reference(const Shape&, const Plan&, const double*, const double*,
                                         const double*, double*, double*);
template void combine_backward_reference(const Shape&, const Plan&, const float*, const float*,
                                         const float*, float*, float*);

namespace {

/// act(e, s) for each expert and each slot that it owns.
template <class Act>
void for_owned_slots(const ProductShape& shape, const std::int64_t* offset, Act act) {
  for (std::int64_t e = 0; e < shape.experts; ++e) {
    for (std::int64_t s = offset[e]; s < offset[e + 1]; ++s) act(e, s);
  }
}

}  // namespace

template <class Real>
void products_forward_reference(const ProductShape& shape, const std::int64_t* offset,
                                const Real* x, const Real* w, Real* y) {
  for_owned_slots(shape, offset, [&](std::int64_t e, std::int64_t s) {
    for (std::int64_t o = 0; o < shape.out; ++o) {
      const Real* row = w + (e * shape.out + o) * shape.in;
      Real total = 0;
      for (std::int64_t i = 0; i < shape.in; ++i) total += x[s * shape.in + i] * row[i];
      y[s * shape.out + o] = total;
    }
  });
}
template void products_forward_reference(const ProductShape&, const std::int64_t*, const double*,
                                         const double*, double*);
template void products_forward_reference(const ProductShape&, const std::int64_t*, const float*,
                                         const float*, float*);

template <class Real>
void products_input_gradient_reference(const ProductShape& shape, const std::int64_t* offset,
                                       const Real* dy, const Real* w, Real* dx) {
  for_owned_slots(shape, offset, [&](std::int64_t e, std::int64_t s) {
    Real* row = dx + s * shape.in;
    std::fill(row, row + shape.in, Real{0});
    for (std::int64_t o = 0; o < shape.out; ++o) {
      const Real* weight = w + (e * shape.out + o) * shape.in;
      for (std::int64_t i = 0; i < shape.in; ++i) row[i] += dy[s * shape.out + o] * weight[i];
    }
  });
}
template void products_input_gradient_reference(const ProductShape&, const std::int64_t*,
                                                const double*, const double*, double*);
template void products_input_gradient_reference(const ProductShape&, const std::int64_t*,
                                                const float*, const float*, float*);

template <class Real>
void products_weight_gradient_reference(const ProductShape& shape, const std::int64_t* offset,
                                        const Real* dy, const Real* x, Real* dw) {
  // An expert's sum is taken by itself, then added.
  std::vector<Real> sums(static_cast<std::size_t>(shape.experts * shape.out * shape.in));
  for_owned_slots(shape, offset, [&](std::int64_t e, std::int64_t s) {
    for (std::int64_t o = 0; o < shape.out; ++o) {
      Real* row = sums.data() + (e * shape.out + o) * shape.in;
      const Real factor = dy[s * shape.out + o];
      for (std::int64_t i = 0; i < shape.in; ++i) row[i] += factor * x[s * shape.in + i];
    }
  });
  for (std::size_t i = 0; i < sums.size(); ++i) dw[i] += sums[i];
}
template void products_weight_gradient_reference(const ProductShape&, const std::int64_t*,
                                                 const double*, const double*, double*);
template void products_weight_gradient_reference(const ProductShape&, const std::int64_t*,
                                                 const float*, const float*, float*);

}  // namespace assay::moe
