#pragma once
/// Work over positions 0 to count, cut into one run of neighbours for each core. What a run writes
/// must be its own; the order of runs is not defined, the outcome must not depend on it.
#include <algorithm>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace assay::pricing {

/// body(first, last) for each run. Errors: that of the run with the lowest positions.
template <typename Body>
void in_parallel(std::size_t count, const Body& body) {
  constexpr std::size_t kWorthAThread = 256;  // positions; fewer cost less than a thread
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t runs = std::clamp<std::size_t>(count / kWorthAThread, 1, cores);
  std::vector<std::exception_ptr> errors(runs);
  const auto run = [&](std::size_t part) {
    try {
      body(count * part / runs, count * (part + 1) / runs);
    } catch (...) {
      errors[part] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t part = 1; part < runs; ++part) threads.emplace_back(run, part);
  run(0);
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace assay::pricing
