#include "kernels/adamw/adamw_cuda.h"

#include <type_traits>

#include "kernels/cuda/alignment.h"

namespace assay::adamw {
namespace {

using cuda::Geometry;
using cuda::launch;

constexpr std::int64_t kNormChunk = std::int64_t{kThreads} * kNormPacks * 4;
constexpr std::int64_t kUpdateChunk = std::int64_t{kThreads} * kUpdatePacks * 4;

Geometry blocks_of(std::int64_t n, std::int64_t chunk) {
  return {.grid = {cuda::blocks_for(n, chunk)}, .block = {kThreads}};
}

/// Whether every array begins at a pack: of four weights, too.
template <class T>
bool packed(const Parameters<T>& p) {
  return cuda::rows_are_packed<float>(0, {p.gradient, p.master, p.first_moment, p.second_moment}) &&
         reinterpret_cast<std::uintptr_t>(p.weight) % (4 * sizeof(T)) == 0;
}

template <auto* Packed, auto* Any, class T, class... More>
void launch_update(const cuda::Stream& stream, bool whole_packs, const Hyperparameters& h,
                   const Progress* progress, std::int64_t n, const Parameters<T>& parameters,
                   const More&... more) {
  if (n == 0) return;
  const Geometry where = blocks_of(n, kUpdateChunk);
  whole_packs ? launch<Packed>(stream, where, h, progress, n, parameters, more...)
              : launch<Any>(stream, where, h, progress, n, parameters, more...);
}

}  // namespace

void gradient_norm(const cuda::Stream& stream, std::int64_t n, const float* gradient,
                   double max_norm, Progress* progress, double* workspace) {
  const Geometry where = blocks_of(n, kNormChunk);
  if (n > 0) {
    cuda::rows_are_packed<float>(0, {gradient})
        ? launch<adamw_sum_of_squares>(stream, where, n, gradient, workspace)
        : launch<adamw_sum_of_squares_any>(stream, where, n, gradient, workspace);
  }
  launch<adamw_finish_norm>(stream, {.grid = {1}, .block = {kFinishThreads}},
                            std::int64_t{where.grid.x}, workspace, max_norm, progress);
}

std::size_t gradient_norm_workspace_doubles(std::int64_t n) {
  return cuda::blocks_for(n, kNormChunk);
}

void advance(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
             Progress* progress) {
  launch<adamw_advance>(stream, Geometry{}, hyperparameters, progress);
}

template <class T>
void update(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
            const Progress* progress, std::int64_t n, const Parameters<T>& parameters) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_update<adamw_update_bf16, adamw_update_bf16_any>(
        stream, packed(parameters), hyperparameters, progress, n, parameters);
  } else {
    launch_update<adamw_update_fp32, adamw_update_fp32_any>(
        stream, packed(parameters), hyperparameters, progress, n, parameters);
  }
}

void update_stochastic(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
                       const Progress* progress, std::int64_t n, const Parameters<Bf16>& parameters,
                       const RoundingDraw& draw) {
  // A pack's four parameters share a draw where they begin at a multiple of four.
  const bool whole_packs = packed(parameters) && draw.first % 4 == 0;
  launch_update<adamw_update_stochastic_bf16, adamw_update_stochastic_bf16_any>(
      stream, whole_packs, hyperparameters, progress, n, parameters, draw);
}

std::uint64_t gradient_norm_bytes_issued(std::int64_t n) {
  const std::uint64_t partial = 2 * sizeof(double) * gradient_norm_workspace_doubles(n);
  return sizeof(float) * static_cast<std::uint64_t>(n) + partial;
}

std::uint64_t update_bytes_issued(std::int64_t n, std::size_t element_bytes) {
  const std::uint64_t threads = cuda::blocks_for(n, kUpdateChunk) * std::uint64_t{kThreads};
  return (7 * sizeof(float) + element_bytes) * static_cast<std::uint64_t>(n) +
         sizeof(Factors) * threads;
}

template void update(const cuda::Stream&, const Hyperparameters&, const Progress*, std::int64_t,
                     const Parameters<Bf16>&);
template void update(const cuda::Stream&, const Hyperparameters&, const Progress*, std::int64_t,
                     const Parameters<float>&);

}  // namespace assay::adamw
