#include "kernels/gemm/freivalds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/philox.h"
#include "kernels/fp16.h"
#include "kernels/gemm/small_float.h"

namespace assay::gemm {
namespace {

/// One value for each of the check's vectors.
using Lanes = std::array<double, kVectors>;

template <class T>
double widened(T value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<double>(value);
  } else {
    return static_cast<double>(to_float(value));
  }
}

/// A stored matrix: element (i, j) of what the product means.
template <class T>
struct View {
  const T* data;
  std::int64_t row_stride;
  std::int64_t column_stride;
  [[nodiscard]] double at(std::int64_t i, std::int64_t j) const {
    return widened(data[i * row_stride + j * column_stride]);
  }
};

/// Column j of the n x kVectors matrix of signs.
Lanes signs(std::uint64_t key, std::int64_t j) {
  const std::uint32_t word = philox(key, static_cast<std::uint64_t>(j), 0x46726569).word[0];
  Lanes x;
  for (int v = 0; v < kVectors; ++v) {
    x[static_cast<std::size_t>(v)] = ((word >> v) & 1U) != 0 ? 1.0 : -1.0;
  }
  return x;
}

struct Projection {
  Lanes value{};         ///< row · X
  double squares = 0.0;  ///< ‖row‖²
};

/// Rows taken together, so that a transposed matrix too is read by whole cache lines.
constexpr std::int64_t kRowBlock = 32;
using Block = std::array<Projection, static_cast<std::size_t>(kRowBlock)>;

/// Rows [first, first + count) of `matrix` times the vectors `x`.
template <class T>
void project(const View<T>& matrix, std::int64_t first, std::int64_t count,
             const std::vector<Lanes>& x, Block& rows) {
  rows = {};
  for (std::size_t j = 0; j < x.size(); ++j) {
    for (std::int64_t r = 0; r < count; ++r) {
      Projection& row = rows[static_cast<std::size_t>(r)];
      const double element = matrix.at(first + r, static_cast<std::int64_t>(j));
      for (std::size_t v = 0; v < kVectors; ++v) row.value[v] += element * x[j][v];
      row.squares += element * element;
    }
  }
}

/// λ with which a right product is refused with probability below 1e-9 (freivalds.h).
double deviations(const Product& product) {
  const double events = static_cast<double>(product.m) * static_cast<double>(product.n) +
                        static_cast<double>(product.m) * kVectors;
  return std::sqrt(2.0 * std::log(2.0 * events / 1e-9));
}

constexpr double kUnitFp32 = 0x1p-24;
constexpr double kUnitFp64 = 0x1p-53;

/// ‖e_i‖ over ‖a_i‖·‖B‖ by rounding of the sums; `terms` counts a bias (freivalds.h).
double sum_error(const Product& product, double terms, double lambda) {
  switch (product.input) {
    case Element::fp64:
      return lambda * kUnitFp64 * std::sqrt(terms);
    case Element::fp8_e4m3:
    case Element::fp8_e5m2:
      return 8.0 * std::sqrt(128.0) * 0x1p-13 / std::sqrt(terms);
    default:
      return lambda * kUnitFp32 * std::sqrt(terms);
  }
}

/// ‖e_i‖ over ‖d_i‖ by storing the sums.
double store_error(const Product& product) {
  switch (product.output) {
    case Element::bf16:
      return 0x1p-9;
    case Element::fp16:
      return 0x1p-12;
    default:
      return 0.0;
  }
}

}  // namespace

template <class A, class B, class Out>
Check freivalds_check(std::string name, const Product& product, const A* a, const B* b,
                      const B* bias, const Out* d, std::uint64_t key) {
  const View<A> a_view{a, product.a_transposed ? 1 : product.k,
                       product.a_transposed ? product.m : 1};
  const View<B> b_view{b, product.b_transposed ? 1 : product.n,
                       product.b_transposed ? product.k : 1};
  const View<Out> d_view{d, product.n, 1};

  std::vector<Lanes> x(static_cast<std::size_t>(product.n));
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = signs(key, static_cast<std::int64_t>(j));
  std::vector<Lanes> bx(static_cast<std::size_t>(product.k));
  double b_squares = 0.0;
#pragma omp parallel for schedule(static) reduction(+ : b_squares)
  for (std::int64_t first = 0; first < product.k; first += kRowBlock) {
    Block rows;
    const std::int64_t count = std::min(kRowBlock, product.k - first);
    project(b_view, first, count, x, rows);
    for (std::int64_t r = 0; r < count; ++r) {
      bx[static_cast<std::size_t>(first + r)] = rows[static_cast<std::size_t>(r)].value;
      b_squares += rows[static_cast<std::size_t>(r)].squares;
    }
  }
  Block bias_row{};
  if (bias != nullptr) project(View<B>{bias, 0, 1}, 0, 1, x, bias_row);
  const Projection& bias_x = bias_row[0];

  const bool exact = product.output == Element::int32;
  const double lambda = deviations(product);
  const double sums = sum_error(product, static_cast<double>(product.k + 1), lambda);
  const double store = store_error(product);
  const double unit_of_check = product.input == Element::fp64 ? kUnitFp64 : 0.0;
  const double root_n = std::sqrt(static_cast<double>(product.n));
  const double root_k = std::sqrt(static_cast<double>(product.k));
  double worst = 0.0;
#pragma omp parallel for schedule(static) reduction(max : worst)
  for (std::int64_t first = 0; first < product.m; first += kRowBlock) {
    Block expected;
    Block found;
    const std::int64_t count = std::min(kRowBlock, product.m - first);
    project(a_view, first, count, bx, expected);
    project(d_view, first, count, x, found);
    for (std::size_t r = 0; r < static_cast<std::size_t>(count); ++r) {
      const double operands = std::sqrt((expected[r].squares + (bias != nullptr ? 1.0 : 0.0)) *
                                        (b_squares + bias_x.squares));
      const double output = std::sqrt(found[r].squares);
      const double own = unit_of_check * (root_n * output + (root_n + root_k) * operands);
      const double bound = lambda * (sums * operands + store * output + own);
      for (std::size_t v = 0; v < kVectors; ++v) {
        const double difference =
            std::abs(found[r].value[v] - expected[r].value[v] - bias_x.value[v]);
        const double ratio = exact || difference == 0.0 ? difference : difference / bound;
        // A comparison with NaN is false, so this keeps NaN from passing.
        worst = ratio <= std::numeric_limits<double>::max()
                    ? std::max(worst, ratio)
                    : std::numeric_limits<double>::infinity();
      }
    }
  }
  return {std::move(name), worst, exact ? 0.0 : 1.0};
}

template Check freivalds_check(std::string, const Product&, const double*, const double*,
                               const double*, const double*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const float*, const float*,
                               const float*, const float*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp16*, const Fp16*, const Fp16*,
                               const Fp16*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp16*, const Fp16*, const Fp16*,
                               const float*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Bf16*, const Bf16*, const Bf16*,
                               const float*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Bf16*, const Bf16*, const Bf16*,
                               const Bf16*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp8E4m3*, const Fp8E4m3*,
                               const Fp8E4m3*, const Bf16*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp8E4m3*, const Fp8E4m3*,
                               const Fp8E4m3*, const float*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp8E5m2*, const Fp8E4m3*,
                               const Fp8E4m3*, const Bf16*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const Fp8E5m2*, const Fp8E4m3*,
                               const Fp8E4m3*, const float*, std::uint64_t);
template Check freivalds_check(std::string, const Product&, const std::int8_t*, const std::int8_t*,
                               const std::int8_t*, const std::int32_t*, std::uint64_t);

}  // namespace assay::gemm
