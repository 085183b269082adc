#pragma once
/// Several devices of a node as one workload uses them: each with a stream of its own, which the
/// workload's stream starts and waits for.
#include <functional>
#include <memory>
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/inputs.h"
#include "kernels/workload.h"

namespace assay::links {

/// A device's part. Its buffers are freed with its context current.
struct Rank {
  std::unique_ptr<cuda::Device> device;
  std::unique_ptr<cuda::Stream> stream;
  std::unique_ptr<cuda::Event> done;
  cuda::Buffer<float> from;
  cuda::Buffer<float> to;
};

class Node {
 public:
  /// Opens the devices of those ordinals. The stream's device is current before and after each
  /// call, errors included.
  Node(cuda::Stream& stream, const std::vector<int>& ordinals);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] cuda::Stream& stream() const { return stream_; }
  [[nodiscard]] std::size_t size() const { return ranks_.size(); }
  [[nodiscard]] Rank& rank(std::size_t i) { return ranks_[i]; }
  /// action(rank, i) for each, with its context current.
  void each(const std::function<void(Rank&, std::size_t)>& action);
  /// work() between the moment when all that is before it on the stream is done, and the moment
  /// from which the stream goes on.
  void ordered(const std::function<void()>& work);

 private:
  cuda::Stream& stream_;
  cuda::Event begin_;
  std::vector<Rank> ranks_;
};

/// The stream's device and those of the lowest other ordinals, `devices` in all.
[[nodiscard]] std::vector<int> ordinals_with(const cuda::Stream& stream, int devices);

/// What element i of rank r holds: an integer under 1021, so that sums over 64 ranks are exact.
[[nodiscard]] constexpr float element(std::int64_t seed, std::int64_t rank, std::int64_t i) {
  return static_cast<float>((seed + 31 * rank + i) % 1021);
}
[[nodiscard]] inline std::int64_t drawn_seed(const InputKey& key) {
  return static_cast<std::int64_t>(integer_input(key.key, 1, 1, 1020)[0]);
}

/// Elements of `values` that differ from expected(i).
[[nodiscard]] Check elements_that_differ(const std::vector<float>& values,
                                         const std::function<float(std::int64_t)>& expected);

/// What all declarations of this family share.
[[nodiscard]] Workload declare(const char* operation, std::vector<Dimension> problem,
                               std::int64_t bytes, int devices);

}  // namespace assay::links
