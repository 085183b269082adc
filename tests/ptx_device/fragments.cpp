#include "ptx_device/fragments.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "ptx_device/numeric.h"

namespace assay::ptx_device {
namespace {

// ---- Layout ----

/// Rows and columns as the blocks of a fragment see them: B is transposed.
struct Extent {
  int rows, columns;
};

Extent extent_of(MatrixOperand operand, MatrixShape shape) {
  switch (operand) {
    case MatrixOperand::a:
      return {shape.m, shape.k};
    case MatrixOperand::b:
      return {shape.n, shape.k};
    case MatrixOperand::accumulator:
      break;
  }
  return {shape.m, shape.n};
}

constexpr int element_bits(MatrixElement element) {
  switch (element) {
    case MatrixElement::e4m3:
    case MatrixElement::e5m2:
    case MatrixElement::s8:
    case MatrixElement::u8:
      return 8;
    case MatrixElement::f16:
    case MatrixElement::bf16:
      return 16;
    case MatrixElement::f64:
      return 64;
    case MatrixElement::tf32:
    case MatrixElement::f32:
    case MatrixElement::s32:
      break;
  }
  return 32;
}

/// Elements that a lane holds side by side in one row of a block.
constexpr int block_width(MatrixOperand operand, MatrixElement element) {
  if (operand == MatrixOperand::accumulator) return 2;
  return std::max(1, 32 / element_bits(element));
}

// ---- Elements as numbers ----

template <MatrixElement element>
std::uint64_t read(const LaneRegisters& registers, int index) {
  constexpr int kBits = element_bits(element);
  const auto at = static_cast<std::size_t>(index);
  if constexpr (kBits == 64) {
    return static_cast<std::uint64_t>(registers[2 * at + 1]) << 32U | registers[2 * at];
  } else {
    constexpr std::size_t kPerRegister = 32 / kBits;
    constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;
    return registers[at / kPerRegister] >> (at % kPerRegister * kBits) & kMask;
  }
}

template <MatrixElement element>
void write(LaneRegisters& registers, int index, std::uint64_t bits) {
  constexpr int kBits = element_bits(element);
  const auto at = static_cast<std::size_t>(index);
  if constexpr (kBits == 64) {
    registers[2 * at] = static_cast<std::uint32_t>(bits);
    registers[2 * at + 1] = static_cast<std::uint32_t>(bits >> 32U);
  } else {
    constexpr std::size_t kPerRegister = 32 / kBits;
    constexpr auto kMask = static_cast<std::uint32_t>((std::uint64_t{1} << kBits) - 1);
    const std::size_t shift = at % kPerRegister * kBits;
    std::uint32_t& target = registers[at / kPerRegister];
    target = (target & ~(kMask << shift)) | (static_cast<std::uint32_t>(bits) & kMask) << shift;
  }
}

template <MatrixElement element>
double decode(std::uint64_t bits) {
  const auto word = static_cast<std::uint32_t>(bits);
  if constexpr (element == MatrixElement::f16) {
    return static_cast<double>(half_to_float(static_cast<std::uint16_t>(word)));
  } else if constexpr (element == MatrixElement::bf16) {
    return static_cast<double>(std::bit_cast<float>(word << 16U));
  } else if constexpr (element == MatrixElement::tf32) {
    return static_cast<double>(std::bit_cast<float>(word & 0xffffe000U));
  } else if constexpr (element == MatrixElement::e4m3) {
    return static_cast<double>(e4m3_to_float(static_cast<std::uint8_t>(word)));
  } else if constexpr (element == MatrixElement::e5m2) {
    return static_cast<double>(e5m2_to_float(static_cast<std::uint8_t>(word)));
  } else if constexpr (element == MatrixElement::s8) {
    return static_cast<double>(static_cast<std::int8_t>(word));
  } else if constexpr (element == MatrixElement::u8) {
    return static_cast<double>(word);
  } else if constexpr (element == MatrixElement::f32) {
    return static_cast<double>(std::bit_cast<float>(word));
  } else if constexpr (element == MatrixElement::s32) {
    return static_cast<double>(static_cast<std::int32_t>(word));
  } else {
    return std::bit_cast<double>(bits);
  }
}

/// The types that D can have.
template <MatrixElement element>
std::uint64_t encode(double value, bool saturate) {
  if constexpr (element == MatrixElement::f16) {
    return double_to_half(value);
  } else if constexpr (element == MatrixElement::f32) {
    return std::bit_cast<std::uint32_t>(canonical(static_cast<float>(value)));
  } else if constexpr (element == MatrixElement::s32) {
    using Range = std::numeric_limits<std::int32_t>;
    const auto whole = static_cast<std::int64_t>(value);
    return static_cast<std::uint64_t>(
        saturate ? std::clamp<std::int64_t>(whole, Range::min(), Range::max()) : whole);
  } else {
    static_assert(element == MatrixElement::f64);
    return std::bit_cast<std::uint64_t>(value);
  }
}

// ---- Fragments and matrices ----

/// Matrices of one instruction in f64, rows after one another. 16 by 32 is the largest.
using Matrix = std::array<double, 512>;

/// Calls visit(lane, index, offset) for all elements of an operand; element (row, column) of the
/// extent, as element_position has it, stands at row * row_stride + column * column_stride.
template <int width, class Visit>
void for_each_element(Extent extent, int row_stride, int column_stride, Visit visit) {
  const int row_blocks = extent.rows / 8;
  const int blocks = extent.rows * extent.columns / (kWarpSize * width);
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const int lane_offset = lane / 4 * row_stride + lane % 4 * width * column_stride;
    for (int block = 0; block < blocks; ++block) {
      const int offset = lane_offset + block % row_blocks * 8 * row_stride +
                         block / row_blocks * 4 * width * column_stride;
      for (int i = 0; i < width; ++i) {
        visit(static_cast<std::size_t>(lane), block * width + i,
              static_cast<std::size_t>(offset + i * column_stride));
      }
    }
  }
}

template <MatrixOperand operand, MatrixElement element>
void gather(MatrixShape shape, const Fragment& fragment, Matrix& matrix) {
  const Extent extent = extent_of(operand, shape);
  constexpr bool kTransposed = operand == MatrixOperand::b;
  const int row_stride = kTransposed ? 1 : extent.columns;
  const int column_stride = kTransposed ? extent.rows : 1;
  for_each_element<block_width(operand, element)>(
      extent, row_stride, column_stride, [&](std::size_t lane, int index, std::size_t offset) {
        matrix[offset] = decode<element>(read<element>(fragment.lane[lane], index));
      });
}

template <MatrixElement element>
void scatter(MatrixShape shape, const Matrix& matrix, bool saturate, Fragment& fragment) {
  const Extent extent = extent_of(MatrixOperand::accumulator, shape);
  for_each_element<block_width(MatrixOperand::accumulator, element)>(
      extent, extent.columns, 1, [&](std::size_t lane, int index, std::size_t offset) {
        write<element>(fragment.lane[lane], index, encode<element>(matrix[offset], saturate));
      });
}

template <MatrixOperand operand>
void gather_multiplicand(MatrixElement element, MatrixShape shape, const Fragment& fragment,
                         Matrix& matrix) {
  using enum MatrixElement;
  switch (element) {
    case f16:
      return gather<operand, f16>(shape, fragment, matrix);
    case bf16:
      return gather<operand, bf16>(shape, fragment, matrix);
    case tf32:
      return gather<operand, tf32>(shape, fragment, matrix);
    case e4m3:
      return gather<operand, e4m3>(shape, fragment, matrix);
    case e5m2:
      return gather<operand, e5m2>(shape, fragment, matrix);
    case s8:
      return gather<operand, s8>(shape, fragment, matrix);
    case u8:
      return gather<operand, u8>(shape, fragment, matrix);
    case f64:
      return gather<operand, f64>(shape, fragment, matrix);
    case f32:
    case s32:
      break;
  }
}

void gather_accumulator(MatrixElement element, MatrixShape shape, const Fragment& fragment,
                        Matrix& matrix) {
  using enum MatrixElement;
  constexpr auto kOperand = MatrixOperand::accumulator;
  switch (element) {
    case f16:
      return gather<kOperand, f16>(shape, fragment, matrix);
    case f32:
      return gather<kOperand, f32>(shape, fragment, matrix);
    case s32:
      return gather<kOperand, s32>(shape, fragment, matrix);
    case f64:
      return gather<kOperand, f64>(shape, fragment, matrix);
    default:
      break;
  }
}

void scatter_accumulator(MatrixElement element, MatrixShape shape, const Matrix& matrix,
                         bool saturate, Fragment& fragment) {
  using enum MatrixElement;
  switch (element) {
    case f16:
      return scatter<f16>(shape, matrix, saturate, fragment);
    case f32:
      return scatter<f32>(shape, matrix, saturate, fragment);
    case s32:
      return scatter<s32>(shape, matrix, saturate, fragment);
    case f64:
      return scatter<f64>(shape, matrix, saturate, fragment);
    default:
      break;
  }
}

// ---- Products ----

/// sums += a b, eight columns at a time, which the compiler keeps in vector registers.
template <class MultiplyAdd>
void accumulate(MatrixShape shape, const Matrix& a, const Matrix& b, Matrix& sums,
                MultiplyAdd multiply_add) {
  constexpr int kColumns = 8;
  for (int row = 0; row < shape.m; ++row) {
    const double* a_row = a.data() + row * shape.k;
    for (int first = 0; first < shape.n; first += kColumns) {
      double* target = sums.data() + row * shape.n + first;
      std::array<double, kColumns> sum;
      std::copy_n(target, kColumns, sum.begin());
      for (int i = 0; i < shape.k; ++i) {
        const double* b_row = b.data() + i * shape.n + first;
        for (std::size_t j = 0; j < kColumns; ++j) {
          sum[j] = multiply_add(a_row[i], b_row[j], sum[j]);
        }
      }
      std::copy_n(sum.begin(), kColumns, target);
    }
  }
}

/// Also right for integers: all sums of a shape fit the 53 bits of f64.
void matrix_product(MatrixShape shape, const MatrixTypes& types, const Fragment& a,
                    const Fragment& b, const Fragment& c, Fragment& d, bool saturate) {
  Matrix a_matrix;
  Matrix b_matrix;
  Matrix sums;
  gather_multiplicand<MatrixOperand::a>(types.a, shape, a, a_matrix);
  gather_multiplicand<MatrixOperand::b>(types.b, shape, b, b_matrix);
  gather_accumulator(types.c, shape, c, sums);
  if (types.d == MatrixElement::f64) {
    accumulate(shape, a_matrix, b_matrix, sums,
               [](double x, double y, double sum) { return std::fma(x, y, sum); });
  } else {
    accumulate(shape, a_matrix, b_matrix, sums,
               [](double x, double y, double sum) { return sum + x * y; });
  }
  scatter_accumulator(types.d, shape, sums, saturate, d);
}

// ---- ldmatrix and stmatrix ----

/// Calls visit(lane, index, row, byte) for the 16-bit elements of `count` matrices: element
/// `index` of `lane` lies at byte `byte` of rows[row]. Element (r, c) of a matrix stands in lane
/// 4 r + c / 2, in half c % 2 of the register; with .trans element (c, r) stands there.
template <class Visit>
void for_each_halfword(int count, bool transpose, Visit visit) {
  for (int matrix = 0; matrix < count; ++matrix) {
    for (int lane = 0; lane < kWarpSize; ++lane) {
      for (int half = 0; half < 2; ++half) {
        const int across = lane / 4;
        const int along = lane % 4 * 2 + half;
        const int row = 8 * matrix + (transpose ? along : across);
        const int byte = 2 * (transpose ? across : along);
        visit(static_cast<std::size_t>(lane), 2 * matrix + half, static_cast<std::size_t>(row),
              static_cast<std::size_t>(byte));
      }
    }
  }
}

// ---- What there is ----

bool any_of(MatrixShape shape, std::initializer_list<MatrixShape> shapes) {
  return std::find(shapes.begin(), shapes.end(), shape) != shapes.end();
}

bool is_8_bit_integer(MatrixElement element) {
  return element == MatrixElement::s8 || element == MatrixElement::u8;
}
bool is_8_bit_float(MatrixElement element) {
  return element == MatrixElement::e4m3 || element == MatrixElement::e5m2;
}
bool is_f16_or_f32(MatrixElement element) {
  return element == MatrixElement::f16 || element == MatrixElement::f32;
}

}  // namespace

