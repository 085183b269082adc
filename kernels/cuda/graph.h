#pragma once
/// CUDA graphs: what a stream was given once, given again by one launch. The host decides nothing
/// in between, so a replay costs it some microseconds however many kernels it has.
///
/// Addresses and scalars are those of the recording: what changes from replay to replay lies in
/// device memory.
#include <functional>
#include <utility>

#include "kernels/cuda/device.h"

namespace assay::cuda {

class Graph {
 public:
  /// Calls `record` and keeps what it enqueues, which is not done now. All that it launches has run
  /// before, so that kernels are loaded and libraries have made their choices. Capture is
  /// thread-local: calls of other threads are not disturbed. Errors: as `record`; check_error
  /// naming the call that failed.
  Graph(const Stream& stream, const std::function<void()>& record);
  ~Graph();
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;

  /// Enqueues all of it. The stream is one of the same device.
  void launch(const Stream& stream) const;

 private:
  Device* device_;
  GraphExecutableHandle executable_ = nullptr;
};

}  // namespace assay::cuda
