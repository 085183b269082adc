#pragma once
/// Handlers made of plain functions on values: slots in, slot out.
#include <cstdint>

#include "ptx_device/block.h"
#include "ptx_device/emission.h"

namespace assay::ptx_device {

template <class T, auto Function>
const Instruction* unary(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0], Function(read_slot<T>(thread, i->slots[1])));
  return i + 1;
}

template <class T, auto Function>
const Instruction* binary(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0],
             Function(read_slot<T>(thread, i->slots[1]), read_slot<T>(thread, i->slots[2])));
  return i + 1;
}

template <class T, auto Function>
const Instruction* ternary(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0],
             Function(read_slot<T>(thread, i->slots[1]), read_slot<T>(thread, i->slots[2]),
                      read_slot<T>(thread, i->slots[3])));
  return i + 1;
}

/// The same with an amount or position that is always 32 bits wide.
template <class T, auto Function>
const Instruction* binary_u32(Thread& thread, const Instruction* i) {
  write_slot(
      thread, i->slots[0],
      Function(read_slot<T>(thread, i->slots[1]), read_slot<std::uint32_t>(thread, i->slots[2])));
  return i + 1;
}

/// Emits handler with destination operand 0 and `count` sources of one type.
inline Instruction& emit_simple(Emission& emission, Handler handler, Type type, std::size_t count) {
  std::array<Slot, 8> slots{};
  for (std::size_t i = 1; i <= count; ++i) slots[i] = emission.source(i, type);
  slots[0] = emission.destination(0);
  Instruction& instruction = emission.emit(handler);
  instruction.slots = slots;
  return instruction;
}

/// make.operator()<T>() for the integer type, signedness kept.
template <class Make>
Handler for_integer(Type type, Make make) {
  switch (type) {
    case Type::b16:
    case Type::u16:
      return make.template operator()<std::uint16_t>();
    case Type::s16:
      return make.template operator()<std::int16_t>();
    case Type::b32:
    case Type::u32:
      return make.template operator()<std::uint32_t>();
    case Type::s32:
      return make.template operator()<std::int32_t>();
    case Type::b64:
    case Type::u64:
      return make.template operator()<std::uint64_t>();
    case Type::s64:
      return make.template operator()<std::int64_t>();
    default:
      Emission::unsupported("an integer type is expected");
  }
}

/// make.operator()<T>() for the unsigned type of that size: where signedness makes no difference.
template <class Make>
Handler for_width(Type type, Make make) {
  switch (size_of(type)) {
    case 1:
      return make.template operator()<std::uint8_t>();
    case 2:
      return make.template operator()<std::uint16_t>();
    case 4:
      return make.template operator()<std::uint32_t>();
    case 8:
      return make.template operator()<std::uint64_t>();
    default:
      Emission::unsupported("values of this size are not supported");
  }
}

}  // namespace assay::ptx_device
