#include "kernels/cuda/device_code/exponential.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"
#include "kernels/moe/moe_cuda.h"
#include "kernels/moe/moe_route_cuda.h"

namespace assay::moe {
namespace {

using cuda::exponential;
using cuda::kAllLanes;
using cuda::kPackedElements;
using cuda::kWarp;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

/// The lanes that share a token, and the experts of this one.
struct Group {
  int lanes;
  int place;  ///< this lane's among them
  std::int64_t token;
  bool exists;  ///< lanes without a token still take part in exchanges
  int experts;
  int first;  ///< this lane's experts: [first, first + kExpertsPerLane), below `experts`

  __device__ Group(const Shape& shape, const Lanes& layout)
      : lanes(layout.per_token),
        place(static_cast<int>(threadIdx.x) % layout.per_token),
        token((std::int64_t{blockIdx.x} * kRouteThreads + threadIdx.x) / layout.per_token),
        exists(token < shape.tokens),
        experts(exists ? static_cast<int>(shape.experts) : 0),
        first(place * kExpertsPerLane) {}

  /// The combination of the group's values, in each of its lanes.
  template <class Value, class Combine>
  __device__ __forceinline__ Value reduce(Value value, Combine combine) const {
    for (int distance = lanes / 2; distance > 0; distance /= 2) {
      value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
    }
    return value;
  }
};

/// This lane's eight of a token's row; zeros where there is no such expert.
template <class T>
__device__ __forceinline__ void load_eight(const Group& group, bool packed, const T* row,
                                           float (&out)[kExpertsPerLane]) {
  constexpr int kElements = kPackedElements<T>;
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; i += kElements) {
    Pack<T, kElements> pack = {};
    if (packed) {
      if (group.first < group.experts) pack = load_pack<kElements>(row + group.first + i);
    } else {
#pragma unroll
      for (int j = 0; j < kElements; ++j) {
        const int expert = group.first + i + j;
        if (expert < group.experts) pack.element[j] = row[expert];
      }
    }
#pragma unroll
    for (int j = 0; j < kElements; ++j) out[i + j] = to_float(pack.element[j]);
  }
}

template <class T>
__device__ __forceinline__ void store_eight(const Group& group, bool packed,
                                            const float (&values)[kExpertsPerLane], T* row) {
  constexpr int kElements = kPackedElements<T>;
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; i += kElements) {
    Pack<T, kElements> pack;
#pragma unroll
    for (int j = 0; j < kElements; ++j) pack.element[j] = from_float<T>(values[i + j]);
    if (packed) {
      if (group.first < group.experts) store_pack(row + group.first + i, pack);
    } else {
#pragma unroll
      for (int j = 0; j < kElements; ++j) {
        const int expert = group.first + i + j;
        if (expert < group.experts) row[expert] = pack.element[j];
      }
    }
  }
}

/// A logit as an integer of the same order, above 0. Both zeros are one; a NaN ranks as -infinity.
__device__ __forceinline__ std::uint32_t rank_of(float logit) {
  const float ordered = isnan(logit) ? -INFINITY : logit + 0.0F;
  const std::uint32_t bits = __float_as_uint(ordered);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
__device__ __forceinline__ float logit_of(std::uint32_t rank) {
  return __uint_as_float((rank & 0x80000000U) != 0 ? rank ^ 0x80000000U : ~rank);
}

struct Larger {
  __device__ __forceinline__ unsigned long long operator()(unsigned long long a,
                                                           unsigned long long b) const {
    return a > b ? a : b;
  }
};

/// The group's best expert that is not chosen yet (rank 0 is none), marked as chosen.
struct Choice {
  int expert;
  float logit;
};
__device__ __forceinline__ Choice choose(const Group& group,
                                         std::uint32_t (&rank)[kExpertsPerLane]) {
  unsigned long long best = 0;
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) {
    const auto complement = ~static_cast<std::uint32_t>(group.first + i);
    best = Larger()(best, static_cast<unsigned long long>(rank[i]) << 32 | complement);
  }
  best = group.reduce(best, Larger());
  const auto expert = static_cast<int>(~static_cast<std::uint32_t>(best));
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) {
    if (group.first + i == expert) rank[i] = 0;
  }
  return {expert, logit_of(static_cast<std::uint32_t>(best >> 32))};
}

