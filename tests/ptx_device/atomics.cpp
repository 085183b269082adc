/// atom and red. Each is one indivisible step, whatever its memory order says.
#include <bit>
#include <cstring>

#include "ptx_device/memory_access.h"
#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

/// Where the host's memory may be shared with other workers, a compare-and-swap loop.
template <class Bits, auto Function>
Bits exchange_with(std::byte* where, Bits operand, Bits other) {
  auto* word = reinterpret_cast<Bits*>(where);
  Bits old = __atomic_load_n(word, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(word, &old, Function(old, operand, other), false,
                                      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
  }
  return old;
}

/// slots: destination (or kNoSlot), address, operand, second operand of cas.
template <class Bits, auto Function, Space S>
const Instruction* atomic(Thread& thread, const Instruction* i) {
  const std::uint64_t address =
      thread.slots[i->slots[1]] + static_cast<std::uint64_t>(i->immediate);
  std::byte* where = locate<S>(thread, i, i->detail, address, sizeof(Bits), Access::atomic);
  ++thread.block->counters().atomics;
  const Bits old = exchange_with<Bits, Function>(where, read_slot<Bits>(thread, i->slots[2]),
                                                 read_slot<Bits>(thread, i->slots[3]));
  if (i->slots[0] != kNoSlot) write_slot(thread, i->slots[0], old);
  return i + 1;
}

template <class Bits>
Bits bitwise_and(Bits old, Bits operand, Bits) {
  return old & operand;
}
template <class Bits>
Bits bitwise_or(Bits old, Bits operand, Bits) {
  return old | operand;
}
template <class Bits>
Bits bitwise_xor(Bits old, Bits operand, Bits) {
  return old ^ operand;
}
template <class Bits>
Bits exchange(Bits, Bits operand, Bits) {
  return operand;
}
template <class Bits>
Bits compare_and_swap(Bits old, Bits compare, Bits operand) {
  return old == compare ? operand : old;
}
template <class Bits>
Bits add_integer(Bits old, Bits operand, Bits) {
  return old + operand;
}
template <class Bits, class T>
Bits least(Bits old, Bits operand, Bits) {
  return static_cast<T>(operand) < static_cast<T>(old) ? operand : old;
}
template <class Bits, class T>
Bits greatest(Bits old, Bits operand, Bits) {
  return static_cast<T>(operand) > static_cast<T>(old) ? operand : old;
}
std::uint32_t increment(std::uint32_t old, std::uint32_t limit, std::uint32_t) {
  return old >= limit ? 0 : old + 1;
}
std::uint32_t decrement(std::uint32_t old, std::uint32_t limit, std::uint32_t) {
  return old == 0 || old > limit ? limit : old - 1;
}

/// On global memory subnormal operands and results are flushed, on shared memory they are not
/// (PTX ISA, "atom").
template <bool Flush>
std::uint32_t add_f32(std::uint32_t old, std::uint32_t operand, std::uint32_t) {
  const auto value = [](std::uint32_t bits) {
    const auto number = std::bit_cast<float>(bits);
    return Flush ? flush_denormal(number) : number;
  };
  const float sum = add(value(old), value(operand), Rounding::nearest_even);
  return std::bit_cast<std::uint32_t>(Flush ? flush_denormal(sum) : sum);
}
std::uint64_t add_f64(std::uint64_t old, std::uint64_t operand, std::uint64_t) {
  return std::bit_cast<std::uint64_t>(std::bit_cast<double>(old) + std::bit_cast<double>(operand));
}
using Pair = std::uint16_t (*)(std::uint16_t, std::uint16_t);
template <Pair Function>
std::uint16_t add_16(std::uint16_t old, std::uint16_t operand, std::uint16_t) {
  return Function(old, operand);
}
template <Pair Function>
std::uint32_t add_16x2(std::uint32_t old, std::uint32_t operand, std::uint32_t) {
  return packed(Function, old, operand);
}
template <class Bits, auto Function>
Handler in_space(Space space) {
  return for_writable_space(space, []<Space S>() -> Handler { return atomic<Bits, Function, S>; });
}

template <class Bits, class Signed>
Handler integer_handler(std::string_view operation, bool has_sign, Space space) {
  if (operation == "and") return in_space<Bits, bitwise_and<Bits>>(space);
  if (operation == "or") return in_space<Bits, bitwise_or<Bits>>(space);
  if (operation == "xor") return in_space<Bits, bitwise_xor<Bits>>(space);
  if (operation == "exch") return in_space<Bits, exchange<Bits>>(space);
  if (operation == "cas") return in_space<Bits, compare_and_swap<Bits>>(space);
  if (operation == "add") return in_space<Bits, add_integer<Bits>>(space);
  if (operation == "min") {
    return has_sign ? in_space<Bits, least<Bits, Signed>>(space)
                    : in_space<Bits, least<Bits, Bits>>(space);
  }
  if (operation == "max") {
    return has_sign ? in_space<Bits, greatest<Bits, Signed>>(space)
                    : in_space<Bits, greatest<Bits, Bits>>(space);
  }
  return nullptr;
}

/// Floating-point numbers are only added: their minima come with PTX's vector forms alone.
Handler float_handler(std::string_view operation, Type type, Space space) {
  if (operation != "add") return nullptr;
  switch (type) {
    case Type::f32:
      return space == Space::shared ? in_space<std::uint32_t, add_f32<false>>(space)
                                    : in_space<std::uint32_t, add_f32<true>>(space);
    case Type::f64:
      return in_space<std::uint64_t, add_f64>(space);
    case Type::f16:
      return in_space<std::uint16_t, add_16<half_add>>(space);
    case Type::bf16:
      return in_space<std::uint16_t, add_16<bf16_add>>(space);
    case Type::f16x2:
      return in_space<std::uint32_t, add_16x2<half_add>>(space);
    case Type::bf16x2:
      return in_space<std::uint32_t, add_16x2<bf16_add>>(space);
    default:
      return nullptr;
  }
}

Handler handler_for(std::string_view operation, Type type, Space space) {
  if (is_float(type)) return float_handler(operation, type, space);
  switch (size_of(type)) {
    case 2:
      if (operation == "cas")
        return in_space<std::uint16_t, compare_and_swap<std::uint16_t>>(space);
      return nullptr;
    case 4:
      if (operation == "inc") return in_space<std::uint32_t, increment>(space);
      if (operation == "dec") return in_space<std::uint32_t, decrement>(space);
      return integer_handler<std::uint32_t, std::int32_t>(operation, is_signed(type), space);
    case 8:
      return integer_handler<std::uint64_t, std::int64_t>(operation, is_signed(type), space);
    default:
      return nullptr;
  }
}

void emit_atomic(Emission& e, bool returns) {
  ignore_memory_hints(e);
  e.take("noftz");
  const Space space = take_space(e);
  std::string_view operation;
  for (const std::string_view name :
       {"and", "or", "xor", "exch", "cas", "add", "inc", "dec", "min", "max"}) {
    if (e.take(name)) operation = name;
  }
  const Type type = e.type();
  const Handler handler = handler_for(operation, type, space);
  if (handler == nullptr) Emission::unsupported("this operation on this type");
  const std::size_t first = returns ? 1 : 0;
  const Emission::Address where = e.address(first);
  std::array<Slot, 8> slots{};
  slots[0] = returns ? e.destination(0) : kNoSlot;
  slots[1] = where.base;
  slots[2] = e.source(first + 1, type);
  slots[3] = operation == "cas" ? e.source(first + 2, type) : slots[2];
  Instruction& instruction = e.emit(handler);
  instruction.slots = slots;
  instruction.immediate = where.offset;
  instruction.detail = e.site();
  if (is_float(type)) {
    const bool is_pair = type == Type::f16x2 || type == Type::bf16x2;
    instruction.flops = is_pair ? 2 : 1;
  }
}
void decode_atom(Emission& e) {
  emit_atomic(e, true);
}
void decode_red(Emission& e) {
  emit_atomic(e, false);
}

constexpr Opcode kOpcodes[] = {{"atom", decode_atom}, {"red", decode_red}};

}  // namespace

std::span<const Opcode> atomic_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
