#pragma once
/// Documents that a command takes as folders or files.
#include <filesystem>
#include <string>
#include <vector>

#include "results/certificate.h"

namespace assay::pricing {

/// A file stands for itself, a folder for all .json in and below it; sorted, each once. Errors:
/// input_error for what is not there and for a folder without any.
[[nodiscard]] std::vector<std::filesystem::path> documents_of(
    const std::vector<std::filesystem::path>& places);

/// All certificates there; `key` is the laboratory's public key, or empty: then no signature is
/// judged. Errors: those of reading one; input_error where one stands there twice.
[[nodiscard]] std::vector<Certificate> read_certificates(
    const std::vector<std::filesystem::path>& places, const std::filesystem::path& key);

}  // namespace assay::pricing
