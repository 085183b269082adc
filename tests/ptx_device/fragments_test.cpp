// Matrix instructions against plain triple loops over matrices that are laid out by the tables of
// the PTX ISA, written down here shape by shape and not by the rule that the device uses.
#include "ptx_device/fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "ptx_device/numeric.h"

namespace assay::ptx_device {
namespace {

using E = MatrixElement;
using O = MatrixOperand;

// ---- The tables of the PTX ISA ----

/// (groupID, threadID_in_group, i) to (row, column).
using Table = Position (*)(int group, int thread, int i);

Position a_16_k8(int g, int t, int i) {
  return {i < 2 ? g : g + 8, t * 2 + (i & 1)};
}
Position a_16_k16(int g, int t, int i) {
  return {i < 2 || (4 <= i && i < 6) ? g : g + 8, t * 2 + (i & 1) + (i < 4 ? 0 : 8)};
}
Position a_32_k4(int g, int t, int i) {
  return {i == 0 ? g : g + 8, t};
}
Position a_32_k8(int g, int t, int i) {
  return {i == 0 || i == 2 ? g : g + 8, i == 0 || i == 1 ? t : t + 4};
}
Position a_64_m8(int g, int t, int) {
  return {g, t};
}
Position a_64_k16(int g, int t, int i) {
  return {i % 2 == 0 ? g : g + 8, i % 2 == 0 ? i * 2 + t : i * 2 - 2 + t};
}
Position a_8_m8(int g, int t, int i) {
  return {g, t * 4 + i};
}
Position a_8_k16(int g, int t, int i) {
  return {i < 4 ? g : g + 8, t * 4 + (i & 3)};
}
Position a_8_k32(int g, int t, int i) {
  return {i < 4 || (8 <= i && i < 12) ? g : g + 8, t * 4 + (i & 3) + (i < 8 ? 0 : 16)};
}
Position b_16_k8(int g, int t, int i) {
  return {t * 2 + i, g};
}
Position b_16_k16(int g, int t, int i) {
  return {t * 2 + (i & 1) + (i < 2 ? 0 : 8), g};
}
Position b_32_k4(int g, int t, int) {
  return {t, g};
}
Position b_32_k8(int g, int t, int i) {
  return {i == 0 ? t : t + 4, g};
}
Position b_64_k16(int g, int t, int i) {
  return {t + i * 4, g};
}
Position b_8_k16(int g, int t, int i) {
  return {t * 4 + i, g};
}
Position b_8_k32(int g, int t, int i) {
  return {t * 4 + (i & 3) + (i < 4 ? 0 : 16), g};
}
Position c_m16(int g, int t, int i) {
  return {i < 2 ? g : g + 8, t * 2 + (i & 1)};
}
Position c_m8(int g, int t, int i) {
  return {g, t * 2 + i};
}

struct Instruction {
  MatrixShape shape;
  MatrixTypes types;
  Table a, b, c;
};

std::vector<Instruction> all_instructions() {
  std::vector<Instruction> all;
  for (const E d : {E::f16, E::f32}) {
    all.push_back({{16, 8, 8}, {d, E::f16, E::f16, d}, a_16_k8, b_16_k8, c_m16});
    all.push_back({{16, 8, 16}, {d, E::f16, E::f16, d}, a_16_k16, b_16_k16, c_m16});
    for (const E a : {E::e4m3, E::e5m2}) {
      for (const E b : {E::e4m3, E::e5m2}) {
        all.push_back({{16, 8, 16}, {d, a, b, d}, a_8_k16, b_8_k16, c_m16});
        all.push_back({{16, 8, 32}, {d, a, b, d}, a_8_k32, b_8_k32, c_m16});
      }
    }
  }
  all.push_back({{16, 8, 8}, {E::f32, E::bf16, E::bf16, E::f32}, a_16_k8, b_16_k8, c_m16});
  all.push_back({{16, 8, 16}, {E::f32, E::bf16, E::bf16, E::f32}, a_16_k16, b_16_k16, c_m16});
  all.push_back({{16, 8, 4}, {E::f32, E::tf32, E::tf32, E::f32}, a_32_k4, b_32_k4, c_m16});
  all.push_back({{16, 8, 8}, {E::f32, E::tf32, E::tf32, E::f32}, a_32_k8, b_32_k8, c_m16});
  for (const E a : {E::s8, E::u8}) {
    for (const E b : {E::s8, E::u8}) {
      all.push_back({{8, 8, 16}, {E::s32, a, b, E::s32}, a_8_m8, b_8_k16, c_m8});
      all.push_back({{16, 8, 16}, {E::s32, a, b, E::s32}, a_8_k16, b_8_k16, c_m16});
      all.push_back({{16, 8, 32}, {E::s32, a, b, E::s32}, a_8_k32, b_8_k32, c_m16});
    }
  }
  constexpr MatrixTypes kDouble{E::f64, E::f64, E::f64, E::f64};
  all.push_back({{8, 8, 4}, kDouble, a_64_m8, b_32_k4, c_m8});
  all.push_back({{16, 8, 4}, kDouble, a_32_k4, b_32_k4, c_m16});
  all.push_back({{16, 8, 8}, kDouble, a_32_k8, b_32_k8, c_m16});
  all.push_back({{16, 8, 16}, kDouble, a_64_k16, b_64_k16, c_m16});
  return all;
}

// ---- Elements ----

int bits_of_element(E element) {
  switch (element) {
    case E::e4m3:
    case E::e5m2:
    case E::s8:
    case E::u8:
      return 8;
    case E::f16:
    case E::bf16:
      return 16;
    case E::f64:
      return 64;
    default:
      return 32;
  }
}

double number(E element, std::uint64_t bits) {
  const auto word = static_cast<std::uint32_t>(bits);
  switch (element) {
    case E::f16:
      return half_to_float(static_cast<std::uint16_t>(bits));
    case E::bf16:
      return bf16_to_float(static_cast<std::uint16_t>(bits));
    case E::e4m3:
      return e4m3_to_float(static_cast<std::uint8_t>(bits));
    case E::e5m2:
      return e5m2_to_float(static_cast<std::uint8_t>(bits));
    case E::s8:
      return static_cast<std::int8_t>(bits);
    case E::u8:
      return static_cast<std::uint8_t>(bits);
    case E::s32:
      return static_cast<std::int32_t>(word);
    case E::f64:
      return std::bit_cast<double>(bits);
    case E::tf32:
    case E::f32:
      break;
  }
  return std::bit_cast<float>(word);
}

/// Numbers whose products add up exactly in f64, of 7 or fewer bits around 1.
std::uint64_t random_bits(E element, std::mt19937_64& random) {
  const auto value = static_cast<float>(static_cast<int>(random() % 127) - 63) *
                     std::ldexp(1.0F, static_cast<int>(random() % 6) - 7);
  switch (element) {
    case E::f16:
      return float_to_half(value);
    case E::bf16:
      return float_to_bf16(value);
    case E::tf32:
      return float_to_tf32(value);
    case E::e4m3:
      return float_to_e4m3_satfinite(value);
    case E::e5m2:
      return float_to_e5m2_satfinite(value);
    case E::s8:
    case E::u8:
      return random() & 0xffU;
    case E::s32:
      return random() & 0xffffffffU;
    case E::f32:
      return std::bit_cast<std::uint32_t>(value);
    case E::f64:
      break;
  }
  // All 53 bits, so that the order of a chain of fused multiply-adds shows.
  return std::bit_cast<std::uint64_t>(static_cast<double>(random() >> 11U) * 0x1p-53 - 0.5);
}

struct Matrix {
  int rows, columns;
  std::vector<std::uint64_t> bits;
  std::uint64_t& at(int row, int column) {
    return bits.at(static_cast<std::size_t>(row * columns + column));
  }
  std::uint64_t at(int row, int column) const {
    return bits.at(static_cast<std::size_t>(row * columns + column));
  }
};

Matrix random_matrix(int rows, int columns, E element, std::mt19937_64& random) {
  Matrix matrix{rows, columns,
                std::vector<std::uint64_t>(static_cast<std::size_t>(rows * columns))};
  for (auto& bits : matrix.bits) bits = random_bits(element, random);
  return matrix;
}

/// Lowest element in the lowest bits of the first register.
Fragment scatter(const Matrix& matrix, E element, Table table) {
  Fragment fragment{};
  const int width = bits_of_element(element);
  const int elements = matrix.rows * matrix.columns / kWarpSize;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    auto& registers = fragment.lane[static_cast<std::size_t>(lane)];
    for (int i = 0; i < elements; ++i) {
      const Position position = table(lane >> 2, lane % 4, i);
      const std::uint64_t bits = matrix.at(position.row, position.column);
      const auto first = static_cast<std::size_t>(i * width / 32);
      registers[first] |= static_cast<std::uint32_t>(bits) << (i * width % 32);
      if (width == 64) registers[first + 1] = static_cast<std::uint32_t>(bits >> 32U);
    }
  }
  return fragment;
}

std::uint64_t rounded(E element, double sum, bool saturate) {
  switch (element) {
    case E::f16:
      return double_to_half(sum);
    case E::s32: {
      const double clamped = std::clamp(sum, -0x1p31, 0x1p31 - 1);
      const auto whole = static_cast<std::int64_t>(saturate ? clamped : sum);
      return static_cast<std::uint32_t>(whole);
    }
    case E::f64:
      return std::bit_cast<std::uint64_t>(sum);
    default:
      return std::bit_cast<std::uint32_t>(static_cast<float>(sum));
  }
}

Matrix product(const MatrixTypes& types, const Matrix& a, const Matrix& b, const Matrix& c,
               bool saturate) {
  Matrix d = c;
  for (int row = 0; row < a.rows; ++row) {
    for (int column = 0; column < b.columns; ++column) {
      double sum = number(types.c, c.at(row, column));
      for (int i = 0; i < a.columns; ++i) {
        sum = std::fma(number(types.a, a.at(row, i)), number(types.b, b.at(i, column)), sum);
      }
      d.at(row, column) = rounded(types.d, sum, saturate);
    }
  }
  return d;
}

struct Operands {
  Matrix a, b, c;
};
Operands random_operands(MatrixShape shape, const MatrixTypes& types, std::mt19937_64& random) {
  return {random_matrix(shape.m, shape.k, types.a, random),
          random_matrix(shape.k, shape.n, types.b, random),
          random_matrix(shape.m, shape.n, types.c, random)};
}

std::string describe(MatrixShape shape, const MatrixTypes& types) {
  std::ostringstream text;
  text << 'm' << shape.m << 'n' << shape.n << 'k' << shape.k << " types d, a, b:";
  for (const E element : {types.d, types.a, types.b}) text << ' ' << static_cast<int>(element);
  return text.str();
}

/// Elements of D that differ from the triple loop's, when `a` and `b` are as given.
int mismatches(const Instruction& instruction, const Operands& operands, const Fragment& a,
               const Fragment& b, bool saturate) {
  const Fragment c = scatter(operands.c, instruction.types.c, instruction.c);
  Fragment d{};
  if (!mma(instruction.shape, instruction.types, a, b, c, d, saturate)) return -1;
  const Matrix expected = product(instruction.types, operands.a, operands.b, operands.c, saturate);
  const Fragment expected_d = scatter(expected, instruction.types.d, instruction.c);
  int count = 0;
  for (std::size_t lane = 0; lane < kWarpSize; ++lane) {
    for (std::size_t i = 0; i < d.lane[lane].size(); ++i) {
      if (d.lane[lane][i] != expected_d.lane[lane][i]) ++count;
    }
  }
  return count;
}

// ---- mma ----

TEST(Mma, EveryShapeIsATripleLoop) {
  std::mt19937_64 random(1);
  for (const Instruction& instruction : all_instructions()) {
    const auto& [shape, types, a_table, b_table, c_table] = instruction;
    for (const bool saturate : {false, true}) {
      for (int trial = 0; trial < 4; ++trial) {
        const Operands operands = random_operands(shape, types, random);
        const Fragment a = scatter(operands.a, types.a, a_table);
        const Fragment b = scatter(operands.b, types.b, b_table);
        ASSERT_EQ(mismatches(instruction, operands, a, b, saturate), 0) << describe(shape, types);
      }
    }
  }
}

TEST(Mma, PositionsFollowTheTables) {
  for (const Instruction& instruction : all_instructions()) {
    const auto& [shape, types, a_table, b_table, c_table] = instruction;
    const std::array<std::pair<O, Table>, 3> operands{
        {{O::a, a_table}, {O::b, b_table}, {O::accumulator, c_table}}};
    for (const auto& [operand, table] : operands) {
      const E element = operand == O::a ? types.a : operand == O::b ? types.b : types.c;
      for (int lane = 0; lane < kWarpSize; ++lane) {
        for (int i = 0; i < lane_elements(operand, shape); ++i) {
          ASSERT_EQ(element_position(operand, shape, element, lane, i),
                    table(lane >> 2, lane % 4, i))
              << describe(shape, types) << " lane " << lane << " element " << i;
        }
      }
    }
  }
  EXPECT_EQ(lane_registers(O::a, {16, 8, 16}, E::bf16), 4);
  EXPECT_EQ(lane_registers(O::b, {16, 8, 16}, E::bf16), 2);
  EXPECT_EQ(lane_registers(O::accumulator, {16, 8, 16}, E::f32), 4);
  EXPECT_EQ(lane_registers(O::accumulator, {16, 8, 16}, E::f16), 2);
  EXPECT_EQ(lane_registers(O::a, {16, 8, 32}, E::s8), 4);
  EXPECT_EQ(lane_registers(O::a, {16, 8, 16}, E::f64), 16);
}

TEST(Mma, ASwappedFragmentRowIsNoticed) {
  std::mt19937_64 random(2);
  for (const Instruction& instruction : all_instructions()) {
    const auto& [shape, types, a_table, b_table, c_table] = instruction;
    const Operands operands = random_operands(shape, types, random);
    const Fragment a = scatter(operands.a, types.a, a_table);
    const Fragment b = scatter(operands.b, types.b, b_table);
    Fragment swapped_lanes = a;  // row 0 of A with row 1
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::swap(swapped_lanes.lane[lane], swapped_lanes.lane[lane + 4]);
    }
    EXPECT_GT(mismatches(instruction, operands, swapped_lanes, b, false), 0);
    Fragment swapped_columns = b;  // column 6 of B with column 7
    for (std::size_t lane = 24; lane < 28; ++lane) {
      std::swap(swapped_columns.lane[lane], swapped_columns.lane[lane + 4]);
    }
    EXPECT_GT(mismatches(instruction, operands, a, swapped_columns, false), 0);
    if (lane_registers(O::a, shape, types.a) > 1) {  // rows 0 to 7 with rows 8 to 15
      Fragment swapped_halves = a;
      for (auto& registers : swapped_halves.lane) std::swap(registers[0], registers[1]);
      EXPECT_GT(mismatches(instruction, operands, swapped_halves, b, false), 0)
          << describe(shape, types);
    }
  }
}

