#pragma once
/// What the parsed text is decoded to: fixed-size instructions over slots, made for execution.
///
/// A frame of a function is an array of 64-bit slots: its parameters' bytes, its registers, then
/// the constants its instructions use, so that each operand is a slot. A register narrower than
/// 64 bits has its value in the low bytes.
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "ptx_device/fragments.h"
#include "ptx_device/module.h"

namespace assay::ptx_device {

struct Thread;
struct Instruction;
class Block;

using Slot = std::uint16_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

/// Executes one instruction for one thread. Returns the next one, or null where the thread stops;
/// then thread.state says why.
using Handler = const Instruction* (*)(Thread& thread, const Instruction* instruction);

struct Instruction {
  Handler execute = nullptr;
  std::int64_t immediate = 0;   ///< address offset, branch distance or mode bits, by handler
  std::array<Slot, 8> slots{};  ///< destinations first
  Slot guard = kNoSlot;
  bool guard_negated = false;
  std::uint8_t flops = 0;
  std::uint32_t detail = 0;  ///< of Program::details, or a memory site
  std::int32_t line = 0;     ///< of the PTX text
  std::int32_t place = -1;   ///< of Module::places
};

/// Executes a warp collective for `lanes` of a warp, which all wait at it. first: the thread of
/// lane 0.
using Completion = void (*)(Block& block, Thread* first, std::uint32_t lanes,
                            const Instruction* instruction);

/// Shape and types of a matrix instruction (fragments.h).
struct MatrixOperation {
  MatrixShape shape{};
  MatrixTypes types{};
  MatrixOperand operand = MatrixOperand::a;  ///< what wmma.load and wmma.store move
  bool saturate = false;
  bool by_row = true;      ///< the matrix in memory, of wmma.load and wmma.store
  bool transpose = false;  ///< of ldmatrix and stmatrix
  int count = 0;           ///< matrices of ldmatrix and stmatrix
};

/// What does not fit into an Instruction.
struct Detail {
  std::vector<Slot> slots;        ///< registers of vectors, in order of the operands
  std::array<int, 4> counts{};    ///< how many of them belong to d, a, b, c
  Completion complete = nullptr;  ///< of a warp collective
  bool may_differ = false;        ///< lanes may come from different instructions
  bool takes_who_comes = false;   ///< completes when no other lane of the warp can come
  MatrixOperation matrix;
  int function = -1;  ///< of a call; -1: the slot in slots[0] of the instruction
  std::vector<std::array<std::uint32_t, 3>> copies;   ///< of a call: from byte, to byte, bytes
  std::vector<std::array<std::uint32_t, 3>> returns;  ///< the same, back from the callee
  std::vector<std::int64_t> targets;                  ///< of brx.idx: distances
  std::uint32_t site = 0;                             ///< of a collective that moves memory
  std::string text;  ///< the label of a branch, or why this is unsupported
};

struct FunctionCode {
  std::string name;
  std::size_t first = 0;             ///< of Program::code
  std::vector<std::uint64_t> frame;  ///< a fresh frame: zeros and constants
  Slot local_base = kNoSlot;         ///< the slot that holds where its local memory begins
  std::uint32_t local_bytes = 0;
};

/// A variable's place in shared memory.
struct SharedVariable {
  std::string name;
  std::uint32_t begin = 0;
  std::uint32_t bytes = 0;
};

/// One kernel with the functions it calls.
struct Program {
  std::string kernel;
  std::vector<Instruction> code;
  std::vector<Detail> details;
  std::vector<FunctionCode> functions;    ///< the kernel first
  std::uint32_t sites = 0;                ///< memory instructions
  std::vector<SharedVariable> shared;     ///< static ones
  std::uint32_t static_shared_bytes = 0;  ///< as a compiler packs them
  std::uint32_t shared_end = 0;           ///< where dynamic shared memory may begin
  std::uint32_t dynamic_alignment = 16;
  std::vector<std::uint32_t> parameter_offsets;
  std::vector<std::uint32_t> parameter_bytes;
  std::uint32_t parameters_size = 0;
  bool synchronises_parts = false;  ///< named barriers with counts, or masks other than all lanes
  std::array<unsigned, 3> maximum_threads{};
  std::array<unsigned, 3> required_threads{};
  std::vector<std::string> unsupported;  ///< one line each
};

}  // namespace assay::ptx_device
