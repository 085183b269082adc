#pragma once
/// How the decoders of instruction groups see one statement, and what they emit for it.
///
/// A decoder takes the modifiers that it understands; one that is left over makes the instruction
/// unsupported, so nothing is silently ignored.
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ptx_device/instruction.h"
#include "ptx_device/module.h"
#include "ptx_device/numeric.h"

namespace assay::ptx_device {

/// Why a statement cannot be executed.
struct Unsupported {
  std::string why;
};

/// The frame of a function while it is decoded.
class Frame {
 public:
  /// parameter_bytes: of .param variables, which lie at the frame's begin.
  Frame(std::uint32_t parameter_bytes, std::size_t registers);

  [[nodiscard]] Slot slot_of_register(int index) const;
  Slot constant(std::uint64_t bits);
  /// A register that the function's text does not declare.
  Slot temporary();
  [[nodiscard]] const std::vector<std::uint64_t>& image() const { return image_; }

 private:
  Slot append(std::uint64_t bits);

  std::size_t parameter_slots_;
  std::vector<std::uint64_t> image_;
  std::unordered_map<std::uint64_t, Slot> constants_;
};

/// Where the names of a kernel's code lead to.
struct Names {
  const Module* module = nullptr;
  const Function* function = nullptr;
  std::map<std::string, std::uint64_t> addresses;  ///< global and constant variables
  std::map<std::string, std::uint32_t> shared;     ///< module's shared variables
  std::map<std::string, int> functions;            ///< of Program::functions
  std::vector<std::uint64_t> variables;  ///< of the function: address or frame byte, by space
  bool is_kernel = false;
  Slot local_base = kNoSlot;
};

class Emission {
 public:
  Emission(const Statement& statement, const Names& names, Frame& frame, Program& program);

  [[nodiscard]] const Statement& statement() const { return *statement_; }
  [[nodiscard]] const Names& names() const { return *names_; }
  Program& program() { return *program_; }
  Frame& frame() { return *frame_; }

  // Modifiers.
  bool take(std::string_view modifier);
  /// The first type among what is left, taken.
  std::optional<Type> take_type();
  Type type();  ///< take_type, or Unsupported
  std::optional<Rounding> take_rounding();
  /// Any of these, which mean nothing here (cache hints and the like).
  void ignore(std::initializer_list<std::string_view> modifiers);
  /// The first that starts with prefix, taken; empty for none.
  std::string take_prefixed(std::string_view prefix);
  [[nodiscard]] const std::vector<std::string>& left() const { return modifiers_; }

  // Operands.
  [[nodiscard]] std::size_t operands() const { return statement_->operands.size(); }
  [[nodiscard]] const Operand& operand(std::size_t index) const;
  /// The slot of operand `index` as a source of that type.
  Slot source(std::size_t index, Type type) { return source(operand(index), type); }
  Slot source(const Operand& operand, Type type);
  /// The register written; a fresh one for `_`.
  Slot destination(std::size_t index) { return destination(operand(index)); }
  Slot destination(const Operand& operand);
  [[nodiscard]] Type register_type(const Operand& operand) const;
  /// The register after '|', or kNoSlot.
  [[nodiscard]] Slot second_destination(std::size_t index) const;
  /// The slots of {a, b, …}, or the one of a scalar.
  std::vector<Slot> sources(std::size_t index, Type type);
  std::vector<Slot> destinations(std::size_t index);
  /// [address]: the slot of its base and the offset.
  struct Address {
    Slot base = kNoSlot;
    std::int64_t offset = 0;
    const Variable* variable = nullptr;  ///< of the function, where the base is one
  };
  Address address(std::size_t index);
  /// The value of a constant integer operand.
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t index) const;

  // Output.
  Instruction& emit(Handler handler);
  /// A detail for the instruction emitted last.
  Detail& detail();
  std::uint32_t site() { return program_->sites++; }

  [[noreturn]] static void unsupported(const std::string& why) { throw Unsupported{why}; }

 private:
  std::uint64_t constant_bits(const Operand& operand, Type type) const;
  Slot symbol(const Operand& operand);

  const Statement* statement_;
  const Names* names_;
  Frame* frame_;
  Program* program_;
  std::vector<std::string> modifiers_;
};

/// The decoder of an opcode.
struct Opcode {
  std::string_view name;
  void (*decode)(Emission& emission);
};

// The groups, each in the file of its name.
std::span<const Opcode> integer_opcodes();
std::span<const Opcode> bit_opcodes();
std::span<const Opcode> floating_opcodes();
std::span<const Opcode> compare_opcodes();
std::span<const Opcode> convert_opcodes();
std::span<const Opcode> move_opcodes();
std::span<const Opcode> control_opcodes();
std::span<const Opcode> access_opcodes();
std::span<const Opcode> atomic_opcodes();
std::span<const Opcode> async_copy_opcodes();
std::span<const Opcode> collective_opcodes();
std::span<const Opcode> barrier_opcodes();
std::span<const Opcode> matrix_opcodes();

// Branches are emitted with the name of their label as the detail's text; the distance is filled in
// when all code is there.
const Instruction* branch(Thread& thread, const Instruction* instruction);
const Instruction* branch_by_index(Thread& thread, const Instruction* instruction);

// Opcodes whose meaning depends on the type alone lead here from the integer group.
void decode_float_arithmetic(Emission& emission);

}  // namespace assay::ptx_device
