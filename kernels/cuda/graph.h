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

/// What one stream waits for of another, without the host: also inside of a recording, which then
/// has both streams' work.
class Dependency {
 public:
  explicit Dependency(Device& device);
  ~Dependency();
  Dependency(const Dependency&) = delete;
  Dependency& operator=(const Dependency&) = delete;

  /// What `later` is given from now on comes after all that `earlier` was given so far.
  void order(const Stream& earlier, const Stream& later) const;

 private:
  Device& device_;
  EventHandle event_ = nullptr;
};

}  // namespace assay::cuda
