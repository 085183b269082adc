#include "ptx_device/emission.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "ptx_device/address_space.h"
#include "ptx_device/fault.h"
#include "ptx_device/special_registers.h"

namespace assay::ptx_device {

// Frame.

Frame::Frame(std::uint32_t parameter_bytes, std::size_t registers)
    : parameter_slots_((parameter_bytes + 7) / 8), image_(parameter_slots_ + registers, 0) {
  if (image_.size() >= kNoSlot) throw Unsupported{"the function has too many registers"};
}

Slot Frame::slot_of_register(int index) const {
  return static_cast<Slot>(parameter_slots_ + static_cast<std::size_t>(index));
}

Slot Frame::append(std::uint64_t bits) {
  if (image_.size() >= kNoSlot) throw Unsupported{"the function has too many registers"};
  image_.push_back(bits);
  return static_cast<Slot>(image_.size() - 1);
}

Slot Frame::constant(std::uint64_t bits) {
  const auto found = constants_.find(bits);
  if (found != constants_.end()) return found->second;
  return constants_[bits] = append(bits);
}

Slot Frame::temporary() {
  return append(0);
}

// Modifiers.

Emission::Emission(const Statement& statement, const Names& names, Frame& frame, Program& program)
    : statement_(&statement),
      names_(&names),
      frame_(&frame),
      program_(&program),
      modifiers_(statement.modifiers) {}

bool Emission::take(std::string_view modifier) {
  const auto found = std::find(modifiers_.begin(), modifiers_.end(), modifier);
  if (found == modifiers_.end()) return false;
  modifiers_.erase(found);
  return true;
}

std::optional<Type> Emission::take_type() {
  for (auto at = modifiers_.begin(); at != modifiers_.end(); ++at) {
    if (const auto type = type_named(*at)) {
      modifiers_.erase(at);
      return type;
    }
  }
  return std::nullopt;
}

Type Emission::type() {
  const auto type = take_type();
  if (!type) unsupported("it has no type");
  return *type;
}

std::optional<Rounding> Emission::take_rounding() {
  if (take("rn") || take("rni")) return Rounding::nearest_even;
  if (take("rz") || take("rzi")) return Rounding::toward_zero;
  if (take("rm") || take("rmi")) return Rounding::down;
  if (take("rp") || take("rpi")) return Rounding::up;
  if (take("rna")) return Rounding::nearest_away;
  return std::nullopt;
}

void Emission::ignore(std::initializer_list<std::string_view> modifiers) {
  for (const std::string_view modifier : modifiers) take(modifier);
}

std::string Emission::take_prefixed(std::string_view prefix) {
  for (auto at = modifiers_.begin(); at != modifiers_.end(); ++at) {
    if (at->starts_with(prefix)) {
      std::string found = *at;
      modifiers_.erase(at);
      return found;
    }
  }
  return {};
}

// Operands.

const Operand& Emission::operand(std::size_t index) const {
  if (index >= statement_->operands.size())
    unsupported("it has fewer operands than its form needs");
  return statement_->operands[index];
}

std::uint64_t Emission::constant_bits(const Operand& operand, Type type) const {
  const auto bits = static_cast<std::uint64_t>(operand.value);
  if (operand.kind == Operand::Kind::real32) {
    if (type != Type::f64) return bits;
    return std::bit_cast<std::uint64_t>(
        static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
  }
  if (operand.kind == Operand::Kind::real64) {
    if (type != Type::f32) return bits;
    return std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
  }
  if (type == Type::f32) return std::bit_cast<std::uint32_t>(static_cast<float>(operand.value));
  if (type == Type::f64) return std::bit_cast<std::uint64_t>(static_cast<double>(operand.value));
  return bits;
}

Slot Emission::source(const Operand& operand, Type type) {
  switch (operand.kind) {
    case Operand::Kind::reg:
      return frame_->slot_of_register(operand.register_index);
    case Operand::Kind::integer:
    case Operand::Kind::real32:
    case Operand::Kind::real64:
      return frame_->constant(constant_bits(operand, type));
    case Operand::Kind::symbol:
      return symbol(operand);
    default:
      unsupported("an operand of this kind is not expected here");
  }
}

Slot Emission::symbol(const Operand& operand) {
  const auto offset = static_cast<std::uint64_t>(operand.value);
  if (operand.variable_index >= 0) {
    const auto index = static_cast<std::size_t>(operand.variable_index);
    const Variable& variable = names_->function->variables[index];
    const std::uint64_t place = names_->variables[index] + offset;
    if (variable.space == Space::local) {
      const Slot sum = frame_->temporary();
      Instruction& add = emit(local_address_handler());
      add.slots = {sum, names_->local_base};
      add.immediate = static_cast<std::int64_t>(place);
      return sum;
    }
    if (variable.space == Space::parameter && !names_->is_kernel) {
      unsupported("the address of a function's parameter");
    }
    return frame_->constant(place);
  }
  if (const Handler special = special_register_handler(operand.name)) {
    const Slot value = frame_->temporary();
    emit(special).slots[0] = value;
    return value;
  }
  if (operand.name == "WARP_SZ") return frame_->constant(32);
  if (const auto global = names_->addresses.find(operand.name); global != names_->addresses.end()) {
    return frame_->constant(global->second + offset);
  }
  if (const auto shared = names_->shared.find(operand.name); shared != names_->shared.end()) {
    return frame_->constant(shared->second + offset);
  }
  if (const auto function = names_->functions.find(operand.name);
      function != names_->functions.end()) {
    return frame_->constant(static_cast<std::uint64_t>(function->second));
  }
  unsupported(fmt::format("'{}' is not known", operand.name));
}

Slot Emission::destination(const Operand& operand) {
  if (operand.kind == Operand::Kind::sink) return frame_->temporary();
  if (operand.kind != Operand::Kind::reg) unsupported("its destination is no register");
  return frame_->slot_of_register(operand.register_index);
}

Type Emission::register_type(const Operand& operand) const {
  if (operand.kind != Operand::Kind::reg) return Type::none;
  return names_->function->registers[static_cast<std::size_t>(operand.register_index)].type;
}

Slot Emission::second_destination(std::size_t index) const {
  const int second = operand(index).second_index;
  return second < 0 ? kNoSlot : frame_->slot_of_register(second);
}

std::vector<Slot> Emission::sources(std::size_t index, Type type) {
  const Operand& list = operand(index);
  if (list.kind != Operand::Kind::vector) return {source(list, type)};
  std::vector<Slot> slots;
  for (const Operand& part : list.parts) slots.push_back(source(part, type));
  return slots;
}

std::vector<Slot> Emission::destinations(std::size_t index) {
  const Operand& list = operand(index);
  if (list.kind != Operand::Kind::vector) return {destination(list)};
  std::vector<Slot> slots;
  for (const Operand& part : list.parts) slots.push_back(destination(part));
  return slots;
}

Emission::Address Emission::address(std::size_t index) {
  const Operand& where = operand(index);
  if (where.kind != Operand::Kind::address) unsupported("an address in [ ] is expected");
  Address result;
  result.offset = where.value;
  if (where.register_index >= 0) {
    result.base = frame_->slot_of_register(where.register_index);
  } else if (where.variable_index >= 0) {
    const auto variable = static_cast<std::size_t>(where.variable_index);
    result.variable = &names_->function->variables[variable];
    result.offset += static_cast<std::int64_t>(names_->variables[variable]);
    result.base = result.variable->space == Space::local ? names_->local_base : frame_->constant(0);
  } else if (where.name.empty()) {
    result.base = frame_->constant(0);
  } else {
    Operand base = where;
    base.value = 0;
    result.base = symbol(base);
  }
  return result;
}

std::optional<std::int64_t> Emission::integer(std::size_t index) const {
  const Operand& value = operand(index);
  if (value.kind != Operand::Kind::integer) return std::nullopt;
  return value.value;
}

// Output.

Instruction& Emission::emit(Handler handler) {
  Instruction instruction;
  instruction.execute = handler;
  instruction.line = statement_->line;
  instruction.place = statement_->place;
  if (statement_->guard >= 0) {
    instruction.guard = frame_->slot_of_register(statement_->guard);
    instruction.guard_negated = statement_->guard_negated;
  }
  program_->code.push_back(instruction);
  return program_->code.back();
}

Detail& Emission::detail() {
  program_->code.back().detail = static_cast<std::uint32_t>(program_->details.size());
  return program_->details.emplace_back();
}

}  // namespace assay::ptx_device
