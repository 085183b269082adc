/// mma, wmma, ldmatrix, stmatrix, movmatrix: gathers the registers of the 32 lanes for fragments.h,
/// and scatters what it gives.
#include <fmt/format.h>

#include <cstring>

#include "ptx_device/fault.h"
#include "ptx_device/fragments.h"
#include "ptx_device/memory_access.h"
#include "ptx_device/warp.h"

namespace assay::ptx_device {

namespace {

/// Matrix instructions have no mask: all 32 lanes take part.
const Instruction* arrive(Thread& thread, const Instruction* i) {
  if (thread.block->lanes_of(thread.index / 32) != ~0U) {
    throw Fault(cuda::kLaunchFailed, "a matrix instruction in a warp of fewer than 32 threads");
  }
  thread.block->wait_at_collective(thread, i, ~0U);
  return nullptr;
}

// Operands in Detail::slots, in this order; Detail::counts says how many slots each has.
enum OperandIndex : std::size_t { kD, kA, kB, kC };

std::size_t begin_of(const Detail& detail, OperandIndex operand) {
  std::size_t begin = 0;
  for (std::size_t k = 0; k < operand; ++k) begin += static_cast<std::size_t>(detail.counts[k]);
  return begin;
}

/// words: of 32 bits in each register, 2 for f64.
Fragment gather(const Thread* first, const Detail& detail, OperandIndex operand,
                std::size_t words) {
  Fragment fragment{};
  const std::size_t begin = begin_of(detail, operand);
  const auto count = static_cast<std::size_t>(detail.counts[operand]);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t k = 0; k < count; ++k) {
      std::memcpy(&fragment.lane[lane][k * words], first[lane].slots + detail.slots[begin + k],
                  4 * words);
    }
  }
  return fragment;
}

void scatter(Thread* first, const Detail& detail, OperandIndex operand, std::size_t words,
             const Fragment& fragment) {
  const std::size_t begin = begin_of(detail, operand);
  const auto count = static_cast<std::size_t>(detail.counts[operand]);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t k = 0; k < count; ++k) {
      std::uint64_t value = 0;
      std::memcpy(&value, &fragment.lane[lane][k * words], 4 * words);
      first[lane].slots[detail.slots[begin + k]] = value;
    }
  }
}

std::size_t words_of(MatrixElement element) {
  return element == MatrixElement::f64 ? 2 : 1;
}

template <bool Wmma>
void complete_product(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  const MatrixOperation& matrix = detail.matrix;
  const Fragment a = gather(first, detail, kA, words_of(matrix.types.a));
  const Fragment b = gather(first, detail, kB, words_of(matrix.types.b));
  const Fragment c = gather(first, detail, kC, words_of(matrix.types.c));
  Fragment d{};
  const bool done = Wmma ? wmma(matrix.shape, matrix.types, a, b, c, d, matrix.saturate)
                         : mma(matrix.shape, matrix.types, a, b, c, d, matrix.saturate);
  if (!done) throw Fault(cuda::kLaunchFailed, "a matrix product of this shape and these types");
  scatter(first, detail, kD, words_of(matrix.types.d), d);
  const MatrixShape& shape = matrix.shape;
  block.counters().tensor_flops += 2ULL * static_cast<std::uint64_t>(shape.m) *
                                   static_cast<std::uint64_t>(shape.n) *
                                   static_cast<std::uint64_t>(shape.k);
}

// ldmatrix and stmatrix: slots[0] is the address of a lane, the immediate its offset.

std::byte* row_bytes(Thread& thread, const Instruction* i, Access access) {
  const std::uint64_t address =
      thread.slots[i->slots[0]] + static_cast<std::uint64_t>(i->immediate);
  // By generic address too: ld's rules for shared memory hold.
  return locate<Space::shared>(thread, i, 0, address, sizeof(MatrixRow), access);
}

void complete_ldmatrix(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  MatrixRows rows{};
  for (std::size_t lane = 0; lane < 8 * static_cast<std::size_t>(detail.matrix.count); ++lane) {
    std::memcpy(rows[lane].data(), row_bytes(first[lane], i, Access::read), sizeof(MatrixRow));
  }
  Fragment result{};
  ldmatrix(detail.matrix.count, detail.matrix.transpose, rows, result);
  scatter(first, detail, kD, 1, result);
}