int lane_elements(MatrixOperand operand, MatrixShape shape) {
  const Extent extent = extent_of(operand, shape);
  return extent.rows * extent.columns / kWarpSize;
}

int lane_registers(MatrixOperand operand, MatrixShape shape, MatrixElement element) {
  return lane_elements(operand, shape) * element_bits(element) / 32;
}

int wmma_lane_elements(MatrixOperand operand, MatrixShape shape, MatrixElement element) {
  const bool repeats = operand != MatrixOperand::accumulator && element == MatrixElement::f16;
  return repeats ? 16 : lane_elements(operand, shape);
}

int wmma_lane_registers(MatrixOperand operand, MatrixShape shape, MatrixElement element) {
  return wmma_lane_elements(operand, shape, element) * element_bits(element) / 32;
}

Position element_position(MatrixOperand operand, MatrixShape shape, MatrixElement element, int lane,
                          int index) {
  const int width = block_width(operand, element);
  const int row_blocks = extent_of(operand, shape).rows / 8;
  const int distinct = index % lane_elements(operand, shape);
  const int block = distinct / width;
  const int row = block % row_blocks * 8 + lane / 4;
  const int column = (block / row_blocks * 4 + lane % 4) * width + distinct % width;
  return operand == MatrixOperand::b ? Position{column, row} : Position{row, column};
}

