#pragma once
/// NVTX 3 ranges, where the build found its headers (ASSAY_NVTX). They are headers only: a profiler
/// that runs the program hands in what takes the ranges, and without one each call is a test of a
/// pointer.
#include <string>

namespace assay::harness::nvtx {

[[nodiscard]] bool is_available();
void push(const std::string& name);
void pop();

/// From its making to its end.
class Range {
 public:
  explicit Range(const std::string& name) { push(name); }
  ~Range() { pop(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace assay::harness::nvtx
