#pragma once
/// One problem of the bias gradient with its inputs, and the check of whatever computed it against
/// the definition: CPU levels (bias_test.cpp) and CUDA kernels (ptx/bias_cuda_test.cpp) alike.
#include <vector>

#include "kernels/bias/bias_workload.h"

namespace assay::bias {

template <class T>
struct Case {
  std::int64_t rows, width;
  std::vector<T> dy;
  std::vector<float> dbias;  ///< before dy is added

  Case(std::int64_t row_count, std::int64_t row_width)
      : rows(row_count),
        width(row_width),
        dy(normal_input<T>(9, 1, rows * width, 0.1)),
        dbias(normal_input<float>(9, 2, width)) {}

  [[nodiscard]] Check check(const std::vector<float>& output) const {
    return checks(rows, width, dy, dbias, output).front();
  }
};

}  // namespace assay::bias
