#pragma once
/// The three products of one weight W(out, in) of a model: forward, input gradient and weight
/// gradient, prepared once for `rows` tokens and used by all layers that have the same shape.
#include <cstdint>
#include <memory>
#include <optional>

#include "kernels/gemm/cpu_product.h"

namespace assay::transformer {

struct LinearShape {
  std::int64_t rows = 0;  ///< tokens, or gemm::kVariable
  std::int64_t in = 0;
  std::int64_t out = 0;
  bool bias = false;
  bool accumulates = false;             ///< weight gradients are also added to
  bool adds_to_input_gradient = false;  ///< dX += as well as dX =
};

template <class T>
class Linear {
 public:
  Linear(CpuLevel level, const LinearShape& shape, const std::shared_ptr<gemm::Workspace>& memory);

  /// y = x·Wᵀ + bias. `rows` is given where it varies; 0 rows are no work.
  void forward(const T* x, const T* w, const T* bias, T* y, std::int64_t rows = kFixed) const;
  /// dx = dy·W.
  void input_gradient(const T* dy, const T* w, T* dx, std::int64_t rows = kFixed) const;
  /// dx += dy·W, rounded to T once more.
  void add_input_gradient(const T* dy, const T* w, T* dx) const;
  /// dw = dyᵀ·x, or dw += dyᵀ·x where `add`. No rows give zeros.
  void weight_gradient(const T* dy, const T* x, float* dw, bool add,
                       std::int64_t rows = kFixed) const;

 private:
  static constexpr std::int64_t kFixed = -1;

  LinearShape shape_;
  gemm::CpuProduct forward_;
  gemm::CpuProduct input_gradient_;
  gemm::CpuProduct weight_gradient_;
  std::optional<gemm::CpuProduct> added_input_gradient_;
  std::optional<gemm::CpuProduct> added_weight_gradient_;
};

}  // namespace assay::transformer