TEST(Mma, ExactProductsOneRoundingAndIntegerLimits) {
  constexpr MatrixShape kShape{16, 8, 16};
  constexpr MatrixTypes kBf16{E::f32, E::bf16, E::bf16, E::f32};
  Fragment a{};
  Fragment b{};
  Fragment c{};
  Fragment d{};
  // Row 0 of A: 2^30, 2^-12 (1 + 2^-7), -2^30; all of B: ones. Sums in f32 would lose it.
  a.lane[0][0] = float_to_bf16(0x1p30F) | static_cast<std::uint32_t>(float_to_bf16(0x1.02p-12F))
                                              << 16U;
  a.lane[1][0] = float_to_bf16(-0x1p30F);
  for (auto& registers : b.lane) registers.fill(0x3f803f80U);
  ASSERT_TRUE(mma(kShape, kBf16, a, b, c, d, false));
  EXPECT_EQ(std::bit_cast<float>(d.lane[0][0]), 0x1.02p-12F);
  EXPECT_EQ(d.lane[4][0], 0U);

  a.lane[0][0] = 0x7f80U;  // infinity times 0 in column 0, times 1 in column 1
  for (std::size_t lane = 0; lane < 4; ++lane) b.lane[lane].fill(0);
  ASSERT_TRUE(mma(kShape, kBf16, a, b, c, d, false));
  EXPECT_EQ(d.lane[0][0], kCanonicalNan32);
  EXPECT_EQ(d.lane[0][1], 0x7f800000U);

  constexpr MatrixTypes kInteger{E::s32, E::u8, E::s8, E::s32};
  for (auto& registers : a.lane) registers.fill(0xffffffffU);
  for (auto& registers : b.lane) registers.fill(0x7f7f7f7fU);
  for (auto& registers : c.lane) registers.fill(0x7fffffffU);
  ASSERT_TRUE(mma({16, 8, 32}, kInteger, a, b, c, d, true));
  EXPECT_EQ(d.lane[7][3], 0x7fffffffU);
  ASSERT_TRUE(mma({16, 8, 32}, kInteger, a, b, c, d, false));
  EXPECT_EQ(d.lane[7][3], 0x7fffffffU + 32U * 255U * 127U);

  constexpr MatrixTypes kTf32{E::f32, E::tf32, E::tf32, E::f32};
  for (auto& registers : a.lane) registers.fill(0x3f801fffU);  // 1 and bits that tf32 lacks
  for (auto& registers : b.lane) registers.fill(0x3f800000U);
  for (auto& registers : c.lane) registers.fill(0);
  ASSERT_TRUE(mma({16, 8, 8}, kTf32, a, b, c, d, false));
  EXPECT_EQ(std::bit_cast<float>(d.lane[31][3]), 8.0F);
}

