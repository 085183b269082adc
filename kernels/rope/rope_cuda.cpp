#include "kernels/rope/rope_cuda.h"

#include <type_traits>

#include "kernels/cuda/alignment.h"

namespace assay::rope {
namespace {

using cuda::Geometry;
using cuda::launch;

/// The heads of a token, shared out equally among as many threads as must be.
struct Shares {
  unsigned count;
  int heads;

  explicit Shares(const Shape& shape)
      : count(cuda::blocks_for(shape.heads, kMaxHeadsPerThread)),
        heads(static_cast<int>(cuda::blocks_for(shape.heads, count))) {}
};

template <class T>
bool packed(const Shape& shape, const float* table, const T* x) {
  return cuda::rows_are_packed<T>(shape.head_size / 2, {x, table}) &&
         cuda::rows_are_packed<T>(shape.row_stride, {});
}

/// A thread for each pack of a half head, of each token and share of the heads.
template <auto* Packed, auto* Any, class T>
void launch_heads(const cuda::Stream& stream, const Shape& shape, const float* table, T* x) {
  const bool any_width = !packed(shape, table, x);
  const std::int64_t pack = any_width ? 1 : 16 / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t threads = shape.batch * shape.sequence * (shape.head_size / 2 / pack);
  const Shares shares(shape);
  const Geometry where{.grid = {cuda::blocks_for(threads, kThreads), shares.count},
                       .block = {kThreads}};
  any_width ? launch<Any>(stream, where, shape, shares.heads, table, x)
            : launch<Packed>(stream, where, shape, shares.heads, table, x);
}

}  // namespace

template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const float* table, T* x) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_heads<rope_forward_bf16, rope_forward_bf16_any>(stream, shape, table, x);
  } else {
    launch_heads<rope_forward_fp32, rope_forward_fp32_any>(stream, shape, table, x);
  }
}

template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const float* table, T* dx) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_heads<rope_backward_bf16, rope_backward_bf16_any>(stream, shape, table, dx);
  } else {
    launch_heads<rope_backward_fp32, rope_backward_fp32_any>(stream, shape, table, dx);
  }
}

std::uint64_t bytes_issued(const Shape& shape, std::size_t element_bytes) {
  const auto tokens = static_cast<std::uint64_t>(shape.batch * shape.sequence);
  const auto head_size = static_cast<std::uint64_t>(shape.head_size);
  const auto heads = static_cast<std::uint64_t>(shape.heads);
  const std::uint64_t table = Shares(shape).count * head_size * sizeof(float);
  return tokens * (2 * heads * head_size * element_bytes + table);
}

template void forward(const cuda::Stream&, const Shape&, const float*, Bf16*);
template void forward(const cuda::Stream&, const Shape&, const float*, float*);
template void backward(const cuda::Stream&, const Shape&, const float*, Bf16*);
template void backward(const cuda::Stream&, const Shape&, const float*, float*);

}  // namespace assay::rope
