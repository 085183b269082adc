/// f32 and f64 arithmetic and approximations. The 16-bit formats are in half.cpp.
#include <cmath>
#include <type_traits>

#include "ptx_device/half.h"
#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

/// What an instruction's modifiers ask for beside the operation.
struct Modes {
  Rounding rounding = Rounding::nearest_even;
  bool flush = false;      ///< .ftz
  bool saturate = false;   ///< .sat
  bool propagate = false;  ///< .NaN
};

template <bool Flush>
float flushed(float value) {
  return Flush ? flush_denormal(value) : value;
}
template <bool Flush>
double flushed(double value) {
  return value;
}

/// Function on operands and result flushed (.ftz), the result clamped to [0, 1] (.sat).
template <class Real, auto Function, bool Flush, bool Saturate, std::size_t Operands>
const Instruction* real_operation(Thread& thread, const Instruction* i) {
  const auto operand = [&](std::size_t index) {
    return flushed<Flush>(read_slot<Real>(thread, i->slots[index]));
  };
  Real result;
  if constexpr (Operands == 1) {
    result = Function(operand(1));
  } else if constexpr (Operands == 2) {
    result = Function(operand(1), operand(2));
  } else {
    result = Function(operand(1), operand(2), operand(3));
  }
  result = flushed<Flush>(result);
  write_slot(thread, i->slots[0], Saturate ? saturate(result) : result);
  return i + 1;
}

template <class Real, auto Function, std::size_t Operands>
Handler with_modes(const Modes& modes) {
  if constexpr (std::is_same_v<Real, float>) {
    if (modes.flush) {
      return modes.saturate ? real_operation<Real, Function, true, true, Operands>
                            : real_operation<Real, Function, true, false, Operands>;
    }
    if (modes.saturate) return real_operation<Real, Function, false, true, Operands>;
  }
  return real_operation<Real, Function, false, false, Operands>;
}

// Rounded operations, as function objects made for one rounding.
template <class Real, Rounding R>
Real sum(Real a, Real b) {
  return add(a, b, R);
}
template <class Real, Rounding R>
Real difference(Real a, Real b) {
  return add(a, -b, R);
}
template <class Real, Rounding R>
Real product(Real a, Real b) {
  return multiply(a, b, R);
}
template <class Real, Rounding R>
Real product_sum(Real a, Real b, Real c) {
  return fused_multiply_add(a, b, c, R);
}
template <class Real, Rounding R>
Real quotient(Real a, Real b) {
  return divide(a, b, R);
}
template <class Real, Rounding R>
Real inverse(Real a) {
  return divide(Real{1}, a, R);
}
template <class Real, Rounding R>
Real root(Real a) {
  return square_root(a, R);
}

/// pick.operator()<R>() for the rounding.
template <class Pick>
Handler for_rounding(Rounding rounding, Pick pick) {
  switch (rounding) {
    case Rounding::toward_zero:
      return pick.template operator()<Rounding::toward_zero>();
    case Rounding::down:
      return pick.template operator()<Rounding::down>();
    case Rounding::up:
      return pick.template operator()<Rounding::up>();
    default:
      return pick.template operator()<Rounding::nearest_even>();
  }
}

template <class Real>
Real least(Real a, Real b) {
  return minimum(a, b, false);
}
template <class Real>
Real least_or_nan(Real a, Real b) {
  return minimum(a, b, true);
}
template <class Real>
Real greatest(Real a, Real b) {
  return maximum(a, b, false);
}
template <class Real>
Real greatest_or_nan(Real a, Real b) {
  return maximum(a, b, true);
}
template <class Real>
Real negated(Real a) {
  return canonical(-a);
}
template <class Real>
Real magnitude(Real a) {
  return canonical(std::fabs(a));
}
template <class Real>
Real with_sign_of(Real sign, Real value) {
  return std::copysign(value, sign);
}
double inverse_f64(double a) {
  return reciprocal_approximate(a);
}
double inverse_root_f64(double a) {
  return reciprocal_square_root_approximate(a);
}
float inverse_f32(float a) {
  return reciprocal_approximate(a);
}
float inverse_root_f32(float a) {
  return reciprocal_square_root_approximate(a);
}

/// The handler of an exactly rounded operation, or null for another opcode.
template <class Real>
Handler rounded(std::string_view opcode, const Modes& modes) {
  return for_rounding(modes.rounding, [&]<Rounding R>() -> Handler {
    if (opcode == "add") return with_modes<Real, sum<Real, R>, 2>(modes);
    if (opcode == "sub") return with_modes<Real, difference<Real, R>, 2>(modes);
    if (opcode == "mul") return with_modes<Real, product<Real, R>, 2>(modes);
    if (opcode == "fma") return with_modes<Real, product_sum<Real, R>, 3>(modes);
    if (opcode == "mad") return with_modes<Real, product_sum<Real, R>, 3>(modes);
    if (opcode == "div") return with_modes<Real, quotient<Real, R>, 2>(modes);
    if (opcode == "rcp") return with_modes<Real, inverse<Real, R>, 1>(modes);
    if (opcode == "sqrt") return with_modes<Real, root<Real, R>, 1>(modes);
    return nullptr;
  });
}