TEST(Mma, WhatThereIsNotIsRefused) {
  const Fragment zero{};
  Fragment d{};
  d.lane[3][1] = 77;
  const auto refused = [&](MatrixShape shape, const MatrixTypes& types) {
    return !mma(shape, types, zero, zero, zero, d, false);
  };
  EXPECT_TRUE(refused({16, 8, 16}, {E::f16, E::bf16, E::bf16, E::f16}));
  EXPECT_TRUE(refused({16, 8, 16}, {E::f32, E::f16, E::f16, E::f16}));
  EXPECT_TRUE(refused({16, 8, 16}, {E::f32, E::f16, E::bf16, E::f32}));
  EXPECT_TRUE(refused({8, 8, 4}, {E::f32, E::f16, E::f16, E::f32}));
  EXPECT_TRUE(refused({16, 8, 16}, {E::f32, E::tf32, E::tf32, E::f32}));
  EXPECT_TRUE(refused({16, 8, 8}, {E::s32, E::s8, E::s8, E::s32}));
  EXPECT_TRUE(refused({16, 8, 32}, {E::f32, E::e4m3, E::s8, E::f32}));
  EXPECT_FALSE(wmma({16, 16, 16}, {E::f32, E::tf32, E::tf32, E::f32}, zero, zero, zero, d, false));
  EXPECT_FALSE(wmma({16, 8, 16}, {E::f32, E::f16, E::f16, E::f32}, zero, zero, zero, d, false));
  EXPECT_EQ(d.lane[3][1], 77U);
}

