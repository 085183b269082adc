#include "kernels/activation/activation_cuda.h"

#include <type_traits>

#include "kernels/cuda/alignment.h"

namespace assay::activation {
namespace {

using cuda::Geometry;
using cuda::launch;

/// Elements of T that one access moves.
template <class T>
constexpr std::int64_t pack_elements(bool any_width) {
  return any_width ? 1 : 16 / static_cast<std::int64_t>(sizeof(T));
}

/// A stretch of n elements, kPacksPerThread packs a thread.
template <class T>
Geometry stretch_geometry(std::int64_t n, bool any_width) {
  const std::int64_t per_block = kMaxThreads * kPacksPerThread * pack_elements<T>(any_width);
  return {.grid = {cuda::blocks_for(n, per_block)}, .block = {kMaxThreads}};
}

/// A matrix: a thread for each pack of a row, kPacksPerThread rows a block; a row wider than a
/// block is cut into equal parts.
template <class T>
Geometry row_geometry(std::int64_t rows, std::int64_t width, bool any_width) {
  const std::int64_t packs = width / pack_elements<T>(any_width);
  const unsigned parts = cuda::blocks_for(packs, kMaxThreads);
  const unsigned warps = cuda::blocks_for(packs, std::int64_t{32} * parts);
  return {.grid = {cuda::blocks_for(rows, kPacksPerThread), parts}, .block = {32 * warps}};
}

/// Launches the packed entry of the type where the operands allow it, else the one for any width.
template <class T, auto* PackedBf16, auto* AnyBf16, auto* PackedFp32, auto* AnyFp32,
          class... Arguments>
void launch_entry_for(const cuda::Stream& stream, const Geometry& geometry, bool any_width,
                      const Arguments&... arguments) {
  if constexpr (std::is_same_v<T, Bf16>) {
    any_width ? launch<AnyBf16>(stream, geometry, arguments...)
              : launch<PackedBf16>(stream, geometry, arguments...);
  } else {
    any_width ? launch<AnyFp32>(stream, geometry, arguments...)
              : launch<PackedFp32>(stream, geometry, arguments...);
  }
}

}  // namespace

template <class T>
void gelu_forward(const cuda::Stream& stream, std::int64_t n, const T* x, T* y) {
  const bool any_width = !cuda::rows_are_packed<T>(n, {x, y});
  launch_entry_for<T, activation_gelu_forward_bf16, activation_gelu_forward_bf16_any,
                   activation_gelu_forward_fp32, activation_gelu_forward_fp32_any>(
      stream, stretch_geometry<T>(n, any_width), any_width, n, x, y);
}

template <class T>
void gelu_backward(const cuda::Stream& stream, std::int64_t n, const T* x, const T* dy, T* dx) {
  const bool any_width = !cuda::rows_are_packed<T>(n, {x, dy, dx});
  launch_entry_for<T, activation_gelu_backward_bf16, activation_gelu_backward_bf16_any,
                   activation_gelu_backward_fp32, activation_gelu_backward_fp32_any>(
      stream, stretch_geometry<T>(n, any_width), any_width, n, x, dy, dx);
}

template <class T>
void swiglu_forward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width,
                    const T* gate_up, T* y) {
  const bool any_width = !cuda::rows_are_packed<T>(width, {gate_up, y});
  launch_entry_for<T, activation_swiglu_forward_bf16, activation_swiglu_forward_bf16_any,
                   activation_swiglu_forward_fp32, activation_swiglu_forward_fp32_any>(
      stream, row_geometry<T>(rows, width, any_width), any_width, rows, width, gate_up, y);
}

template <class T>
void swiglu_backward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width,
                     const T* gate_up, const T* dy, T* dgate_up) {
  const bool any_width = !cuda::rows_are_packed<T>(width, {gate_up, dy, dgate_up});
  launch_entry_for<T, activation_swiglu_backward_bf16, activation_swiglu_backward_bf16_any,
                   activation_swiglu_backward_fp32, activation_swiglu_backward_fp32_any>(
      stream, row_geometry<T>(rows, width, any_width), any_width, rows, width, gate_up, dy,
      dgate_up);
}

template void gelu_forward(const cuda::Stream&, std::int64_t, const Bf16*, Bf16*);
template void gelu_forward(const cuda::Stream&, std::int64_t, const float*, float*);
template void gelu_backward(const cuda::Stream&, std::int64_t, const Bf16*, const Bf16*, Bf16*);
template void gelu_backward(const cuda::Stream&, std::int64_t, const float*, const float*, float*);
template void swiglu_forward(const cuda::Stream&, std::int64_t, std::int64_t, const Bf16*, Bf16*);
template void swiglu_forward(const cuda::Stream&, std::int64_t, std::int64_t, const float*, float*);
template void swiglu_backward(const cuda::Stream&, std::int64_t, std::int64_t, const Bf16*,
                              const Bf16*, Bf16*);
template void swiglu_backward(const cuda::Stream&, std::int64_t, std::int64_t, const float*,
                              const float*, float*);

}  // namespace assay::activation
