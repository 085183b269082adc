#pragma once
/// Standard output, checked: a result that a full disk swallowed must not look delivered.
#include <string_view>

namespace assay::cli {

/// Errors: input_error with the system's reason (disk full, closed, ...).
void write_output(std::string_view text);

/// Hands over what is buffered. Errors: as write_output.
void flush_output();

}  // namespace assay::cli
