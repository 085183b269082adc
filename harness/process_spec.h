#pragma once
/// What a fresh process is told to measure: written by the parent as JSON, read by the child.
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "harness/suite.h"

namespace assay::harness {

struct ProcessSpec {
  std::string basket;
  std::string devices;                 ///< "cpu:0", "cuda:0,cuda:1"
  std::optional<std::string> cpu_isa;  ///< a forced level
  std::string nonce;                   ///< 32 hex digits
  int progress_file = -1;              ///< file descriptor for progress lines, or -1
  /// Choices of algorithms that devices and processes share (kernels/cuda/choice_book.h): what the
  /// first process left. Nothing: each is made anew.
  std::optional<std::map<std::string, std::string>> choices;
  PlannedProcess process;
};

[[nodiscard]] nlohmann::json to_json(const ProcessSpec& spec);
/// Errors: input_error naming `where` for anything that to_json would not write.
[[nodiscard]] ProcessSpec spec_from_json(const nlohmann::json& document, const std::string& where);

/// The key of tokens and inputs: the first 16 hex digits of the nonce as a number, in every
/// process, so that equal nonces give equal work.
[[nodiscard]] std::uint64_t key_of_nonce(const std::string& nonce);

/// A nonce drawn by the operating system, or, with a seed, SHA-256 of "assay seed <seed>" cut to
/// 32 hex digits, so that a run can be repeated.
[[nodiscard]] std::string make_nonce(const std::optional<std::int64_t>& seed);

/// The seed that stands for a drawn nonce: its last 13 hex digits, which are below 2^53.
[[nodiscard]] std::int64_t seed_of_nonce(const std::string& nonce);

}  // namespace assay::harness
