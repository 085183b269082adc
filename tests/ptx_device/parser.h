#pragma once
/// PTX text → Module.
#include <string>

#include "ptx_device/module.h"

namespace assay::ptx_device {

/// Throws Refusal(kInvalidPtx) with line and text where the text is not PTX. What the device cannot
/// execute is no error here: it is one when a thread gets there.
[[nodiscard]] Module parse(const std::string& text);

}  // namespace assay::ptx_device
