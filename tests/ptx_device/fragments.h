#pragma once
/// The matrix instructions of PTX as pure functions over the registers of a warp: mma.sync, the
/// fragments and products of wmma, ldmatrix and stmatrix.
///
/// Layouts: PTX ISA 9.2, section 9.7.14.5, "Matrix Fragments for mma.m..." (one table a shape),
/// "ldmatrix" and "stmatrix", and 9.7.14.4.1, "Matrix Fragments for WMMA". With group = lane / 4,
/// thread = lane % 4 and w elements side by side (w = 32 / bits of the element, 1 for f64; 2 in the
/// accumulators of any type), all tables of mma say one thing. A fragment is a sequence of blocks
/// of 8 rows by 4w columns. In each block a lane holds elements thread * w + 0 ... w-1 of row
/// `group`. Blocks are numbered down the rows first, then along the columns. B is held as its
/// transpose, n by k. The layout of a wmma fragment is the implementation's own (9.7.14.4.1): here
/// it is the same.
///
/// Arithmetic: products of f16, bf16, tf32 and 8-bit numbers are exact; they are added to the
/// accumulator in f64 in the order of k, and the sum is rounded once to the type of D. The low 13
/// bits of a tf32 operand are ignored. Integers are exact, then wrap or, with .satfinite, clamp.
/// f64 is a chain of fused multiply-adds in the order of k. A GPU adds in an order and with a
/// truncation of its own, so that its last bits may differ.
#include <array>
#include <cstdint>

namespace assay::ptx_device {

inline constexpr int kWarpSize = 32;
/// The 32-bit registers of one lane for one operand; an f64 element is two, low word first. Up to
/// 16: the A operand of mma.m16n8k16.f64.
using LaneRegisters = std::array<std::uint32_t, 16>;
struct Fragment {
  std::array<LaneRegisters, kWarpSize> lane;
};

enum class MatrixElement : std::uint8_t { f16, bf16, tf32, e4m3, e5m2, s8, u8, f32, s32, f64 };
enum class MatrixOperand : std::uint8_t { a, b, accumulator };
struct MatrixShape {
  int m, n, k;
  friend bool operator==(const MatrixShape&, const MatrixShape&) = default;
};
struct Position {
  int row, column;
  friend bool operator==(const Position&, const Position&) = default;
};
/// The element types of D, A, B and C.
struct MatrixTypes {
  MatrixElement d, a, b, c;
};

/// Elements of an operand that one lane holds, each once.
[[nodiscard]] int lane_elements(MatrixOperand operand, MatrixShape shape);
/// 32-bit registers for that many elements.
[[nodiscard]] int lane_registers(MatrixOperand operand, MatrixShape shape, MatrixElement element);
/// As wmma has them: f16 multiplicands have 16 elements in 8 registers in every shape, where the
/// later ones repeat the first.
[[nodiscard]] int wmma_lane_elements(MatrixOperand operand, MatrixShape shape,
                                     MatrixElement element);
[[nodiscard]] int wmma_lane_registers(MatrixOperand operand, MatrixShape shape,
                                      MatrixElement element);

/// Where in its matrix (A: m by k, B: k by n, C and D: m by n) element `index` of `lane` stands.
/// Indices past lane_elements repeat, as in wmma's f16 fragments.
[[nodiscard]] Position element_position(MatrixOperand operand, MatrixShape shape,
                                        MatrixElement element, int lane, int index);

/// The bits of element `index` among the registers of a lane.
[[nodiscard]] std::uint64_t get_element(const LaneRegisters& registers, MatrixElement element,
                                        int index);
void set_element(LaneRegisters& registers, MatrixElement element, int index, std::uint64_t bits);

/// Which shapes and types there are: mma.sync with .row.col, and wmma.
[[nodiscard]] bool mma_supported(MatrixShape shape, const MatrixTypes& types);
[[nodiscard]] bool wmma_supported(MatrixShape shape, const MatrixTypes& types);

/// D = A B + C for all lanes at once, 2 m n k floating-point operations. `saturate` is .satfinite
/// of integers. D may be C. False, with D untouched, when shape and types are not supported.
[[nodiscard]] bool mma(MatrixShape shape, const MatrixTypes& types, const Fragment& a,
                       const Fragment& b, const Fragment& c, Fragment& d, bool saturate);
[[nodiscard]] bool wmma(MatrixShape shape, const MatrixTypes& types, const Fragment& a,
                        const Fragment& b, const Fragment& c, Fragment& d, bool saturate);

/// One row of an 8 by 8 matrix of 16-bit elements, as it lies in memory.
using MatrixRow = std::array<std::uint8_t, 16>;
using MatrixRows = std::array<MatrixRow, kWarpSize>;

/// ldmatrix .x1, .x2, .x4 (`count`): row r of matrix i is rows[8 i + r], read at the address that
/// lane 8 i + r gives. Matrix i goes to register i of all lanes.
void ldmatrix(int count, bool transpose, const MatrixRows& rows, Fragment& out);
/// stmatrix, the reverse: registers to rows.
void stmatrix(int count, bool transpose, const Fragment& in, MatrixRows& rows);

}  // namespace assay::ptx_device
