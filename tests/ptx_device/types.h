#pragma once
/// PTX's fundamental types and state spaces (PTX ISA, "State Spaces, Types, and Variables").
#include <cstdint>
#include <optional>
#include <string_view>

namespace assay::ptx_device {

// clang-format off
enum class Type : std::uint8_t {
  none,
  b8, b16, b32, b64, b128,
  u8, u16, u32, u64,
  s8, s16, s32, s64,
  f16, f16x2, bf16, bf16x2, tf32, f32, f64,
  e4m3, e5m2, e4m3x2, e5m2x2,
  u16x2, s16x2,
  predicate,
};
// clang-format on

enum class Space : std::uint8_t { generic, global, shared, local, constant, parameter, reg };

/// "f32" → Type::f32; nothing for a word that is no type.
[[nodiscard]] std::optional<Type> type_named(std::string_view word);
[[nodiscard]] std::optional<Space> space_named(std::string_view word);

/// Bytes in memory; a predicate has 1.
[[nodiscard]] unsigned size_of(Type type);
[[nodiscard]] bool is_signed(Type type);
[[nodiscard]] bool is_float(Type type);
/// The untyped type of the same size.
[[nodiscard]] Type bits_of(Type type);

}  // namespace assay::ptx_device
