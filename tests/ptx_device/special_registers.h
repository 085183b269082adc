#pragma once
/// Reads of special registers (%tid.x and the others of PTX ISA, "Special Registers").
#include <string>

#include "ptx_device/instruction.h"

namespace assay::ptx_device {

/// Writes the special register to slots[0]; null for a name that is none.
[[nodiscard]] Handler special_register_handler(const std::string& name);

/// slots[0] = slots[1] + immediate: the address of a local variable.
[[nodiscard]] Handler local_address_handler();

}  // namespace assay::ptx_device
