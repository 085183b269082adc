#include "kernels/gemm/algorithm_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace assay::gemm {
namespace {

using cuda::blas::Algorithm;
using cuda::blas::ConfigAttribute;

/// Timed runs: rounds over the candidates, each a batch long enough for the events' resolution
/// (0.5 µs) to be under 0.1 % of it where the runs themselves are not longer.
constexpr int kRounds = 3;
constexpr double kBatchSeconds = 1e-3;
constexpr double kMostRuns = 50.0;

/// Seconds of one run in a batch of `runs`.
double seconds_of_run(const cuda::Stream& stream, const cuda::Event& begin, const cuda::Event& end,
                      int runs, const std::function<void()>& run) {
  begin.record(stream);
  for (int i = 0; i < runs; ++i) run();
  end.record(stream);
  end.synchronize();
  return end.seconds_since(begin) / runs;
}

/// Whether the library's version does not have the attribute that was asked for. Throws where it
/// failed otherwise.
bool is_unknown(const cuda::blas::Table& table, cuda::blas::Status status, std::string_view call) {
  if (status == cuda::blas::kInvalidValue || status == cuda::blas::kNotSupported) return true;
  cuda::blas::check(table, status, call);
  return false;
}

/// An attribute of an algorithm as text; "-" where the library's version does not have it.
template <class T>
std::string attribute_text(const cuda::blas::Table& table, const Algorithm& algorithm,
                           ConfigAttribute attribute) {
  T value{};
  std::size_t written = 0;
  const auto status =
      table.algorithm_get_config(&algorithm, attribute, &value, sizeof value, &written);
  return is_unknown(table, status, "cublasLtMatmulAlgoConfigGetAttribute") ? "-"
                                                                           : std::to_string(value);
}

}  // namespace

void time_candidates(const cuda::Stream& stream, std::vector<Candidate>& candidates,
                     const std::function<bool(std::size_t)>& run) {
  const cuda::Event begin(stream.device());
  const cuda::Event end(stream.device());
  std::vector<int> runs(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!run(i)) continue;  // the first run loads code; it says only whether there is one
    const double once = seconds_of_run(stream, begin, end, 1, [&] { run(i); });
    runs[i] = static_cast<int>(std::clamp(std::ceil(kBatchSeconds / once), 1.0, kMostRuns));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (runs[i] == 0) continue;
      const double seconds = seconds_of_run(stream, begin, end, runs[i], [&] { run(i); });
      auto& least = candidates[i].seconds;
      least = std::min(least.value_or(seconds), seconds);
    }
  }
}

std::optional<std::size_t> fastest(const std::vector<Candidate>& candidates) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!candidates[i].seconds.has_value()) continue;
    if (!best || *candidates[i].seconds < *candidates[*best].seconds) best = i;
  }
  return best;
}

std::string description(const cuda::blas::Table& table, const Candidate& candidate) {
  const auto number = [&]<class T>(ConfigAttribute attribute, T) {
    return attribute_text<T>(table, candidate.algorithm, attribute);
  };
  return fmt::format(
      "id {} tile {} stages {} split_k {} reduction {} swizzle {} custom {} inner {} cluster {} "
      "workspace_bytes {} waves {:.2f}",
      number(ConfigAttribute::id, std::int32_t{}), number(ConfigAttribute::tile, std::uint32_t{}),
      number(ConfigAttribute::stages, std::uint32_t{}),
      number(ConfigAttribute::split_k, std::int32_t{}),
      number(ConfigAttribute::reduction_scheme, std::uint32_t{}),
      number(ConfigAttribute::swizzle, std::uint32_t{}),
      number(ConfigAttribute::custom_option, std::uint32_t{}),
      number(ConfigAttribute::inner_shape, std::uint16_t{}),
      number(ConfigAttribute::cluster_shape, std::uint16_t{}), candidate.workspace_bytes,
      candidate.waves);
}

std::uint64_t numerical_flags(const cuda::blas::Table& table, const Algorithm& algorithm) {
  std::uint64_t flags = 0;
  std::size_t written = 0;
  const auto status = table.algorithm_get_capability(
      &algorithm, cuda::blas::CapabilityAttribute::numerical_flags, &flags, sizeof flags, &written);
  return is_unknown(table, status, "cublasLtMatmulAlgoCapGetAttribute") ? 0 : flags;
}

std::string to_text(const Algorithm& algorithm) {
  std::string text;
  for (const std::uint64_t word : algorithm.data) text += fmt::format("{:016x}", word);
  return text;
}

Algorithm algorithm_of(std::string_view text) {
  constexpr std::size_t kDigits = 16;
  Algorithm algorithm{};
  const auto refuse = [&] {
    return input_error("no algorithm of cuBLASLt: 128 hexadecimal digits are asked for",
                       std::string(text));
  };
  if (text.size() != kDigits * std::size(algorithm.data)) throw refuse();
  for (std::uint64_t& word : algorithm.data) {
    const std::string_view digits = text.substr(0, kDigits);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), word, 16);
    if (error != std::errc() || end != digits.end()) throw refuse();
    text.remove_prefix(kDigits);
  }
  return algorithm;
}

}  // namespace assay::gemm
