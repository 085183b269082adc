#include "kernels/bias/bias.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/scratch.h"

namespace assay::bias {
namespace {

constexpr std::int64_t kRows = 32;      // rows of a chunk
constexpr std::int64_t kColumns = 256;  // columns summed over the chunks at a time

/// total (width) = the sum of `rows` rows, four at a time so that total is touched a quarter as
/// often.
template <class T>
void sum_rows(std::int64_t rows, std::int64_t width, const T* dy, float* total) {
#pragma omp simd
  for (std::int64_t i = 0; i < width; ++i) total[i] = 0.0F;
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    const T* a = dy + row * width;
    const T* b = a + width;
    const T* c = b + width;
    const T* d = c + width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      total[i] += (to_float(a[i]) + to_float(b[i])) + (to_float(c[i]) + to_float(d[i]));
    }
  }
  for (; row < rows; ++row) {
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) total[i] += to_float(dy[row * width + i]);
  }
}

template <class T>
void backward(std::int64_t rows, std::int64_t width, const T* dy, float* dbias) {
  const std::int64_t chunks = (rows + kRows - 1) / kRows;
  const std::int64_t blocks = (width + kColumns - 1) / kColumns;
  Scratch<float> scratch(chunks * width);
  float* partial = scratch.data();
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      const std::int64_t first = chunk * kRows;
      const std::int64_t count = rows - first < kRows ? rows - first : kRows;
      sum_rows(count, width, dy + first * width, partial + chunk * width);
    }
#pragma omp for schedule(static)
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t first = block * kColumns;
      const std::int64_t last = width - first < kColumns ? width : first + kColumns;
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float* sum = partial + chunk * width;
#pragma omp simd
        for (std::int64_t i = first; i < last; ++i) dbias[i] += sum[i];
      }
    }
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {backward<T>};

}  // namespace
}  // namespace assay::bias

namespace assay {

template <>
const bias::CpuKernels<float>& kernels_at<bias::CpuKernels<float>, kBuildLevel>() {
  return bias::kKernels<float>;
}
template <>
const bias::CpuKernels<Bf16>& kernels_at<bias::CpuKernels<Bf16>, kBuildLevel>() {
  return bias::kKernels<Bf16>;
}

}  // namespace assay
