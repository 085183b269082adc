#include "ptx/host_blas_product.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "kernels/bf16.h"
#include "kernels/fp16.h"
#include "kernels/gemm/small_float.h"

namespace assay::host_blas {
namespace {

using cuda::blas::ComputeType;
using cuda::blas::DataType;
using cuda::blas::Epilogue;
using cuda::blas::kInvalidValue;
using cuda::blas::kNotSupported;
using cuda::blas::kSuccess;
using cuda::blas::Status;
using cuda::blas::Transpose;

bool is_fp8(DataType type) {
  return type == DataType::fp8_e4m3 || type == DataType::fp8_e5m2;
}

std::int64_t bytes_of(DataType type) {
  switch (type) {
    case DataType::fp64:
      return 8;
    case DataType::fp32:
    case DataType::int32:
      return 4;
    case DataType::fp16:
    case DataType::bf16:
      return 2;
    default:
      return 1;
  }
}

bool has(Epilogue epilogue, Epilogue part) {
  return (static_cast<std::uint32_t>(epilogue) & static_cast<std::uint32_t>(part)) != 0;
}
bool adds_bias(Epilogue epilogue) {
  return has(epilogue, Epilogue::bias);
}
bool applies_gelu(Epilogue epilogue) {
  return has(epilogue, Epilogue::gelu);
}
bool has_aux(Epilogue epilogue) {
  constexpr std::uint32_t kAux = 128;
  return (static_cast<std::uint32_t>(epilogue) & kAux) != 0;
}
bool is_gelu_gradient(Epilogue epilogue) {
  return epilogue == Epilogue::gelu_gradient || epilogue == Epilogue::gelu_gradient_bias_gradient;
}
bool has_bias_gradient(Epilogue epilogue) {
  return epilogue == Epilogue::gelu_gradient_bias_gradient || epilogue == Epilogue::bias_gradient_b;
}

/// op(matrix): its extents and strides.
struct View {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_stride;
  std::int64_t column_stride;
  View(const LayoutState& layout, Transpose transpose)
      : rows(static_cast<std::int64_t>(layout.rows)),
        columns(static_cast<std::int64_t>(layout.columns)),
        row_stride(1),
        column_stride(layout.leading_dimension) {
    if (transpose == Transpose::yes) {
      std::swap(rows, columns);
      std::swap(row_stride, column_stride);
    }
  }
};

/// The tables of types: compute type, scale type, A, B, and D (C is of D's type).
bool types_are_supported(const Description& p, int architecture) {
  const auto [compute, scale] = std::pair(p.multiplication.compute, p.multiplication.scale);
  const DataType a = p.a.type, b = p.b.type, d = p.d.type;
  if (p.c.type != d) return false;
  switch (compute) {
    case ComputeType::fp64:
      return scale == DataType::fp64 && a == b && b == d && d == DataType::fp64;
    case ComputeType::int32:
      return scale == DataType::int32 && a == DataType::int8 && b == a && d == DataType::int32;
    case ComputeType::fp32_pedantic:
      return scale == DataType::fp32 && a == DataType::fp32 && b == a && d == a;
    case ComputeType::fp32_of_tf32:
      return architecture >= 80 && scale == DataType::fp32 && a == DataType::fp32 && b == a &&
             d == a;
    case ComputeType::fp32:
      break;
  }
  if (scale != DataType::fp32) return false;
  if (is_fp8(a) || is_fp8(b)) {
    const bool both_e5m2 = a == DataType::fp8_e5m2 && b == DataType::fp8_e5m2;
    return architecture >= 89 && is_fp8(a) && is_fp8(b) && !both_e5m2 &&
           (d == DataType::bf16 || d == DataType::fp16 || d == DataType::fp32);
  }
  // FP32 operands are none of ours here: the library may narrow them (NVIDIA_TF32_OVERRIDE).
  const bool half = a == DataType::fp16 || (a == DataType::bf16 && architecture >= 80);
  return half && a == b && (d == a || d == DataType::fp32);
}

Status epilogue_refusal(const Description& p) {
  const MultiplicationState& m = p.multiplication;
  const DataType d = p.d.type;
  const bool half_or_single = d == DataType::fp16 || d == DataType::bf16 || d == DataType::fp32;
  switch (m.epilogue) {
    case Epilogue::none:
      return kSuccess;
    case Epilogue::bias:
      if (d == DataType::int32) return kNotSupported;
      break;
    default:
      if (!half_or_single || is_fp8(p.a.type)) return kNotSupported;
  }
  if (adds_bias(m.epilogue) || has_bias_gradient(m.epilogue)) {
    const DataType wanted =
        is_fp8(p.a.type) ? (d == DataType::fp16 ? DataType::fp16 : DataType::bf16) : d;
    if (m.bias_type.value_or(d) != wanted) return kNotSupported;
  }
  if (has_aux(m.epilogue)) {
    const bool fits = m.aux_leading_dimension >= static_cast<std::int64_t>(p.d.rows);
    if (m.aux_leading_dimension % 8 != 0 || !fits) return kInvalidValue;
  }
  return kSuccess;
}

/// The conditions of FP8 and integer kernels.
Status layout_refusal(const Description& p) {
  const bool fp8 = is_fp8(p.a.type);
  if (!fp8 && p.a.type != DataType::int8) return kSuccess;
  if (p.multiplication.transpose_a != Transpose::yes ||
      p.multiplication.transpose_b != Transpose::no) {
    return kNotSupported;
  }
  const auto is_multiple = [&](const LayoutState& layout) {
    const std::int64_t bytes = layout.leading_dimension * bytes_of(layout.type);
    return fp8 ? bytes % 16 == 0 : layout.leading_dimension % 4 == 0;
  };
  // Of the extents, the library's m and k.
  const std::uint64_t multiple = fp8 ? 16 : 4;
  const bool extents = p.a.rows % multiple == 0 && p.a.columns % multiple == 0;
  return extents && is_multiple(p.a) && is_multiple(p.b) && is_multiple(p.d) ? kSuccess
                                                                             : kNotSupported;
}

double gelu(double x) {
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * std::pow(x, 3))));
}
double gelu_slope(double x) {
  const double t = std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * std::pow(x, 3)));
  return 0.5 * (1.0 + t) +
         0.5 * x * (1.0 - t * t) * std::sqrt(2.0 / M_PI) * (1.0 + 3.0 * 0.044715 * x * x);
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void save(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// A column-major matrix of the device, on the host while it is worked on.
class Matrix {
 public:
  Matrix(DataType type, std::int64_t elements)
      : type_(type), bytes_(static_cast<std::size_t>(elements * bytes_of(type))) {}

  [[nodiscard]] double at(std::int64_t i) const {
    const std::byte* const from = bytes_.data() + i * bytes_of(type_);
    switch (type_) {
      case DataType::fp64:
        return load<double>(from);
      case DataType::fp32:
        return static_cast<double>(load<float>(from));
      case DataType::fp16:
        return static_cast<double>(to_float(load<Fp16>(from)));
      case DataType::bf16:
        return static_cast<double>(to_float(load<Bf16>(from)));
      case DataType::fp8_e4m3:
        return static_cast<double>(to_float(load<Fp8E4m3>(from)));
      case DataType::fp8_e5m2:
        return static_cast<double>(to_float(load<Fp8E5m2>(from)));
      case DataType::int8:
        return load<std::int8_t>(from);
      case DataType::int32:
        return load<std::int32_t>(from);
    }
    return 0.0;
  }
  void set(std::int64_t i, double value) {
    std::byte* const to = bytes_.data() + i * bytes_of(type_);
    switch (type_) {
      case DataType::fp64:
        return save(to, value);
      case DataType::fp32:
        return save(to, static_cast<float>(value));
      case DataType::fp16:
        return save(to, to_fp16(static_cast<float>(value)));
      case DataType::bf16:
        return save(to, to_bf16(static_cast<float>(value)));
      case DataType::int32:
        return save(to, static_cast<std::int32_t>(value));
      default:
        throw check_error("no output is of that type", "host_blas");
    }
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  DataType type_;
  std::vector<std::byte> bytes_;
};

/// Device memory through the driver.
struct Copier {
  const cuda::DriverTable& driver;
  cuda::StreamHandle stream;

  [[nodiscard]] Matrix read(DataType type, std::int64_t elements, const void* from) const {
    Matrix matrix(type, elements);
    if (elements == 0) return matrix;
    cuda::check(driver,
                driver.copy_to_host_async(matrix.bytes().data(),
                                          reinterpret_cast<cuda::DevicePointer>(from),
                                          matrix.bytes().size(), stream),
                "host_blas: cuMemcpyDtoHAsync");
    cuda::check(driver, driver.stream_synchronize(stream), "host_blas: cuStreamSynchronize");
    return matrix;
  }
  void write(Matrix& matrix, void* to) const {
    cuda::check(driver,
                driver.copy_to_device_async(reinterpret_cast<cuda::DevicePointer>(to),
                                            matrix.bytes().data(), matrix.bytes().size(), stream),
                "host_blas: cuMemcpyHtoDAsync");
    cuda::check(driver, driver.stream_synchronize(stream), "host_blas: cuStreamSynchronize");
  }
};

/// The elements that a matrix spans: no column begins after its last, no byte behind the last.
std::int64_t span_of(const LayoutState& layout) {
  return layout.leading_dimension * (static_cast<std::int64_t>(layout.columns) - 1) +
         static_cast<std::int64_t>(layout.rows);
}

double scalar_of(DataType scale, const void* value) {
  const auto* const bytes = static_cast<const std::byte*>(value);
  if (scale == DataType::fp64) return load<double>(bytes);
  if (scale == DataType::int32) return load<std::int32_t>(bytes);
  return static_cast<double>(load<float>(bytes));
}

/// op(M), whose rows are `outer` and columns the depth (or the other way round), as Real in the
/// order (depth, outer), so that sums over the depth run side by side.
template <class Real>
std::vector<Real> by_depth(const Matrix& matrix, std::int64_t depth, std::int64_t depth_stride,
                           std::int64_t outer, std::int64_t outer_stride, bool to_tf32_first) {
  std::vector<Real> values;
  values.reserve(static_cast<std::size_t>(depth * outer));
  for (std::int64_t l = 0; l < depth; ++l) {
    for (std::int64_t i = 0; i < outer; ++i) {
      const auto value = static_cast<Real>(matrix.at(l * depth_stride + i * outer_stride));
      values.push_back(to_tf32_first ? static_cast<Real>(to_tf32(static_cast<float>(value)))
                                     : value);
    }
  }
  return values;
}

/// Σ_l op(A)(i, l) · op(B)(l, j) in Real, l rising; column-major.
template <class Real>
std::vector<double> sums_of(ComputeType compute, const Matrix& a, const View& op_a, const Matrix& b,
                            const View& op_b) {
  const bool tf32 = compute == ComputeType::fp32_of_tf32;
  const std::int64_t rows = op_a.rows;
  const std::int64_t depth = op_a.columns;
  const auto left = by_depth<Real>(a, depth, op_a.column_stride, rows, op_a.row_stride, tf32);
  const auto right =
      by_depth<Real>(b, depth, op_b.row_stride, op_b.columns, op_b.column_stride, tf32);
  std::vector<double> all;
  all.reserve(static_cast<std::size_t>(rows * op_b.columns));
  std::vector<Real> column(static_cast<std::size_t>(rows));
  for (std::int64_t j = 0; j < op_b.columns; ++j) {
    std::fill(column.begin(), column.end(), Real{0});
    for (std::int64_t l = 0; l < depth; ++l) {
      const Real factor = right[static_cast<std::size_t>(l * op_b.columns + j)];
      const Real* const of_depth = left.data() + l * rows;
      for (std::int64_t i = 0; i < rows; ++i) {
        column[static_cast<std::size_t>(i)] += of_depth[i] * factor;
      }
    }
    all.insert(all.end(), column.begin(), column.end());
  }
  return all;
}

}  // namespace

bool is_aligned(const void* address, std::uint32_t alignment) {
  return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

Status refusal(const Description& p, int architecture) {
  for (const LayoutState* layout : {&p.a, &p.b, &p.c, &p.d}) {
    if (layout->rows == 0 || layout->columns == 0 ||
        layout->leading_dimension < static_cast<std::int64_t>(layout->rows)) {
      return kInvalidValue;
    }
  }
  const View op_a(p.a, p.multiplication.transpose_a);
  const View op_b(p.b, p.multiplication.transpose_b);
  const auto d_rows = static_cast<std::int64_t>(p.d.rows);
  const auto d_columns = static_cast<std::int64_t>(p.d.columns);
  if (op_a.rows != d_rows || op_b.columns != d_columns || op_a.columns != op_b.rows ||
      p.c.rows != p.d.rows || p.c.columns != p.d.columns) {
    return kInvalidValue;
  }
  if (!types_are_supported(p, architecture)) return kNotSupported;
  const bool scaled = p.multiplication.a_scale != nullptr || p.multiplication.b_scale != nullptr;
  if ((scaled || p.multiplication.fast_accumulation.has_value()) && !is_fp8(p.a.type)) {
    return kInvalidValue;
  }
  if (const Status refused = layout_refusal(p)) return refused;
  return epilogue_refusal(p);
}

Status refusal(const Description& p, const Scales& scales, const Pointers& pointers) {
  const MultiplicationState& m = p.multiplication;
  if (scales.alpha == nullptr || scales.beta == nullptr) return kInvalidValue;
  const bool reads_c = scalar_of(m.scale, scales.beta) != 0.0;
  if (pointers.a == nullptr || pointers.b == nullptr || pointers.d == nullptr ||
      (reads_c && pointers.c == nullptr)) {
    return kInvalidValue;
  }
  const bool needs_bias = adds_bias(m.epilogue) || has_bias_gradient(m.epilogue);
  if ((needs_bias && m.bias == nullptr) || (has_aux(m.epilogue) && m.aux == nullptr)) {
    return kInvalidValue;
  }
  for (const void* address :
       std::initializer_list<const void*>{pointers.a, pointers.b, pointers.c, pointers.d, m.aux}) {
    if (!is_aligned(address, kPointerAlignment)) return kInvalidValue;
  }
  return kSuccess;
}

void compute(const cuda::DriverTable& driver, cuda::StreamHandle stream, const Description& p,
             const Scales& scales, const Pointers& pointers) {
  const MultiplicationState& m = p.multiplication;
  const Copier copier{driver, stream};
  const View op_a(p.a, m.transpose_a);
  const View op_b(p.b, m.transpose_b);
  const std::int64_t rows = op_a.rows;
  const std::int64_t columns = op_b.columns;
  const double alpha = scalar_of(m.scale, scales.alpha);
  const double beta = scalar_of(m.scale, scales.beta);
  const auto tensor_scale = [&](const void* from) {
    return from == nullptr ? 1.0 : copier.read(DataType::fp32, 1, from).at(0);
  };
  const double scale = alpha * tensor_scale(m.a_scale) * tensor_scale(m.b_scale);

  const Matrix a = copier.read(p.a.type, span_of(p.a), pointers.a);
  const Matrix b = copier.read(p.b.type, span_of(p.b), pointers.b);
  const Matrix c = copier.read(p.c.type, beta != 0.0 ? span_of(p.c) : 0, pointers.c);
  Matrix d = copier.read(p.d.type, span_of(p.d), pointers.d);
  const DataType bias_type = m.bias_type.value_or(p.d.type);
  const Matrix bias = copier.read(bias_type, adds_bias(m.epilogue) ? rows : 0, m.bias);
  const std::int64_t aux_span =
      has_aux(m.epilogue) ? m.aux_leading_dimension * (columns - 1) + rows : 0;
  Matrix aux = copier.read(p.d.type, aux_span, m.aux);
  std::vector<double> row_sums(static_cast<std::size_t>(rows));
  const bool wide = m.compute == ComputeType::fp64 || m.compute == ComputeType::int32;
  const std::vector<double> sums = wide ? sums_of<double>(m.compute, a, op_a, b, op_b)
                                        : sums_of<float>(m.compute, a, op_a, b, op_b);

  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      const std::int64_t at = i + j * p.d.leading_dimension;
      double value = scale * sums[static_cast<std::size_t>(i + j * rows)];
      if (beta != 0.0) value += beta * c.at(i + j * p.c.leading_dimension);
      if (adds_bias(m.epilogue)) value += bias.at(i);
      const std::int64_t aux_at = i + j * m.aux_leading_dimension;
      if (is_gelu_gradient(m.epilogue)) {
        value *= gelu_slope(aux.at(aux_at));
      } else if (applies_gelu(m.epilogue)) {
        if (has_aux(m.epilogue)) aux.set(aux_at, value);
        value = gelu(value);
      }
      row_sums[static_cast<std::size_t>(i)] += value;
      d.set(at, value);
    }
  }
  copier.write(d, pointers.d);
  if (has_aux(m.epilogue) && !is_gelu_gradient(m.epilogue)) copier.write(aux, m.aux);
  if (!has_bias_gradient(m.epilogue)) return;
  const bool of_b = m.epilogue == Epilogue::bias_gradient_b;
  Matrix gradient(bias_type, of_b ? columns : rows);
  for (std::int64_t i = 0; i < (of_b ? columns : rows); ++i) {
    double sum = of_b ? 0.0 : row_sums[static_cast<std::size_t>(i)];
    for (std::int64_t l = 0; of_b && l < op_b.rows; ++l) {
      sum += b.at(l * op_b.row_stride + i * op_b.column_stride);
    }
    gradient.set(i, sum);
  }
  copier.write(gradient, m.bias);
}

}  // namespace assay::host_blas
