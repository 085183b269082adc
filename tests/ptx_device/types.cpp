#include "ptx_device/types.h"

#include <array>
#include <utility>

namespace assay::ptx_device {

namespace {

constexpr std::array<std::pair<std::string_view, Type>, 27> kTypes = {{
    {"b8", Type::b8},       {"b16", Type::b16},       {"b32", Type::b32},
    {"b64", Type::b64},     {"b128", Type::b128},     {"u8", Type::u8},
    {"u16", Type::u16},     {"u32", Type::u32},       {"u64", Type::u64},
    {"s8", Type::s8},       {"s16", Type::s16},       {"s32", Type::s32},
    {"s64", Type::s64},     {"f16", Type::f16},       {"f16x2", Type::f16x2},
    {"bf16", Type::bf16},   {"bf16x2", Type::bf16x2}, {"tf32", Type::tf32},
    {"f32", Type::f32},     {"f64", Type::f64},       {"e4m3", Type::e4m3},
    {"e5m2", Type::e5m2},   {"e4m3x2", Type::e4m3x2}, {"e5m2x2", Type::e5m2x2},
    {"u16x2", Type::u16x2}, {"s16x2", Type::s16x2},   {"pred", Type::predicate},
}};

}  // namespace

std::optional<Type> type_named(std::string_view word) {
  for (const auto& [name, type] : kTypes) {
    if (name == word) return type;
  }
  return std::nullopt;
}

std::optional<Space> space_named(std::string_view word) {
  if (word == "global") return Space::global;
  if (word == "shared" || word == "shared::cta") return Space::shared;
  if (word == "local") return Space::local;
  if (word == "const") return Space::constant;
  if (word == "param" || word == "param::entry" || word == "param::func") return Space::parameter;
  if (word == "reg") return Space::reg;
  return std::nullopt;
}

unsigned size_of(Type type) {
  switch (type) {
    case Type::b8:
    case Type::u8:
    case Type::s8:
    case Type::e4m3:
    case Type::e5m2:
    case Type::predicate:
      return 1;
    case Type::b16:
    case Type::u16:
    case Type::s16:
    case Type::f16:
    case Type::bf16:
    case Type::e4m3x2:
    case Type::e5m2x2:
      return 2;
    case Type::b64:
    case Type::u64:
    case Type::s64:
    case Type::f64:
      return 8;
    case Type::b128:
      return 16;
    case Type::none:
      return 0;
    default:
      return 4;
  }
}

bool is_signed(Type type) {
  return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64;
}

bool is_float(Type type) {
  switch (type) {
    case Type::f16:
    case Type::f16x2:
    case Type::bf16:
    case Type::bf16x2:
    case Type::tf32:
    case Type::f32:
    case Type::f64:
      return true;
    default:
      return false;
  }
}

Type bits_of(Type type) {
  switch (size_of(type)) {
    case 1:
      return Type::b8;
    case 2:
      return Type::b16;
    case 8:
      return Type::b64;
    case 16:
      return Type::b128;
    default:
      return Type::b32;
  }
}

}  // namespace assay::ptx_device