template <class Real>
Handler exact(std::string_view opcode, const Modes& modes) {
  if (opcode == "min") {
    return modes.propagate ? with_modes<Real, least_or_nan<Real>, 2>(modes)
                           : with_modes<Real, least<Real>, 2>(modes);
  }
  if (opcode == "max") {
    return modes.propagate ? with_modes<Real, greatest_or_nan<Real>, 2>(modes)
                           : with_modes<Real, greatest<Real>, 2>(modes);
  }
  if (opcode == "neg") return with_modes<Real, negated<Real>, 1>(modes);
  if (opcode == "abs") return with_modes<Real, magnitude<Real>, 1>(modes);
  if (opcode == "copysign") return with_modes<Real, with_sign_of<Real>, 2>(modes);
  return nullptr;
}

Handler approximate(std::string_view opcode, const Modes& modes) {
  if (opcode == "div") return with_modes<float, divide_approximate, 2>(modes);
  if (opcode == "rcp") return with_modes<float, inverse_f32, 1>(modes);
  if (opcode == "sqrt") return with_modes<float, square_root_approximate, 1>(modes);
  if (opcode == "rsqrt") return with_modes<float, inverse_root_f32, 1>(modes);
  if (opcode == "ex2") return with_modes<float, exp2_approximate, 1>(modes);
  if (opcode == "lg2") return with_modes<float, log2_approximate, 1>(modes);
  if (opcode == "sin") return with_modes<float, sine_approximate, 1>(modes);
  if (opcode == "cos") return with_modes<float, cosine_approximate, 1>(modes);
  if (opcode == "tanh") return with_modes<float, tanh_approximate, 1>(modes);
  return nullptr;
}

Handler approximate_f64(std::string_view opcode) {
  if (opcode == "rcp") return real_operation<double, inverse_f64, false, false, 1>;
  if (opcode == "rsqrt") return real_operation<double, inverse_root_f64, false, false, 1>;
  return nullptr;
}

std::size_t operands_of(std::string_view opcode) {
  if (opcode == "fma" || opcode == "mad") return 3;
  return opcode == "add" || opcode == "sub" || opcode == "mul" || opcode == "div" ||
                 opcode == "min" || opcode == "max" || opcode == "copysign"
             ? 2
             : 1;
}

template <class Real>
bool has_property(Real value, int property) {
  switch (property) {
    case 0:
      return std::isfinite(value);
    case 1:
      return std::isinf(value);
    case 2:
      return !std::isnan(value);
    case 3:
      return std::isnan(value);
    case 4:
      return std::isnormal(value);
    default:
      return std::fpclassify(value) == FP_SUBNORMAL;
  }
}
template <class Real>
const Instruction* test_property(Thread& thread, const Instruction* i) {
  const Real value = read_slot<Real>(thread, i->slots[1]);
  const bool holds = has_property(value, static_cast<int>(i->immediate));
  write_slot(thread, i->slots[0], std::uint64_t{holds});
  return i + 1;
}

void decode_testp(Emission& e) {
  constexpr std::string_view kProperties[] = {"finite",     "infinite", "number",
                                              "notanumber", "normal",   "subnormal"};
  int property = 0;
  for (int candidate = 0; candidate < 6; ++candidate) {
    if (e.take(kProperties[candidate])) property = candidate;
  }
  const Type type = e.type();
  emit_simple(e, type == Type::f64 ? test_property<double> : test_property<float>, type, 1)
      .immediate = property;
}

constexpr Opcode kOpcodes[] = {
    {"fma", decode_float_arithmetic},  {"sqrt", decode_float_arithmetic},
    {"rcp", decode_float_arithmetic},  {"rsqrt", decode_float_arithmetic},
    {"ex2", decode_float_arithmetic},  {"lg2", decode_float_arithmetic},
    {"sin", decode_float_arithmetic},  {"cos", decode_float_arithmetic},
    {"tanh", decode_float_arithmetic}, {"copysign", decode_float_arithmetic},
    {"testp", decode_testp},
};

}  // namespace

std::uint8_t flops_of(std::string_view opcode) {
  if (opcode == "fma" || opcode == "mad") return 2;
  const bool moves_bits = opcode == "min" || opcode == "max" || opcode == "neg" ||
                          opcode == "abs" || opcode == "copysign";
  return moves_bits ? 0 : 1;
}

void decode_float_arithmetic(Emission& e) {
  const std::string_view opcode = e.statement().opcode;
  const Type type = e.type();
  if (type != Type::f32 && type != Type::f64) return decode_half_arithmetic(e, type);
  Modes modes;
  modes.rounding = e.take_rounding().value_or(Rounding::nearest_even);
  modes.flush = e.take("ftz");
  modes.saturate = e.take("sat");
  modes.propagate = e.take("NaN");
  const bool is_approximate = e.take("approx");
  Handler handler = nullptr;
  if (type == Type::f64) {
    if (modes.saturate) Emission::unsupported("sat of f64");
    handler = is_approximate ? approximate_f64(opcode) : rounded<double>(opcode, modes);
    if (handler == nullptr && !is_approximate) handler = exact<double>(opcode, modes);
  } else if (e.take("full")) {
    handler = with_modes<float, divide_full, 2>(modes);
  } else {
    handler = is_approximate ? approximate(opcode, modes) : rounded<float>(opcode, modes);
    if (handler == nullptr && !is_approximate) handler = exact<float>(opcode, modes);
  }
  if (handler == nullptr) Emission::unsupported("this form is not supported");
  emit_simple(e, handler, type, operands_of(opcode)).flops = flops_of(opcode);
}

std::span<const Opcode> floating_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
