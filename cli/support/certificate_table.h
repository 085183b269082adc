#pragma once
/// A certificate's figures for a terminal.
#include <string>

#include "results/certificate.h"

namespace assay::cli {

[[nodiscard]] std::string certificate_table(const Certificate& certificate);

/// CU/h of a device: small ones in millionths, so that figures stay readable.
[[nodiscard]] std::string cu_rate(const Stated<double>& value);

}  // namespace assay::cli