void complete_stmatrix(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  MatrixRows rows{};
  stmatrix(detail.matrix.count, detail.matrix.transpose, gather(first, detail, kA, 1), rows);
  for (std::size_t lane = 0; lane < 8 * static_cast<std::size_t>(detail.matrix.count); ++lane) {
    std::memcpy(row_bytes(first[lane], i, Access::write), rows[lane].data(), sizeof(MatrixRow));
  }
}

void complete_movmatrix(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  MatrixRows rows{};
  stmatrix(1, false, gather(first, detail, kA, 1), rows);
  Fragment result{};
  ldmatrix(1, true, rows, result);
  scatter(first, detail, kD, 1, result);
}

// wmma.load and wmma.store: slots[0] the address, slots[1] the stride in elements.

std::uint32_t element_bytes(MatrixElement element) {
  switch (element) {
    case MatrixElement::f16:
    case MatrixElement::bf16:
      return 2;
    case MatrixElement::tf32:
    case MatrixElement::f32:
    case MatrixElement::s32:
      return 4;
    case MatrixElement::f64:
      return 8;
    default:
      return 1;
  }
}

MatrixElement element_of(const MatrixOperation& matrix) {
  switch (matrix.operand) {
    case MatrixOperand::a:
      return matrix.types.a;
    case MatrixOperand::b:
      return matrix.types.b;
    default:
      return matrix.types.d;
  }
}

/// function(lane, index, address) for each element of the fragment.
template <class Function>
void for_elements(Thread* first, const Instruction* i, const MatrixOperation& matrix,
                  Function function) {
  const MatrixElement element = element_of(matrix);
  const int count = wmma_lane_elements(matrix.operand, matrix.shape, element);
  for (int lane = 0; lane < 32; ++lane) {
    const Thread& thread = first[lane];
    const auto base = thread.slots[i->slots[0]] + static_cast<std::uint64_t>(i->immediate);
    const auto stride = std::int64_t{read_slot<std::int32_t>(thread, i->slots[1])};
    for (int index = 0; index < count; ++index) {
      const Position at = element_position(matrix.operand, matrix.shape, element, lane, index);
      const std::int64_t offset =
          matrix.by_row ? at.row * stride + at.column : at.column * stride + at.row;
      function(lane, index, base + static_cast<std::uint64_t>(offset * element_bytes(element)));
    }
  }
}

template <Space S>
void complete_wmma_load(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  const MatrixElement element = element_of(detail.matrix);
  const std::uint32_t bytes = element_bytes(element);
  Fragment fragment{};
  for_elements(first, i, detail.matrix, [&](int lane, int index, std::uint64_t address) {
    std::uint64_t value = 0;
    std::memcpy(&value, locate<S>(first[lane], i, detail.site, address, bytes, Access::read),
                bytes);
    set_element(fragment.lane[static_cast<std::size_t>(lane)], element, index, value);
  });
  scatter(first, detail, kD, words_of(element), fragment);
}

template <Space S>
void complete_wmma_store(Block& block, Thread* first, std::uint32_t, const Instruction* i) {
  const Detail& detail = block.detail(i);
  const MatrixElement element = element_of(detail.matrix);
  const std::uint32_t bytes = element_bytes(element);
  const Fragment fragment = gather(first, detail, kA, words_of(element));
  for_elements(first, i, detail.matrix, [&](int lane, int index, std::uint64_t address) {
    const std::uint64_t value =
        get_element(fragment.lane[static_cast<std::size_t>(lane)], element, index);
    std::memcpy(locate<S>(first[lane], i, detail.site, address, bytes, Access::write), &value,
                bytes);
  });
}

// Decoders.

MatrixElement element_named(Type type) {
  switch (type) {
    case Type::f16:
      return MatrixElement::f16;
    case Type::bf16:
      return MatrixElement::bf16;
    case Type::tf32:
      return MatrixElement::tf32;
    case Type::e4m3:
      return MatrixElement::e4m3;
    case Type::e5m2:
      return MatrixElement::e5m2;
    case Type::s8:
      return MatrixElement::s8;
    case Type::u8:
      return MatrixElement::u8;
    case Type::f32:
      return MatrixElement::f32;
    case Type::s32:
      return MatrixElement::s32;
    case Type::f64:
      return MatrixElement::f64;
    default:
      Emission::unsupported("matrices of this type");
  }
}