// ---- wmma ----

/// As wmma.load does it: every lane fetches its elements.
Fragment wmma_load(O operand, MatrixShape shape, E element, const Matrix& matrix) {
  Fragment fragment{};
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int i = 0; i < wmma_lane_elements(operand, shape, element); ++i) {
      const Position position = element_position(operand, shape, element, lane, i);
      set_element(fragment.lane[static_cast<std::size_t>(lane)], element, i,
                  matrix.at(position.row, position.column));
    }
  }
  return fragment;
}

TEST(Wmma, EveryShapeIsATripleLoop) {
  std::vector<std::pair<MatrixShape, MatrixTypes>> all;
  for (const MatrixShape shape : {MatrixShape{16, 16, 16}, {8, 32, 16}, {32, 8, 16}}) {
    for (const E d : {E::f16, E::f32}) {
      for (const E c : {E::f16, E::f32}) all.push_back({shape, {d, E::f16, E::f16, c}});
    }
    all.push_back({shape, {E::f32, E::bf16, E::bf16, E::f32}});
    all.push_back({shape, {E::s32, E::s8, E::s8, E::s32}});
    all.push_back({shape, {E::s32, E::u8, E::u8, E::s32}});
  }
  all.push_back({{16, 16, 8}, {E::f32, E::tf32, E::tf32, E::f32}});
  all.push_back({{8, 8, 4}, {E::f64, E::f64, E::f64, E::f64}});
  std::mt19937_64 random(3);
  for (const auto& [shape, types] : all) {
    const Operands operands = random_operands(shape, types, random);
    const Fragment a = wmma_load(O::a, shape, types.a, operands.a);
    const Fragment b = wmma_load(O::b, shape, types.b, operands.b);
    const Fragment c = wmma_load(O::accumulator, shape, types.c, operands.c);
    Fragment d{};
    ASSERT_TRUE(wmma(shape, types, a, b, c, d, false)) << describe(shape, types);
    const Matrix expected = product(types, operands.a, operands.b, operands.c, false);
    Matrix stored = expected;
    for (auto& bits : stored.bits) bits = ~bits;
    for (int lane = 0; lane < kWarpSize; ++lane) {
      for (int i = 0; i < wmma_lane_elements(O::accumulator, shape, types.d); ++i) {
        const Position position = element_position(O::accumulator, shape, types.d, lane, i);
        stored.at(position.row, position.column) =
            get_element(d.lane[static_cast<std::size_t>(lane)], types.d, i);
      }
    }
    ASSERT_EQ(stored.bits, expected.bits) << describe(shape, types);
  }
}

