#pragma once
/// Which program measured: version, commit, compiler, flags, libraries, digest of the binary.
#include "results/result.h"

namespace assay::harness {

/// Errors: input_error where the program's own file can't be read.
[[nodiscard]] ToolRecord tool_record();

}  // namespace assay::harness