template <class T>
__device__ __forceinline__ void route_forward(const Shape& shape, const Lanes& lanes,
                                              const T* logits, float* probability,
                                              std::int32_t* expert, float* weight) {
  const Group group(shape, lanes);
  const std::int64_t row = group.token * shape.experts;
  const auto top_k = static_cast<int>(shape.top_k);
  float p[kExpertsPerLane];
  std::uint32_t rank[kExpertsPerLane];
  load_eight(group, lanes.packed, logits + row, p);
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) {
    rank[i] = group.first + i < group.experts ? rank_of(p[i]) : 0;
  }

  Choice choice = choose(group, rank);
  const float largest = choice.logit;
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) {
    p[i] = group.first + i < group.experts ? exponential(p[i] - largest) : 0.0F;
    sum += p[i];
  }
  const float factor = 1.0F / group.reduce(sum, cuda::Add());
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) p[i] *= factor;
  store_eight(group, lanes.packed, p, probability + row);

  for (int j = 0; j < top_k; ++j) {
    if (j > 0) choice = choose(group, rank);
    if (group.exists && j % group.lanes == group.place) {
      expert[group.token * top_k + j] = choice.expert;
      weight[group.token * top_k + j] = exponential(choice.logit - largest) * factor;
    }
  }
}

template <class T>
__device__ __forceinline__ void route_backward(const Shape& shape, const Lanes& lanes,
                                               const float* probability, const std::int32_t* expert,
                                               const float* dweight, T* dlogits) {
  // A warp's choices, each read once: with one lane a token it has 32 tokens.
  constexpr int kChoices = kWarp * kMaxTopK;
  __shared__ std::int32_t chosen[kRouteThreads / kWarp][kChoices];
  __shared__ float gradient[kRouteThreads / kWarp][kChoices];
  const Group group(shape, lanes);
  const auto top_k = static_cast<int>(shape.top_k);
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t first_token = group.token - lane / group.lanes;
  const int choices = kWarp / group.lanes * top_k;
  for (int q = lane; q < choices; q += kWarp) {
    const std::int64_t from = first_token * top_k + q;
    if (from < shape.tokens * top_k) {
      chosen[warp][q] = expert[from];
      gradient[warp][q] = dweight[from];
    }
  }
  __syncwarp();

  const std::int64_t row = group.token * shape.experts;
  float p[kExpertsPerLane];
  float dp[kExpertsPerLane] = {};
  load_eight(group, lanes.packed, probability + row, p);
  if (group.exists) {
    const int begin = lane / group.lanes * top_k;
    for (int q = begin; q < begin + top_k; ++q) {
#pragma unroll
      for (int i = 0; i < kExpertsPerLane; ++i) {
        if (chosen[warp][q] == group.first + i) dp[i] = gradient[warp][q];
      }
    }
  }
  float inner = 0.0F;
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) inner += p[i] * dp[i];
  inner = group.reduce(inner, cuda::Add());
#pragma unroll
  for (int i = 0; i < kExpertsPerLane; ++i) dp[i] = p[i] * (dp[i] - inner);
  store_eight(group, lanes.packed, dp, dlogits + row);
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kRouteThreads) void moe_route_forward_bf16(Shape shape, Lanes lanes,
                                                                        const Bf16* logits,
                                                                        float* probability,
                                                                        std::int32_t* expert,
                                                                        float* weight) {
  route_forward(shape, lanes, logits, probability, expert, weight);
}
__global__ __launch_bounds__(kRouteThreads) void moe_route_forward_fp32(Shape shape, Lanes lanes,
                                                                        const float* logits,
                                                                        float* probability,
                                                                        std::int32_t* expert,
                                                                        float* weight) {
  route_forward(shape, lanes, logits, probability, expert, weight);
}
__global__ __launch_bounds__(kRouteThreads) void moe_route_backward_bf16(Shape shape, Lanes lanes,
                                                                         const float* probability,
                                                                         const std::int32_t* expert,
                                                                         const float* dweight,
                                                                         Bf16* dlogits) {
  route_backward(shape, lanes, probability, expert, dweight, dlogits);
}
__global__ __launch_bounds__(kRouteThreads) void moe_route_backward_fp32(Shape shape, Lanes lanes,
                                                                         const float* probability,
                                                                         const std::int32_t* expert,
                                                                         const float* dweight,
                                                                         float* dlogits) {
  route_backward(shape, lanes, probability, expert, dweight, dlogits);
}

}  // extern "C"

}  // namespace assay::moe
