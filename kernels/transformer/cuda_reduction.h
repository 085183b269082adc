#pragma once
/// Data parallel: the gradients of a gang's devices summed by NCCL, while the backward pass goes
/// on.
///
/// Parameters lie in the order of the layers (parameters.h), and the backward pass leaves their
/// gradients from the last layer to the first. So what is complete and not yet summed is always one
/// stretch; once it is as long as a bucket it is summed on a stream of its own.
#include <cstddef>
#include <cstdint>

#include "kernels/cuda/graph.h"
#include "kernels/cuda/nccl.h"
#include "kernels/transformer/parameters.h"

namespace assay::transformer {

/// A device's place in a gang. Each rank's step is made and iterated in a thread of its own.
struct Gang {
  cuda::nccl::Communicator* communicator = nullptr;  ///< null: a device alone
  /// Long enough that a link is at its rate, short enough that the last one is soon done.
  std::size_t bucket_bytes = std::size_t{64} << 20U;

  [[nodiscard]] int rank() const { return communicator == nullptr ? 0 : communicator->rank(); }
  [[nodiscard]] int ranks() const { return communicator == nullptr ? 1 : communicator->ranks(); }
};

class CudaReduction {
 public:
  /// Of `gradient` (list.total) and one number beside it, in place. All outlive it; gang has a
  /// communicator.
  CudaReduction(const Gang& gang, const cuda::Stream& stream, const ParameterList& list,
                float* gradient, double* loss);

  /// Called where the stream has been given all that adds to the gradients of a layer and of those
  /// after it, the output head of its own among them.
  void layer_is_complete(std::size_t layer);
  /// Sums the rest; what the stream is given from now on comes after all sums.
  void finish();

 private:
  void sum(std::int64_t from, std::int64_t to);

  Gang gang_;
  const cuda::Stream& stream_;
  const ParameterList& list_;
  float* gradient_;
  double* loss_;
  cuda::Stream reducing_;
  cuda::Dependency complete_;
  cuda::Dependency summed_;
  std::int64_t end_;  ///< of what is not summed yet
};

}  // namespace assay::transformer