std::uint64_t get_element(const LaneRegisters& registers, MatrixElement element, int index) {
  switch (element_bits(element)) {
    case 8:
      return read<MatrixElement::u8>(registers, index);
    case 16:
      return read<MatrixElement::f16>(registers, index);
    case 32:
      return read<MatrixElement::f32>(registers, index);
    default:
      return read<MatrixElement::f64>(registers, index);
  }
}

void set_element(LaneRegisters& registers, MatrixElement element, int index, std::uint64_t bits) {
  switch (element_bits(element)) {
    case 8:
      return write<MatrixElement::u8>(registers, index, bits);
    case 16:
      return write<MatrixElement::f16>(registers, index, bits);
    case 32:
      return write<MatrixElement::f32>(registers, index, bits);
    default:
      return write<MatrixElement::f64>(registers, index, bits);
  }
}

bool mma_supported(MatrixShape shape, const MatrixTypes& types) {
  using enum MatrixElement;
  if (types.d != types.c) return false;
  if (is_8_bit_integer(types.a) && is_8_bit_integer(types.b)) {
    return types.d == s32 && any_of(shape, {{8, 8, 16}, {16, 8, 16}, {16, 8, 32}});
  }
  if (is_8_bit_float(types.a) && is_8_bit_float(types.b)) {
    return is_f16_or_f32(types.d) && any_of(shape, {{16, 8, 16}, {16, 8, 32}});
  }
  if (types.a != types.b) return false;
  switch (types.a) {
    case f16:
      return is_f16_or_f32(types.d) && any_of(shape, {{16, 8, 8}, {16, 8, 16}});
    case bf16:
      return types.d == f32 && any_of(shape, {{16, 8, 8}, {16, 8, 16}});
    case tf32:
      return types.d == f32 && any_of(shape, {{16, 8, 4}, {16, 8, 8}});
    case f64:
      return types.d == f64 && any_of(shape, {{8, 8, 4}, {16, 8, 4}, {16, 8, 8}, {16, 8, 16}});
    default:
      return false;
  }
}