TEST(Wmma, RegistersAreThoseOfPtx) {
  struct Row {
    MatrixShape shape;
    E element;
    int a, b;
  };
  constexpr std::array kTable{Row{{16, 16, 16}, E::f16, 8, 8}, Row{{8, 32, 16}, E::f16, 8, 8},
                              Row{{32, 8, 16}, E::f16, 8, 8},  Row{{16, 16, 16}, E::bf16, 4, 4},
                              Row{{8, 32, 16}, E::bf16, 2, 8}, Row{{32, 8, 16}, E::bf16, 8, 2},
                              Row{{16, 16, 8}, E::tf32, 4, 4}, Row{{16, 16, 16}, E::s8, 2, 2},
                              Row{{8, 32, 16}, E::u8, 1, 4},   Row{{32, 8, 16}, E::s8, 4, 1},
                              Row{{8, 8, 4}, E::f64, 2, 2}};
  for (const Row& row : kTable) {
    EXPECT_EQ(wmma_lane_registers(O::a, row.shape, row.element), row.a);
    EXPECT_EQ(wmma_lane_registers(O::b, row.shape, row.element), row.b);
  }
  for (const MatrixShape shape : {MatrixShape{16, 16, 16}, {8, 32, 16}, {32, 8, 16}}) {
    EXPECT_EQ(wmma_lane_registers(O::accumulator, shape, E::f16), 4);
    EXPECT_EQ(wmma_lane_registers(O::accumulator, shape, E::f32), 8);
    EXPECT_EQ(wmma_lane_registers(O::accumulator, shape, E::s32), 8);
  }
}

