#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "kernels/cuda/device_code/async_copy.cuh"
#include "kernels/cuda/device_code/double_sum.cuh"
#include "kernels/cuda/device_code/exponential.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"

namespace assay::cross_entropy {
namespace {

using cuda::exponential;
using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

constexpr int kStages = 4;                   // groups of copies of a row
constexpr int kBatch = 4;                    // packs that a thread reads before it uses them
constexpr float kLowest = -3.402823466e38F;  // finite, so that rows may hold -infinity

/// A row of logits: single ones up to a multiple of 16 bytes, whole packs, single ones again.
template <class T>
struct Row {
  static constexpr int kElements = kPackedElements<T>;

  T* z;
  int head;     ///< single logits before the packs
  int packs;    ///< whole packs below the vocabulary
  int singles;  ///< logits in no pack, fewer than 2·kElements: no more than a warp has lanes

  __device__ Row(T* first, int vocabulary) : z(first) {
    const auto beyond = static_cast<int>(reinterpret_cast<std::uintptr_t>(first) % 16 / sizeof(T));
    head = min((kElements - beyond) % kElements, vocabulary);
    packs = (vocabulary - head) / kElements;
    singles = vocabulary - packs * kElements;
  }
  __device__ __forceinline__ int column_of_pack(int pack) const { return head + pack * kElements; }
  __device__ __forceinline__ int column_of_single(int single) const {
    return single < head ? single : single + packs * kElements;
  }
};

/// Σ exp(z - largest) over the logits added so far, as of the largest of them.
struct RunningSum {
  float largest = kLowest;
  float sum = 0.0F;

  template <class T, int N>
  __device__ __forceinline__ void add(const Pack<T, N>& z) {
    float raised = largest;
#pragma unroll
    for (int i = 0; i < N; ++i) raised = fmaxf(raised, to_float(z.element[i]));
    sum *= exponential(largest - raised);
#pragma unroll
    for (int i = 0; i < N; ++i) sum += exponential(to_float(z.element[i]) - raised);
    largest = raised;
  }
};

/// What a row's gradients are computed from.
struct Softmax {
  float largest;
  float log_total;
  float factor;  ///< scale / total
  float scale;
  int target;
  float* loss;

  /// The gradients of the logits z from `column` on; the thread that has the target also writes the
  /// loss.
  template <class T, int N>
  __device__ __forceinline__ Pack<T, N> gradient(const Pack<T, N>& z, int column) const {
    Pack<T, N> result;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      result.element[i] = from_float<T>(factor * exponential(to_float(z.element[i]) - largest));
    }
    if (column <= target && target < column + N) {
#pragma unroll
      for (int i = 0; i < N; ++i) {
        if (column + i == target) {
          const float shifted = to_float(z.element[i]) - largest;
          result.element[i] = from_float<T>(factor * exponential(shifted) - scale);
          *loss = log_total - shifted;
        }
      }
    }
    return result;
  }
};

/// A thread's share of the packs that wait in shared memory: every blockDim.x-th, in kStages runs.
struct Share {
  int resident;
  int per_stage;

  __device__ explicit Share(int resident_packs)
      : resident(resident_packs),
        per_stage((resident_packs + kStages * static_cast<int>(blockDim.x) - 1) /
                  (kStages * static_cast<int>(blockDim.x))) {}

