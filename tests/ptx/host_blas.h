#pragma once
/// A plain host version of the cuBLASLt calls that Assay makes: a second filling of the table
/// (kernels/cuda/blas.h), which tests layouts and epilogues without a GPU. It computes column-major
/// products by three loops on the device memory behind a driver's table, and refuses what the
/// library's documentation says that the library refuses: layouts that don't multiply, leading
/// dimensions, alignments, combinations of types, epilogues without their operands, workspaces that
/// are too small, handles that were destroyed.
///
/// It has no time of its own: a simulated clock advances by what the proposed algorithms are said
/// to take. The ABI has no user pointer, so the library is one per process; configure() starts it
/// anew.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/blas.h"

namespace assay::host_blas {

/// An algorithm that the heuristic proposes.
struct Proposal {
  double seconds = 1e-3;
  std::size_t workspace_bytes = 0;
  cuda::blas::Status state = cuda::blas::kSuccess;  ///< as the heuristic reports it
  cuda::blas::Status run = cuda::blas::kSuccess;    ///< what running it returns
  std::uint64_t numerical_flags = 0;
};

/// How work gets into a stream: at once, or recorded where the stream is being captured.
using Enqueue = cuda::Result (*)(cuda::StreamHandle stream, std::function<void()> work);

struct Options {
  int architecture = 90;
  int patch_level = 0;  ///< of the version 13.0.x
  std::vector<Proposal> proposals = {{.seconds = 3e-3}, {.seconds = 1e-3}, {.seconds = 2e-3}};
  /// Extents m and n together from which AlgoCheck refuses every algorithm; 0: none.
  std::int64_t refused_from = 0;
  /// Null: all work is done at once, and no stream can be captured.
  Enqueue enqueue = nullptr;
};

/// What was asked of the library since configure().
struct Observed {
  int last_algorithm = -1;  ///< the index of the proposal that ran last
  int runs = 0;
  // Of the last preference, where the heuristic was asked with one that said so.
  std::optional<std::uint32_t> reduction_schemes;
  std::optional<std::uint64_t> workspace_bytes;
  // Of the last product.
  std::optional<cuda::blas::ComputeType> compute;
  std::optional<std::int8_t> fast_accumulation;  ///< empty where it was left to the library
};

/// `driver` moves operands; it must outlive the library's use.
void configure(const cuda::DriverTable& driver, const Options& options);
[[nodiscard]] const cuda::blas::Table& library();
[[nodiscard]] const Observed& observed();

/// `driver` with events that tell the simulated clock.
[[nodiscard]] cuda::DriverTable with_clock(const cuda::DriverTable& driver);

/// What was made and not destroyed, or destroyed twice, one line each.
[[nodiscard]] std::vector<std::string> leaks();

}  // namespace assay::host_blas