/// m16n8k16
MatrixShape take_shape(Emission& e) {
  const std::string text = e.take_prefixed("m");
  const std::size_t n = text.find('n');
  const std::size_t k = text.find('k');
  if (n == std::string::npos || k == std::string::npos) Emission::unsupported("it has no shape");
  return {std::stoi(text.substr(1, n - 1)), std::stoi(text.substr(n + 1, k - n - 1)),
          std::stoi(text.substr(k + 1))};
}

void take_sync(Emission& e) {
  if (!e.take("sync") || !e.take("aligned")) {
    Emission::unsupported("only the sync.aligned form is supported");
  }
}

void append(Detail& detail, OperandIndex operand, const std::vector<Slot>& slots) {
  detail.slots.insert(detail.slots.end(), slots.begin(), slots.end());
  detail.counts[operand] = static_cast<int>(slots.size());
}

Detail product_detail(Emission& e, const MatrixOperation& matrix) {
  Detail detail;
  detail.matrix = matrix;
  append(detail, kD, e.destinations(0));
  append(detail, kA, e.sources(1, Type::b32));
  append(detail, kB, e.sources(2, Type::b32));
  append(detail, kC, e.sources(3, Type::b32));
  return detail;
}

void require_counts(const Detail& detail, const std::array<int, 4>& registers) {
  const MatrixTypes& types = detail.matrix.types;
  const std::array<MatrixElement, 4> elements{types.d, types.a, types.b, types.c};
  for (std::size_t k = 0; k < 4; ++k) {
    const int words = detail.counts[k] * static_cast<int>(words_of(elements[k]));
    if (words != registers[k]) Emission::unsupported("a fragment of another number of registers");
  }
}

void emit_collective(Emission& e, Completion complete, Detail detail) {
  detail.complete = complete;
  e.emit(arrive);
  e.detail() = std::move(detail);
}

void decode_mma(Emission& e) {
  take_sync(e);
  if (!e.take("row") || !e.take("col")) Emission::unsupported("layouts other than row.col");
  MatrixOperation matrix;
  matrix.shape = take_shape(e);
  matrix.saturate = e.take("satfinite");
  matrix.types.d = element_named(e.type());
  matrix.types.a = element_named(e.type());
  matrix.types.b = element_named(e.type());
  matrix.types.c = element_named(e.type());
  if (!mma_supported(matrix.shape, matrix.types)) Emission::unsupported("this shape and types");
  Detail detail = product_detail(e, matrix);
  const MatrixTypes& types = matrix.types;
  require_counts(detail, {lane_registers(MatrixOperand::accumulator, matrix.shape, types.d),
                          lane_registers(MatrixOperand::a, matrix.shape, types.a),
                          lane_registers(MatrixOperand::b, matrix.shape, types.b),
                          lane_registers(MatrixOperand::accumulator, matrix.shape, types.c)});
  emit_collective(e, complete_product<false>, std::move(detail));
}

void decode_wmma_mma(Emission& e) {
  take_sync(e);
  // Fragments do not depend on the layouts of the matrices that they were loaded from.
  e.ignore({"row", "row", "col", "col"});
  MatrixOperation matrix;
  matrix.shape = take_shape(e);
  matrix.saturate = e.take("satfinite");
  std::vector<MatrixElement> types;
  while (const auto type = e.take_type()) types.push_back(element_named(*type));
  if (types.size() == 2) {
    matrix.types = {types[0], MatrixElement::f16, MatrixElement::f16, types[1]};
  } else if (types.size() == 4) {
    matrix.types = {types[0], types[1], types[2], types[3]};
  }
  if (types.size() % 2 != 0 || !wmma_supported(matrix.shape, matrix.types)) {
    Emission::unsupported("this shape and types");
  }
  Detail detail = product_detail(e, matrix);
  const MatrixTypes& t = matrix.types;
  require_counts(detail, {wmma_lane_registers(MatrixOperand::accumulator, matrix.shape, t.d),
                          wmma_lane_registers(MatrixOperand::a, matrix.shape, t.a),
                          wmma_lane_registers(MatrixOperand::b, matrix.shape, t.b),
                          wmma_lane_registers(MatrixOperand::accumulator, matrix.shape, t.c)});
  emit_collective(e, complete_product<true>, std::move(detail));
}

