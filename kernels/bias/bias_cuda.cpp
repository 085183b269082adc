#include "kernels/bias/bias_cuda.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cuda/alignment.h"
#include "kernels/cuda/column_sum.h"

namespace assay::bias {
namespace {

using cuda::Geometry;
using cuda::launch;

/// Blocks take this many rows at least, so that partial rows cost few bytes beside dy (4 of them in
/// 64 BF16 rows); and there are no more runs of rows than this, which the second kernel adds up.
constexpr std::int64_t kLeastRows = 64;
constexpr std::int64_t kMaxRuns = 512;

std::int64_t rows_per_block(std::int64_t rows) {
  return std::max(kLeastRows, (rows + kMaxRuns - 1) / kMaxRuns);
}
unsigned runs(std::int64_t rows) {
  return cuda::blocks_for(rows, rows_per_block(rows));
}

}  // namespace

template <class T>
void backward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width, const T* dy,
              float* dbias, float* workspace) {
  const bool any_width = !cuda::rows_are_packed<T>(width, {dy});
  const std::int64_t columns = 32 * (any_width ? 1 : 16 / static_cast<std::int64_t>(sizeof(T)));
  const Geometry where{.grid = {cuda::blocks_for(width, columns), runs(rows)},
                       .block = {32 * kWarps}};
  const int run = static_cast<int>(rows_per_block(rows));
  if constexpr (std::is_same_v<T, Bf16>) {
    any_width ? launch<bias_backward_bf16_any>(stream, where, rows, width, run, dy, workspace)
              : launch<bias_backward_bf16>(stream, where, rows, width, run, dy, workspace);
  } else {
    any_width ? launch<bias_backward_fp32_any>(stream, where, rows, width, run, dy, workspace)
              : launch<bias_backward_fp32>(stream, where, rows, width, run, dy, workspace);
  }
  const Geometry columns_geometry{.grid = {cuda::blocks_for(width, cuda::kColumnSumColumns)},
                                  .block = {cuda::kColumnSumColumns, cuda::kColumnSumGroups}};
  launch<bias_column_sum>(stream, columns_geometry, std::int64_t{runs(rows)}, width, workspace,
                          dbias);
}

std::size_t backward_workspace_floats(std::int64_t rows, std::int64_t width) {
  return std::size_t{runs(rows)} * static_cast<std::size_t>(width);
}

std::uint64_t backward_bytes_issued(std::int64_t rows, std::int64_t width,
                                    std::size_t element_bytes) {
  const std::uint64_t partial = backward_workspace_floats(rows, width) * sizeof(float);
  const auto columns = static_cast<std::uint64_t>(width);
  return static_cast<std::uint64_t>(rows) * columns * element_bytes + 2 * partial +
         2 * columns * sizeof(float);
}

template void backward(const cuda::Stream&, std::int64_t, std::int64_t, const Bf16*, float*,
                       float*);
template void backward(const cuda::Stream&, std::int64_t, std::int64_t, const float*, float*,
                       float*);

}  // namespace assay::bias
