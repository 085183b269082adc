#include <omp.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/block_backward.h"
#include "kernels/attention/block_forward.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/scratch.h"

namespace assay::attention {
namespace {

template <class T>
void forward(const Shape& shape, const Forward<T>& operands) {
  const Blocking blocking = blocking_of<T>(shape);
  const std::int64_t threads = omp_get_max_threads();
  const std::int64_t heads = shape.batch * shape.heads;
  // A row's result does not depend on which piece computes it, so the number of pieces may follow
  // the number of threads: four tasks for each keep them all busy to the end.
  const std::int64_t blocks = round_up(shape.sequence, kQueryRows) / kQueryRows;
  const std::int64_t pieces = smaller(blocks, (4 * threads + heads - 1) / heads);
  const std::int64_t workspace = ForwardWorkspace<T>::size(blocking);
  Scratch<float> scratch(threads * workspace);
  float* memory = scratch.data();
#pragma omp parallel for schedule(dynamic, 1)
  for (std::int64_t task = 0; task < heads * pieces; ++task) {
    const std::int64_t head = task / pieces;
    forward_piece<T>(shape, operands, blocking, {head / shape.heads, head % shape.heads},
                     {task % pieces, pieces}, memory + omp_get_thread_num() * workspace);
  }
}

/// dk and dv of a key head: the sum over its query heads, in order.
template <class T>
void add_query_heads(const Shape& shape, const Blocking& blocking, const float* partial, T* out) {
  const std::int64_t group = shape.heads / shape.kv_heads;
  const std::int64_t head_elements = blocking.padded_sequence * blocking.columns;
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    const std::int64_t batch = row / shape.sequence;
    const std::int64_t position = row % shape.sequence;
    for (std::int64_t head = 0; head < shape.kv_heads; ++head) {
      const float* first = partial + (batch * shape.heads + head * group) * head_elements +
                           position * blocking.columns;
      T* to = out + row * shape.row_stride + head * shape.head_size;
#pragma omp simd
      for (std::int64_t i = 0; i < shape.head_size; ++i) {
        float sum = 0.0F;
        for (std::int64_t h = 0; h < group; ++h) sum += first[h * head_elements + i];
        to[i] = from_float<T>(sum);
      }
    }
  }
}

/// dq: the sum over the pieces whose keys a query sees, in order.
template <class T>
void add_pieces(const Shape& shape, const Blocking& blocking, std::int64_t pieces,
                const float* partial, T* dq) {
  const std::int64_t piece_elements = blocking.padded_sequence * blocking.columns;
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    const std::int64_t batch = row / shape.sequence;
    const std::int64_t position = row % shape.sequence;
    const std::int64_t seen = smaller(pieces, position / kKeyRows + 1);
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const float* first = partial + (batch * shape.heads + head) * pieces * piece_elements +
                           position * blocking.columns;
      T* to = dq + row * shape.row_stride + head * shape.head_size;
#pragma omp simd
      for (std::int64_t i = 0; i < shape.head_size; ++i) {
        float sum = 0.0F;
        for (std::int64_t piece = 0; piece < seen; ++piece) {
          sum += first[piece * piece_elements + i];
        }
        to[i] = from_float<T>(sum);
      }
    }
  }
}

template <class T>
void backward(const Shape& shape, const Backward<T>& operands) {
  const Blocking blocking = blocking_of<T>(shape);
  const std::int64_t threads = omp_get_max_threads();
  const std::int64_t heads = shape.batch * shape.heads;
  // Pieces change the order of dq's sums, so their number follows from the shape alone.
  constexpr std::int64_t kEnoughTasks = 16;
  const std::int64_t blocks = round_up(shape.sequence, kKeyRows) / kKeyRows;
  const std::int64_t pieces = smaller(blocks, (kEnoughTasks + heads - 1) / heads);
  const std::int64_t head_elements = blocking.padded_sequence * blocking.columns;
  const bool grouped = shape.heads != shape.kv_heads;
  const bool divided = pieces > 1;
  const std::int64_t workspace = BackwardWorkspace<T>::size(blocking);
  Scratch<float> scratch(threads * workspace);
  Scratch<float> partial_kv(grouped ? 2 * heads * head_elements : 0);
  Scratch<float> partial_q(divided ? heads * pieces * head_elements : 0);
  float* memory = scratch.data();
  float* partial_dk = grouped ? partial_kv.data() : nullptr;
  float* partial_dv = grouped ? partial_dk + heads * head_elements : nullptr;
  float* partial_dq = divided ? partial_q.data() : nullptr;
#pragma omp parallel for schedule(dynamic, 1)
  for (std::int64_t task = 0; task < heads * pieces; ++task) {
    const std::int64_t head = task / pieces;
    const Partials partials{divided ? partial_dq + task * head_elements : nullptr,
                            grouped ? partial_dk + head * head_elements : nullptr,
                            grouped ? partial_dv + head * head_elements : nullptr};
    backward_piece<T>(shape, operands, blocking, {head / shape.heads, head % shape.heads},
                      {task % pieces, pieces}, partials, memory + omp_get_thread_num() * workspace);
  }
  if (grouped) {
    add_query_heads(shape, blocking, partial_dk, operands.dk);
    add_query_heads(shape, blocking, partial_dv, operands.dv);
  }
  if (divided) add_pieces(shape, blocking, pieces, partial_dq, operands.dq);
}

template <class T>
constexpr CpuKernels<T> kKernels = {forward<T>, backward<T>};

}  // namespace
}  // namespace assay::attention

namespace assay {

template <>
const attention::CpuKernels<float>& kernels_at<attention::CpuKernels<float>, kBuildLevel>() {
  return attention::kKernels<float>;
}
template <>
const attention::CpuKernels<Bf16>& kernels_at<attention::CpuKernels<Bf16>, kBuildLevel>() {
  return attention::kKernels<Bf16>;
}

}  // namespace assay