void decode_wmma_move(Emission& e, bool loads) {
  MatrixOperation matrix;
  if (e.take("a")) {
    matrix.operand = MatrixOperand::a;
  } else if (e.take("b")) {
    matrix.operand = MatrixOperand::b;
  } else if (e.take("c") || e.take("d")) {
    matrix.operand = MatrixOperand::accumulator;
  }
  take_sync(e);
  matrix.by_row = e.take("row");
  if (!matrix.by_row && !e.take("col")) Emission::unsupported("it has no layout");
  matrix.shape = take_shape(e);
  const Space space = take_space(e);
  const Type type = e.type();
  const MatrixElement element = element_named(type);
  matrix.types = {element, element, element, element};
  const std::size_t registers = loads ? 0 : 1;
  const std::size_t address = loads ? 1 : 0;
  Detail detail;
  detail.matrix = matrix;
  append(detail, loads ? kD : kA, loads ? e.destinations(registers) : e.sources(registers, type));
  detail.site = e.site();
  const Emission::Address where = e.address(address);
  // Without a stride the matrix is dense.
  const int width =
      matrix.operand == MatrixOperand::a   ? (matrix.by_row ? matrix.shape.k : matrix.shape.m)
      : matrix.operand == MatrixOperand::b ? (matrix.by_row ? matrix.shape.n : matrix.shape.k)
                                           : (matrix.by_row ? matrix.shape.n : matrix.shape.m);
  const Slot stride = e.operands() > 2 ? e.source(2, Type::u32)
                                       : e.frame().constant(static_cast<std::uint64_t>(width));
  Completion complete = nullptr;
  switch (space) {
    case Space::generic:
      complete = loads ? complete_wmma_load<Space::generic> : complete_wmma_store<Space::generic>;
      break;
    case Space::global:
      complete = loads ? complete_wmma_load<Space::global> : complete_wmma_store<Space::global>;
      break;
    case Space::shared:
      complete = loads ? complete_wmma_load<Space::shared> : complete_wmma_store<Space::shared>;
      break;
    default:
      Emission::unsupported("of this state space");
  }
  emit_collective(e, complete, std::move(detail));
  Instruction& instruction = e.program().code.back();
  instruction.slots = {where.base, stride};
  instruction.immediate = where.offset;
}

void decode_wmma(Emission& e) {
  if (e.take("mma")) return decode_wmma_mma(e);
  const bool loads = e.take("load");
  if (!loads && !e.take("store")) Emission::unsupported("this form is not supported");
  decode_wmma_move(e, loads);
}

Detail matrices_detail(Emission& e) {
  take_sync(e);
  Detail detail;
  if (!e.take("m8n8")) Emission::unsupported("this shape is not supported");
  detail.matrix.count = e.take("x4") ? 4 : e.take("x2") ? 2 : 1;
  e.take("x1");
  detail.matrix.transpose = e.take("trans");
  if (e.type() != Type::b16) Emission::unsupported("elements other than b16");
  return detail;
}

void emit_matrix_move(Emission& e, Completion complete, Detail detail, std::size_t address) {
  if (detail.slots.size() != static_cast<std::size_t>(detail.matrix.count)) {
    Emission::unsupported("a vector of another number of registers");
  }
  const Emission::Address where = e.address(address);
  emit_collective(e, complete, std::move(detail));
  Instruction& instruction = e.program().code.back();
  instruction.slots[0] = where.base;
  instruction.immediate = where.offset;
}

void decode_ldmatrix(Emission& e) {
  if (take_space(e) != Space::shared) Emission::unsupported("generic addresses");
  Detail detail = matrices_detail(e);
  append(detail, kD, e.destinations(0));
  emit_matrix_move(e, complete_ldmatrix, std::move(detail), 1);
}
void decode_stmatrix(Emission& e) {
  if (take_space(e) != Space::shared) Emission::unsupported("generic addresses");
  Detail detail = matrices_detail(e);
  append(detail, kA, e.sources(1, Type::b32));
  emit_matrix_move(e, complete_stmatrix, std::move(detail), 0);
}
void decode_movmatrix(Emission& e) {
  Detail detail = matrices_detail(e);
  append(detail, kD, e.destinations(0));
  append(detail, kA, e.sources(1, Type::b32));
  emit_collective(e, complete_movmatrix, std::move(detail));
}

constexpr Opcode kOpcodes[] = {
    {"mma", decode_mma},           {"wmma", decode_wmma},           {"ldmatrix", decode_ldmatrix},
    {"stmatrix", decode_stmatrix}, {"movmatrix", decode_movmatrix},
};

}  // namespace

std::span<const Opcode> matrix_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
