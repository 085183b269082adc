/// mov, with packing and unpacking of vectors, and cvta.
#include <cstring>

#include "ptx_device/memory_access.h"
#include "ptx_device/operations.h"
#include "ptx_device/special_registers.h"

namespace assay::ptx_device {

namespace {

template <class T>
T same(T value) {
  return value;
}

/// slots[0] = the parts in slots[1…count] side by side, the first lowest; immediate: bytes of each.
const Instruction* pack(Thread& thread, const Instruction* i) {
  const auto bytes = static_cast<std::size_t>(i->immediate & 15);
  const auto count = static_cast<std::size_t>(i->immediate >> 4);
  std::uint64_t value = 0;
  for (std::size_t k = 0; k < count; ++k) {
    std::memcpy(reinterpret_cast<char*>(&value) + k * bytes, thread.slots + i->slots[1 + k], bytes);
  }
  write_slot(thread, i->slots[0], value);
  return i + 1;
}

/// slots[0] is the source, slots[1…] get its parts.
const Instruction* unpack(Thread& thread, const Instruction* i) {
  const auto bytes = static_cast<std::size_t>(i->immediate & 15);
  const auto count = static_cast<std::size_t>(i->immediate >> 4);
  const auto value = read_slot<std::uint64_t>(thread, i->slots[0]);
  for (std::size_t k = 0; k < count; ++k) {
    std::uint64_t part = 0;
    std::memcpy(&part, reinterpret_cast<const char*>(&value) + k * bytes, bytes);
    write_slot(thread, i->slots[1 + k], part);
  }
  return i + 1;
}

void emit_parts(Emission& e, Handler handler, Slot whole, const std::vector<Slot>& parts,
                Type type) {
  std::array<Slot, 8> slots{whole};
  std::copy(parts.begin(), parts.end(), slots.begin() + 1);
  Instruction& instruction = e.emit(handler);
  instruction.slots = slots;
  instruction.immediate = static_cast<std::int64_t>(size_of(type) / parts.size()) |
                          static_cast<std::int64_t>(parts.size()) << 4;
}

void decode_mov(Emission& e) {
  const Type type = e.type();
  if (e.operand(0).kind == Operand::Kind::vector) {
    const std::vector<Slot> parts = e.destinations(0);
    if (parts.size() > 4 || type == Type::b128) Emission::unsupported("mov of this width");
    return emit_parts(e, unpack, e.source(1, type), parts, type);
  }
  if (e.operand(1).kind == Operand::Kind::vector) {
    const std::vector<Slot> parts = e.sources(1, type);
    if (parts.size() > 4 || type == Type::b128) Emission::unsupported("mov of this width");
    return emit_parts(e, pack, e.destination(0), parts, type);
  }
  if (const Handler special = special_register_handler(e.operand(1).name)) {
    const Slot destination = e.destination(0);
    e.emit(special).slots[0] = destination;
    return;
  }
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, same<T>>; }), type, 1);
}

/// Adds the window of a state space, or takes it away; immediate: the window.
const Instruction* to_generic(Thread& thread, const Instruction* i) {
  const auto address = read_slot<std::uint64_t>(thread, i->slots[1]);
  write_slot(thread, i->slots[0], address + static_cast<std::uint64_t>(i->immediate));
  return i + 1;
}
const Instruction* from_generic(Thread& thread, const Instruction* i) {
  const auto address = read_slot<std::uint64_t>(thread, i->slots[1]);
  write_slot(thread, i->slots[0], address - static_cast<std::uint64_t>(i->immediate));
  return i + 1;
}

std::uint64_t window_of(Space space) {
  switch (space) {
    case Space::shared:
      return kSharedWindow;
    case Space::local:
      return kLocalWindow;
    case Space::parameter:
      return kParameterWindow;
    default:
      return 0;  // global and constant memory have their generic addresses
  }
}

void decode_cvta(Emission& e) {
  const bool from = e.take("to");
  const Space space = take_space(e);
  if (e.type() != Type::u64) Emission::unsupported("only 64-bit addresses are supported");
  emit_simple(e, from ? from_generic : to_generic, Type::u64, 1).immediate =
      static_cast<std::int64_t>(window_of(space));
}

/// immediate: the space asked for.
const Instruction* is_in_space(Thread& thread, const Instruction* i) {
  const auto address = read_slot<std::uint64_t>(thread, i->slots[1]);
  bool inside = false;
  switch (static_cast<Space>(i->immediate)) {
    case Space::shared:
      inside = in_window(address, kSharedWindow);
      break;
    case Space::local:
      inside = in_window(address, kLocalWindow);
      break;
    case Space::parameter:
      inside = in_window(address, kParameterWindow);
      break;
    default:
      inside = address >= kGlobalBegin;
      break;
  }
  write_slot(thread, i->slots[0], std::uint64_t{inside});
  return i + 1;
}

void decode_isspacep(Emission& e) {
  const Space space = take_space(e);
  if (space == Space::generic || space == Space::constant)
    Emission::unsupported("of this state space");
  emit_simple(e, is_in_space, Type::u64, 1).immediate = static_cast<std::int64_t>(space);
}

constexpr Opcode kOpcodes[] = {
    {"mov", decode_mov},
    {"cvta", decode_cvta},
    {"isspacep", decode_isspacep},
};

}  // namespace

std::span<const Opcode> move_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