// ---- ldmatrix and stmatrix ----

MatrixRows numbered_rows() {
  MatrixRows rows{};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      rows[row][2 * column] = static_cast<std::uint8_t>(row);
      rows[row][2 * column + 1] = static_cast<std::uint8_t>(0x40 + column);
    }
  }
  return rows;
}
std::uint32_t numbered(std::size_t row, std::size_t column) {
  return static_cast<std::uint32_t>((0x40 + column) << 8U | row);
}

TEST(Ldmatrix, LanesGetTheirPairs) {
  for (const int count : {1, 2, 4}) {
    for (const bool transpose : {false, true}) {
      Fragment out{};
      for (auto& registers : out.lane) registers.fill(0xdeadbeefU);
      ldmatrix(count, transpose, numbered_rows(), out);
      for (std::size_t lane = 0; lane < kWarpSize; ++lane) {
        for (std::size_t i = 0; i < 4; ++i) {
          const std::size_t outer = lane / 4;
          const std::size_t inner = 2 * (lane % 4);
          const std::uint32_t low =
              transpose ? numbered(8 * i + inner, outer) : numbered(8 * i + outer, inner);
          const std::uint32_t high =
              transpose ? numbered(8 * i + inner + 1, outer) : numbered(8 * i + outer, inner + 1);
          const bool loaded = i < static_cast<std::size_t>(count);
          ASSERT_EQ(out.lane[lane][i], loaded ? high << 16U | low : 0xdeadbeefU);
        }
      }
      MatrixRows stored{};
      stmatrix(count, transpose, out, stored);
      for (std::size_t row = 0; row < stored.size(); ++row) {
        const bool written = row < static_cast<std::size_t>(8 * count);
        ASSERT_EQ(stored[row], written ? numbered_rows()[row] : MatrixRow{});
      }
    }
  }
}