  template <class Visit>
  __device__ __forceinline__ void each_pack(int stage, Visit visit) const {
    for (int turn = stage * per_stage; turn < (stage + 1) * per_stage; ++turn) {
      const int pack = turn * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
      if (pack < resident) visit(pack);
    }
  }
};

template <int Stage, class T>
__device__ __forceinline__ void add_resident(const Share& share, const T* kept, RunningSum& sum) {
  constexpr int kElements = kPackedElements<T>;
  cuda::wait_for_copy_groups<kStages - 1 - Stage>();
  share.each_pack(Stage, [&](int pack) { sum.add(load_pack<kElements>(kept + pack * kElements)); });
  if constexpr (Stage + 1 < kStages) add_resident<Stage + 1>(share, kept, sum);
}

template <class T>
__device__ __forceinline__ void forward_backward(const Shape& shape, const std::int32_t* targets,
                                                 float scale, T* logits, float* losses,
                                                 int resident_packs) {
  constexpr int kElements = kPackedElements<T>;
  extern __shared__ uint4 kept_packs[];
  __shared__ float scratch[2][cuda::kWarp];
  T* const kept = reinterpret_cast<T*>(kept_packs);
  const std::int64_t index = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x);
  const int threads = static_cast<int>(blockDim.x);
  const Row<T> row(logits + index * shape.row_stride, static_cast<int>(shape.vocabulary));
  const Share share(min(row.packs, resident_packs));

#pragma unroll
  for (int stage = 0; stage < kStages; ++stage) {
    share.each_pack(stage, [&](int pack) {
      cuda::start_copy_16(kept + pack * kElements, row.z + row.column_of_pack(pack));
    });
    cuda::close_copy_group();
  }
  RunningSum sum;
  Pack<T, 1> single{};
  if (thread < row.singles) {
    single = load_pack<1>(row.z + row.column_of_single(thread));
    sum.add(single);
  }
#pragma unroll kBatch
  for (int pack = share.resident + thread; pack < row.packs; pack += threads) {
    sum.add(load_pack<kElements>(row.z + row.column_of_pack(pack)));
  }
  add_resident<0>(share, kept, sum);

  const float largest = cuda::block_reduce(sum.largest, cuda::Maximum(), scratch[0]);
  const float total =
      cuda::block_reduce(sum.sum * exponential(sum.largest - largest), cuda::Add(), scratch[1]);
  const Softmax softmax{largest, logf(total), scale / total, scale, targets[index], losses + index};

  for (int first = share.resident + thread; first < row.packs; first += kBatch * threads) {
    Pack<T, kElements> z[kBatch];
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int pack = first + i * threads;
      if (pack < row.packs) z[i] = load_pack<kElements>(row.z + row.column_of_pack(pack));
    }
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const int column = row.column_of_pack(first + i * threads);
      if (first + i * threads < row.packs) {
        store_pack(row.z + column, softmax.gradient(z[i], column));
      }
    }
  }
  for (int pack = thread; pack < share.resident; pack += threads) {
    const int column = row.column_of_pack(pack);
    const auto z = load_pack<kElements>(kept + pack * kElements);
    store_pack(row.z + column, softmax.gradient(z, column));
  }
  if (thread < row.singles) {
    const int column = row.column_of_single(thread);
    store_pack(row.z + column, softmax.gradient(single, column));
  }
  for (std::int64_t column = shape.vocabulary + thread; column < shape.row_stride;
       column += threads) {
    row.z[column] = from_float<T>(0.0F);
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kMaxThreads, 2) void cross_entropy_forward_backward_bf16(
    Shape shape, const std::int32_t* targets, float scale, Bf16* logits, float* losses,
    int resident_packs) {
  forward_backward(shape, targets, scale, logits, losses, resident_packs);
}
__global__ __launch_bounds__(kMaxThreads, 2) void cross_entropy_forward_backward_fp32(
    Shape shape, const std::int32_t* targets, float scale, float* logits, float* losses,
    int resident_packs) {
  forward_backward(shape, targets, scale, logits, losses, resident_packs);
}
__global__ __launch_bounds__(kSumThreads) void cross_entropy_add_losses(std::int64_t rows,
                                                                        const float* losses,
                                                                        double factor,
                                                                        double* total) {
  __shared__ double scratch[cuda::kWarp];
  const double sum = cuda::sum_in_double(rows, losses, scratch);
  if (threadIdx.x == 0) *total += factor * sum;
}

}  // extern "C"

}  // namespace assay::cross_entropy
