#pragma once
/// From a parsed kernel to the program that threads execute.
#include <cstdint>
#include <map>
#include <string>

#include "ptx_device/instruction.h"
#include "ptx_device/module.h"

namespace assay::ptx_device {

/// The kernel with every function it may call. addresses: of the module's global and constant
/// variables. An instruction that the device does not execute becomes a fault at its place, and a
/// line of Program::unsupported. Throws Refusal(kInvalidPtx) for a label that does not exist.
[[nodiscard]] Program decode(const Module& module, const Function& kernel,
                             const std::map<std::string, std::uint64_t>& addresses);

}  // namespace assay::ptx_device