bool wmma_supported(MatrixShape shape, const MatrixTypes& types) {
  using enum MatrixElement;
  if (types.a != types.b) return false;
  const bool k16_shape = any_of(shape, {{16, 16, 16}, {8, 32, 16}, {32, 8, 16}});
  switch (types.a) {
    case f16:
      return is_f16_or_f32(types.d) && is_f16_or_f32(types.c) && k16_shape;
    case bf16:
      return types.d == f32 && types.c == f32 && k16_shape;
    case s8:
    case u8:
      return types.d == s32 && types.c == s32 && k16_shape;
    case tf32:
      return types.d == f32 && types.c == f32 && shape == MatrixShape{16, 16, 8};
    case f64:
      return types.d == f64 && types.c == f64 && shape == MatrixShape{8, 8, 4};
    default:
      return false;
  }
}

bool mma(MatrixShape shape, const MatrixTypes& types, const Fragment& a, const Fragment& b,
         const Fragment& c, Fragment& d, bool saturate) {
  if (!mma_supported(shape, types)) return false;
  matrix_product(shape, types, a, b, c, d, saturate);
  return true;
}

bool wmma(MatrixShape shape, const MatrixTypes& types, const Fragment& a, const Fragment& b,
          const Fragment& c, Fragment& d, bool saturate) {
  if (!wmma_supported(shape, types)) return false;
  matrix_product(shape, types, a, b, c, d, saturate);
  return true;
}

void ldmatrix(int count, bool transpose, const MatrixRows& rows, Fragment& out) {
  for_each_halfword(
      count, transpose, [&](std::size_t lane, int index, std::size_t row, std::size_t byte) {
        const MatrixRow& from = rows[row];
        const int bits = from[byte] | from[byte + 1] << 8;
        write<MatrixElement::f16>(out.lane[lane], index, static_cast<std::uint64_t>(bits));
      });
}

void stmatrix(int count, bool transpose, const Fragment& in, MatrixRows& rows) {
  for_each_halfword(count, transpose,
                    [&](std::size_t lane, int index, std::size_t row, std::size_t byte) {
                      const auto bits = read<MatrixElement::f16>(in.lane[lane], index);
                      rows[row][byte] = static_cast<std::uint8_t>(bits);
                      rows[row][byte + 1] = static_cast<std::uint8_t>(bits >> 8U);
                    });
}

}  // namespace assay::ptx_device
