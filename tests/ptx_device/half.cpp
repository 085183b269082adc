#include "ptx_device/half.h"

#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

using Bits = std::uint16_t;

/// What the two formats have in common, so that each operation is written once.
struct Half {
  static float value(Bits bits) { return half_to_float(bits); }
  static Bits round(float value) { return float_to_half(value); }
  static Bits add(Bits a, Bits b) { return half_add(a, b); }
  static Bits subtract(Bits a, Bits b) { return half_subtract(a, b); }
  static Bits multiply(Bits a, Bits b) { return half_multiply(a, b); }
  static Bits fma(Bits a, Bits b, Bits c) { return half_fma(a, b, c); }
  static Bits least(Bits a, Bits b) { return half_minimum(a, b, false); }
  static Bits greatest(Bits a, Bits b) { return half_maximum(a, b, false); }
  static Bits least_or_nan(Bits a, Bits b) { return half_minimum(a, b, true); }
  static Bits greatest_or_nan(Bits a, Bits b) { return half_maximum(a, b, true); }
  static Bits relu(Bits a) { return half_relu(a); }
};
struct Bfloat {
  static float value(Bits bits) { return bf16_to_float(bits); }
  static Bits round(float value) { return float_to_bf16(value); }
  static Bits add(Bits a, Bits b) { return bf16_add(a, b); }
  static Bits subtract(Bits a, Bits b) { return bf16_subtract(a, b); }
  static Bits multiply(Bits a, Bits b) { return bf16_multiply(a, b); }
  static Bits fma(Bits a, Bits b, Bits c) { return bf16_fma(a, b, c); }
  static Bits least(Bits a, Bits b) { return bf16_minimum(a, b, false); }
  static Bits greatest(Bits a, Bits b) { return bf16_maximum(a, b, false); }
  static Bits least_or_nan(Bits a, Bits b) { return bf16_minimum(a, b, true); }
  static Bits greatest_or_nan(Bits a, Bits b) { return bf16_maximum(a, b, true); }
  static Bits relu(Bits a) { return bf16_relu(a); }
};

template <class Format>
Bits exponential(Bits a) {
  return Format::round(exp2_approximate(Format::value(a)));
}
template <class Format>
Bits hyperbolic_tangent(Bits a) {
  return Format::round(tanh_approximate(Format::value(a)));
}
/// bf16 has no .sat; its .ftz is that of f32, whose exponents it has.
template <class Format>
Bits saturated(Bits a) {
  return Format::round(saturate(Format::value(a)));
}
template <class Format>
Bits flushed(Bits a) {
  if constexpr (std::is_same_v<Format, Half>) return half_flush_denormal(a);
  return Format::round(flush_denormal(Format::value(a)));
}

enum Mode : std::int64_t { kFlush = 1, kSaturate = 2, kRelu = 4 };

template <class Format, auto Function, class... Operand>
Bits element(std::int64_t modes, Operand... operands) {
  if (modes == 0) return Function(operands...);
  const bool flush = (modes & kFlush) != 0;
  Bits result = flush ? Function(flushed<Format>(operands)...) : Function(operands...);
  if (flush) result = flushed<Format>(result);
  if ((modes & kSaturate) != 0) result = saturated<Format>(result);
  return (modes & kRelu) != 0 ? Format::relu(result) : result;
}

template <class Format, auto Function, std::size_t Operands, bool Packed>
const Instruction* half_operation(Thread& thread, const Instruction* i) {
  const auto one = [&](auto... operands) {
    return element<Format, Function>(i->immediate, operands...);
  };
  using Word = std::conditional_t<Packed, std::uint32_t, Bits>;
  const auto operand = [&](std::size_t index) { return read_slot<Word>(thread, i->slots[index]); };
  const auto all = [&](auto... operands) {
    if constexpr (Packed) {
      return packed(one, operands...);
    } else {
      return one(operands...);
    }
  };
  if constexpr (Operands == 1) {
    write_slot(thread, i->slots[0], all(operand(1)));
  } else if constexpr (Operands == 2) {
    write_slot(thread, i->slots[0], all(operand(1), operand(2)));
  } else {
    write_slot(thread, i->slots[0], all(operand(1), operand(2), operand(3)));
  }
  return i + 1;
}

struct Choice {
  Handler handler = nullptr;
  std::size_t operands = 0;
};

template <class Format, bool Packed>
Choice choose(std::string_view opcode, bool propagate) {
  const auto one = [](auto handler) { return Choice{handler, 1}; };
  const auto two = [](auto handler) { return Choice{handler, 2}; };
  if (opcode == "add") return two(half_operation<Format, Format::add, 2, Packed>);
  if (opcode == "sub") return two(half_operation<Format, Format::subtract, 2, Packed>);
  if (opcode == "mul") return two(half_operation<Format, Format::multiply, 2, Packed>);
  if (opcode == "fma") return {half_operation<Format, Format::fma, 3, Packed>, 3};
  if (opcode == "min") {
    return two(propagate ? half_operation<Format, Format::least_or_nan, 2, Packed>
                         : half_operation<Format, Format::least, 2, Packed>);
  }
  if (opcode == "max") {
    return two(propagate ? half_operation<Format, Format::greatest_or_nan, 2, Packed>
                         : half_operation<Format, Format::greatest, 2, Packed>);
  }
  if (opcode == "neg") return one(half_operation<Format, negate16, 1, Packed>);
  if (opcode == "abs") return one(half_operation<Format, absolute16, 1, Packed>);
  if (opcode == "ex2") return one(half_operation<Format, exponential<Format>, 1, Packed>);
  if (opcode == "tanh") return one(half_operation<Format, hyperbolic_tangent<Format>, 1, Packed>);
  return {};
}

}  // namespace

void decode_half_arithmetic(Emission& e, Type type) {
  const std::string_view opcode = e.statement().opcode;
  if (e.take_rounding().value_or(Rounding::nearest_even) != Rounding::nearest_even) {
    Emission::unsupported("only rn rounds to 16 bits");
  }
  e.take("approx");
  std::int64_t modes = 0;
  if (e.take("ftz")) modes |= kFlush;
  if (e.take("sat")) modes |= kSaturate;
  if (e.take("relu")) modes |= kRelu;
  const bool propagate = e.take("NaN");
  Choice choice;
  switch (type) {
    case Type::f16:
      choice = choose<Half, false>(opcode, propagate);
      break;
    case Type::f16x2:
      choice = choose<Half, true>(opcode, propagate);
      break;
    case Type::bf16:
      choice = choose<Bfloat, false>(opcode, propagate);
      break;
    case Type::bf16x2:
      choice = choose<Bfloat, true>(opcode, propagate);
      break;
    default:
      break;
  }
  if (choice.handler == nullptr) Emission::unsupported("this form is not supported");
  Instruction& instruction = emit_simple(e, choice.handler, bits_of(type), choice.operands);
  instruction.immediate = modes;
  instruction.flops = static_cast<std::uint8_t>(flops_of(opcode) * (size_of(type) / 2));
}

}  // namespace assay::ptx_device
