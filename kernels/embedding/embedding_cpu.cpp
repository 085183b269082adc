#include <omp.h>

#include "kernels/cpu/kernels_at.h"
#include "kernels/embedding/embedding.h"

namespace assay::embedding {
namespace {

constexpr std::int64_t kLine = 16;  // floats in a cache line

template <class T>
void forward(const Shape& shape, const std::int32_t* tokens, const T* wte, const T* wpe, T* x) {
  const std::int64_t width = shape.width;
#pragma omp parallel for schedule(static)
  for (std::int64_t position = 0; position < shape.batch * shape.sequence; ++position) {
    const T* row = wte + tokens[position] * width;
    T* out = x + position * width;
    if (wpe == nullptr) {
      __builtin_memcpy(out, row, static_cast<std::size_t>(width) * sizeof(T));
      continue;
    }
    const T* place = wpe + position % shape.sequence * width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      out[i] = from_float<T>(to_float(row[i]) + to_float(place[i]));
    }
  }
}

template <class T>
void add_columns(const T* from, float* to, std::int64_t first, std::int64_t last) {
#pragma omp simd
  for (std::int64_t i = first; i < last; ++i) to[i] += to_float(from[i]);
}

template <class T>
void backward(const Shape& shape, const std::int32_t* tokens, const T* dx, float* dwte,
              float* dwpe) {
  const std::int64_t width = shape.width;
  const std::int64_t lines = (width + kLine - 1) / kLine;
#pragma omp parallel
  {
    const std::int64_t thread = omp_get_thread_num();
    const std::int64_t threads = omp_get_num_threads();
    const std::int64_t first = lines * thread / threads * kLine;
    const std::int64_t end = lines * (thread + 1) / threads * kLine;
    const std::int64_t last = end < width ? end : width;
    for (std::int64_t b = 0; b < shape.batch; ++b) {
      for (std::int64_t t = 0; t < shape.sequence; ++t) {
        const std::int64_t position = b * shape.sequence + t;
        add_columns(dx + position * width, dwte + tokens[position] * width, first, last);
        if (dwpe != nullptr) add_columns(dx + position * width, dwpe + t * width, first, last);
      }
    }
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {forward<T>, backward<T>};

}  // namespace
}  // namespace assay::embedding

namespace assay {

template <>
const embedding::CpuKernels<float>& kernels_at<embedding::CpuKernels<float>, kBuildLevel>() {
  return embedding::kKernels<float>;
}
template <>
const embedding::CpuKernels<Bf16>& kernels_at<embedding::CpuKernels<Bf16>, kBuildLevel>() {
  return embedding::kKernels<Bf16>;
}

}  // namespace assay
