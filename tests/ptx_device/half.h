#pragma once
/// Arithmetic of f16, bf16 and their packed forms.
#include <cstdint>
#include <string_view>

#include "ptx_device/emission.h"

namespace assay::ptx_device {

/// Decodes the statement's opcode for f16, f16x2, bf16 or bf16x2.
void decode_half_arithmetic(Emission& emission, Type type);

/// Floating-point operations of an opcode on one element.
[[nodiscard]] std::uint8_t flops_of(std::string_view opcode);

}  // namespace assay::ptx_device
