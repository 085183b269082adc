#pragma once
/// The little of a cubin that a launch depends on. A cubin is an ELF file; NVIDIA does not document
/// its own fields. What is read here was compared with ptxas -v of CUDA 13.0: the section
/// .text.<kernel> has the kernel's registers a thread in the upper 8 bits of sh_info.
#include <map>
#include <string>
#include <string_view>

namespace assay::ptx_device {

/// Registers a thread by kernel name; empty for what is no cubin.
[[nodiscard]] std::map<std::string, int> registers_of(std::string_view cubin);

}  // namespace assay::ptx_device
