#include "kernels/cross_entropy/cross_entropy_cuda.h"

#include <algorithm>
#include <type_traits>

namespace assay::cross_entropy {
namespace {

constexpr std::int64_t kPackBytes = 16;
constexpr std::int64_t kWarp = 32;
constexpr std::int64_t kPacksPerThread = 8;  // enough loads in flight, in rows below the maximum

std::int64_t packs_of_row(const Shape& shape, std::int64_t element_bytes) {
  return shape.vocabulary * element_bytes / kPackBytes;
}

/// As many warps as give each thread kPacksPerThread, at least one.
std::int64_t threads_of_row(std::int64_t packs) {
  const std::int64_t warps = packs / (kWarp * kPacksPerThread) + 1;
  return std::min<std::int64_t>(kWarp * warps, kMaxThreads);
}

/// Packs of a row that wait in shared memory; the device keeps 512 bytes of it for the sums.
std::int64_t resident_packs_of(const cuda::DeviceFacts& facts, std::int64_t packs) {
  const std::int64_t offered = facts.max_shared_memory_per_block_bytes - 512;
  return std::min(packs, std::min<std::int64_t>(kResidentBytes, offered) / kPackBytes);
}

}  // namespace

template <class T>
void forward_backward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* targets,
                      float scale, T* logits, float* losses) {
  if (shape.rows == 0) return;
  const std::int64_t packs = packs_of_row(shape, sizeof(T));
  const std::int64_t resident = resident_packs_of(stream.device().facts(), packs);
  const cuda::Geometry where{.grid = {static_cast<unsigned>(shape.rows)},
                             .block = {static_cast<unsigned>(threads_of_row(packs))},
                             .shared_bytes = static_cast<unsigned>(resident * kPackBytes)};
  const int resident_packs = static_cast<int>(resident);
  if constexpr (std::is_same_v<T, Bf16>) {
    cuda::launch<cross_entropy_forward_backward_bf16>(stream, where, shape, targets, scale, logits,
                                                      losses, resident_packs);
  } else {
    cuda::launch<cross_entropy_forward_backward_fp32>(stream, where, shape, targets, scale, logits,
                                                      losses, resident_packs);
  }
}

void add_losses(const cuda::Stream& stream, std::int64_t rows, const float* losses, double factor,
                double* total) {
  cuda::launch<cross_entropy_add_losses>(stream, {.grid = {1}, .block = {kSumThreads}}, rows,
                                         losses, factor, total);
}

std::uint64_t forward_backward_bytes_issued(const cuda::DeviceFacts& facts, const Shape& shape,
                                            std::size_t element_bytes) {
  const auto element = static_cast<std::int64_t>(element_bytes);
  const std::int64_t packs = packs_of_row(shape, element);
  const std::int64_t read_again = packs - resident_packs_of(facts, packs);
  const std::int64_t row = (shape.vocabulary + shape.row_stride) * element +
                           kPackBytes * read_again + 4 * threads_of_row(packs) + 4;
  return static_cast<std::uint64_t>(shape.rows * row);
}

template void forward_backward(const cuda::Stream&, const Shape&, const std::int32_t*, float, Bf16*,
                               float*);
template void forward_backward(const cuda::Stream&, const Shape&, const std::int32_t*, float,
                               float*, float*);

}  // namespace assay::cross_entropy
