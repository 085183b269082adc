#include "kernels/transformer/cuda_reduction.h"

namespace assay::transformer {

using cuda::nccl::DataType;

CudaReduction::CudaReduction(const Gang& gang, const cuda::Stream& stream,
                             const ParameterList& list, float* gradient, double* loss)
    : gang_(gang),
      stream_(stream),
      list_(list),
      gradient_(gradient),
      loss_(loss),
      reducing_(stream.device()),
      complete_(stream.device()),
      summed_(stream.device()),
      end_(list.decaying) {}

void CudaReduction::layer_is_complete(std::size_t layer) {
  const std::int64_t begin = list_.at(list_.layers[layer].qkv).offset;
  const auto bytes = static_cast<std::size_t>(end_ - begin) * sizeof(float);
  if (bytes < gang_.bucket_bytes) return;
  sum(begin, end_);
  end_ = begin;
}

void CudaReduction::finish() {
  sum(0, end_);
  sum(list_.decaying, list_.total);
  gang_.communicator->all_reduce(reducing_, loss_, loss_, 1, DataType::fp64);
  summed_.order(reducing_, stream_);
  end_ = list_.decaying;
}

void CudaReduction::sum(std::int64_t from, std::int64_t to) {
  complete_.order(stream_, reducing_);
  gang_.communicator->all_reduce(reducing_, gradient_ + from, gradient_ + from,
                                 static_cast<std::size_t>(to - from), DataType::fp32);
}

}  // namespace assay::transformer
