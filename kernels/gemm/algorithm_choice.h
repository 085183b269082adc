#pragma once
/// Which of a library's algorithms runs a product: the fastest of those that its heuristic
/// proposes, measured once on the device, recorded, and taken over by later processes.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/blas.h"
#include "kernels/cuda/device.h"

namespace assay::gemm {

struct Candidate {
  cuda::blas::Algorithm algorithm{};
  std::size_t workspace_bytes = 0;
  float waves = 0.0F;             ///< how often the launch fills the device
  std::optional<double> seconds;  ///< of one run; nothing where it does not run, or was not timed
};

/// Times each candidate on the stream: run(i) enqueues candidate i once, and says whether the
/// library took it. Rounds over all candidates alternate, so that a clock that sinks meanwhile is
/// no one's loss; a candidate's time is the least of its rounds.
void time_candidates(const cuda::Stream& stream, std::vector<Candidate>& candidates,
                     const std::function<bool(std::size_t)>& run);

/// The candidate of the least time, the first of equals; nothing where none has one.
[[nodiscard]] std::optional<std::size_t> fastest(const std::vector<Candidate>& candidates);

/// "id 66 tile 23 stages 36 split_k 1 …": what the algorithm is, by the library's numbers.
[[nodiscard]] std::string description(const cuda::blas::Table& table, const Candidate& candidate);

/// The numerical flags of an algorithm (blas.h); 0 where the library does not tell.
[[nodiscard]] std::uint64_t numerical_flags(const cuda::blas::Table& table,
                                            const cuda::blas::Algorithm& algorithm);

/// An algorithm as 128 hexadecimal digits, and back. Errors: input_error for anything else.
[[nodiscard]] std::string to_text(const cuda::blas::Algorithm& algorithm);
[[nodiscard]] cuda::blas::Algorithm algorithm_of(std::string_view text);

}  // namespace assay::gemm
