#include "kernels/transformer/linear.h"

#include <algorithm>

namespace assay::transformer {
namespace {

template <class T>
constexpr gemm::Element kElement = gemm::element_of<T>();

}  // namespace

template <class T>
Linear<T>::Linear(CpuLevel level, const LinearShape& shape,
                  const std::shared_ptr<gemm::Workspace>& memory)
    : shape_(shape),
      forward_(level, gemm::forward(shape.rows, shape.in, shape.out, kElement<T>, shape.bias),
               memory),
      input_gradient_(level, gemm::input_gradient(shape.rows, shape.in, shape.out, kElement<T>),
                      memory),
      weight_gradient_(level,
                       gemm::weight_gradient(shape.rows, shape.in, shape.out, kElement<T>, false),
                       memory) {
  if (shape.adds_to_input_gradient) {
    gemm::Product added = gemm::input_gradient(shape.rows, shape.in, shape.out, kElement<T>);
    added.accumulate = true;
    added_input_gradient_.emplace(level, added, memory);
  }
  if (shape.accumulates) {
    added_weight_gradient_.emplace(
        level, gemm::weight_gradient(shape.rows, shape.in, shape.out, kElement<T>, true), memory);
  }
}

template <class T>
void Linear<T>::forward(const T* x, const T* w, const T* bias, T* y, std::int64_t rows) const {
  if (rows != 0) forward_.run(x, w, bias, y, rows);
}

template <class T>
void Linear<T>::input_gradient(const T* dy, const T* w, T* dx, std::int64_t rows) const {
  const T* no_bias = nullptr;
  if (rows != 0) input_gradient_.run(dy, w, no_bias, dx, rows);
}

template <class T>
void Linear<T>::add_input_gradient(const T* dy, const T* w, T* dx) const {
  const T* no_bias = nullptr;
  added_input_gradient_.value().run(dy, w, no_bias, dx);
}

template <class T>
void Linear<T>::weight_gradient(const T* dy, const T* x, float* dw, bool add,
                                std::int64_t rows) const {
  const T* no_bias = nullptr;
  if (rows != 0) {
    (add ? added_weight_gradient_.value() : weight_gradient_).run(dy, x, no_bias, dw, rows);
  } else if (!add) {
    std::fill_n(dw, shape_.in * shape_.out, 0.0F);
  }
}

template class Linear<float>;
template class Linear<Bf16>;

}  // namespace assay::transformer
