#include "kernels/random/random_cuda.h"

#include <type_traits>

namespace assay::random {
namespace {

std::int64_t blocks(std::int64_t n, std::size_t element_bytes) {
  constexpr std::size_t kBytesPerBlock = std::size_t{16} * kThreads * kPacksPerThread;
  return cuda::blocks_for(n, static_cast<std::int64_t>(kBytesPerBlock / element_bytes));
}

template <auto* Entry, class T, class... Parameters>
void launch_fill(const cuda::Stream& stream, const Draw* draw, std::int64_t n, T* out,
                 const Parameters&... parameters) {
  if (n == 0) return;
  cuda::launch<Entry>(stream,
                      {.grid = {static_cast<unsigned>(blocks(n, sizeof(T)))}, .block = {kThreads}},
                      draw, parameters..., n, out);
}

}  // namespace

template <class T>
void normal(const cuda::Stream& stream, const Draw* draw, float mean, float deviation,
            std::int64_t n, T* out) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_fill<random_normal_bf16>(stream, draw, n, out, mean, deviation);
  } else {
    launch_fill<random_normal_fp32>(stream, draw, n, out, mean, deviation);
  }
}

void integers(const cuda::Stream& stream, const Draw* draw, std::int32_t low, std::int32_t high,
              std::int64_t n, std::int32_t* out) {
  launch_fill<random_integers>(stream, draw, n, out, low, high);
}

void advance(const cuda::Stream& stream, Draw* draw) {
  cuda::launch<random_advance>(stream, {}, draw);
}

std::uint64_t fill_bytes_issued(std::int64_t n, std::size_t element_bytes) {
  return element_bytes * static_cast<std::uint64_t>(n) +
         sizeof(Draw) * static_cast<std::uint64_t>(blocks(n, element_bytes));
}

template void normal(const cuda::Stream&, const Draw*, float, float, std::int64_t, Bf16*);
template void normal(const cuda::Stream&, const Draw*, float, float, std::int64_t, float*);

}  // namespace assay::random