TEST(Ldmatrix, GivesTheFragmentsOfMma) {
  // The usual addresses: lane l points to row l % 16 of a 16 by 16 tile, column 8 (l / 16).
  Matrix tile{16, 16, {}};
  for (std::uint64_t i = 0; i < 256; ++i) tile.bits.push_back(0x3c00U + i);
  MatrixRows rows{};
  for (int lane = 0; lane < kWarpSize; ++lane) {
    for (int column = 0; column < 8; ++column) {
      const std::uint64_t bits = tile.at(lane % 16, lane / 16 * 8 + column);
      auto& row = rows[static_cast<std::size_t>(lane)];
      row[static_cast<std::size_t>(2 * column)] = static_cast<std::uint8_t>(bits);
      row[static_cast<std::size_t>(2 * column + 1)] = static_cast<std::uint8_t>(bits >> 8U);
    }
  }
  Fragment a{};
  ldmatrix(4, false, rows, a);
  EXPECT_EQ(a.lane, scatter(tile, E::f16, a_16_k16).lane);

  // The left half of the tile as a row-major B of 16 by 8.
  Matrix left{16, 8, {}};
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) left.bits.push_back(tile.at(row, column));
  }
  Fragment b{};
  ldmatrix(2, true, rows, b);
  EXPECT_EQ(b.lane, scatter(left, E::f16, b_16_k16).lane);
}

}  // namespace
}  // namespace assay::ptx_device
