#pragma once
/// A certificate's figures for a terminal.
#include <string>

#include "results/certificate.h"

namespace assay::cli {

[[nodiscard]] std::string certificate_table(const Certificate& certificate);

}  // namespace assay::cli
