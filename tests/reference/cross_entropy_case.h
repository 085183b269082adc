#pragma once
/// One problem of the cross-entropy with its inputs, and the check of whatever computed it against
/// the definition: CPU levels (cross_entropy_test.cpp) and CUDA kernels
/// (ptx/cross_entropy_cuda_test.cpp) alike.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/cross_entropy/cross_entropy_workload.h"

namespace assay::cross_entropy {

template <class T>
struct Case {
  Shape shape;
  float scale = 0.125F;
  std::vector<std::int32_t> targets;
  std::vector<T> logits;

  Case(const Shape& problem, double mean, double deviation)
      : shape(problem),
        targets(integer_input(5, 2, shape.rows, static_cast<std::int32_t>(shape.vocabulary))),
        logits(normal_input<T>(5, 1, shape.rows * shape.row_stride, mean, deviation)) {}
};

template <class T>
struct Outputs {
  std::vector<T> gradients;
  std::vector<float> losses;
};

template <class T>
void expect_right(const Case<T>& c, const Outputs<T>& output) {
  for (const Check& check :
       checks(c.shape, c.targets, c.scale, c.logits, output.gradients, output.losses)) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound
                                << ", vocabulary " << c.shape.vocabulary << ", elements of "
                                << sizeof(T) << " bytes";
  }
  for (std::int64_t row = 0; row < c.shape.rows; ++row) {
    for (std::int64_t v = c.shape.vocabulary; v < c.shape.row_stride; ++v) {
      const auto at = static_cast<std::size_t>(row * c.shape.row_stride + v);
      ASSERT_EQ(to_float(output.gradients[at]), 0.0F) << "padding of row " << row;
    }
  }
}

}  // namespace assay::cross_entropy
