#pragma once
/// Token and position embedding, forward and backward.
///
///   x[b,t,:]          = wte[token[b,t],:] + wpe[t,:]         (wpe may be absent)
///   dwte[token[b,t],:] += dx[b,t,:],   dwpe[t,:] += dx[b,t,:]
/// Source: A. Vaswani et al., arXiv 1706.03762, section 3.4, with learnt positions.
///
/// The backward pass is deterministic: each row of dwte is summed in the order of the tokens,
/// whatever the number of threads. Tokens must lie in [0, V); nothing checks it here.
///
/// FLOPs: forward B·T·C where there are positions, else 0; backward B·T·C for each of the two
/// gradients (not model FLOPs: a look-up is no product).
/// Bytes: forward the looked-up row, the position table once, x once; backward dx once, each
/// token's gradient row read and written, the position gradient read and written. Rows that no
/// token names are not touched. A token that occurs twice is counted twice.
///
/// On CUDA: kernels/embedding/embedding_cuda.h.
/// Decomposition on a CPU: forward by token. Backward by columns: a thread owns a contiguous range
/// of whole cache lines of the width and walks over all tokens in order, so no two threads ever add
/// to the same number, nothing is sorted, and the work is O(B·T·C), not O(V·C). At most C/16
/// threads find work.
#include <cstdint>
#include <vector>

#include "kernels/embedding/operands.h"
#include "kernels/workload.h"

namespace assay::embedding {

template <class T>
struct CpuKernels {
  /// tokens: (B, T); wte: (V, C); wpe: (T, C) or null; x: (B, T, C).
  void (*forward)(const Shape&, const std::int32_t* tokens, const T* wte, const T* wpe, T* x);
  /// dx: (B, T, C); dwte: (V, C) and dwpe: (T, C) or null are added to.
  void (*backward)(const Shape&, const std::int32_t* tokens, const T* dx, float* dwte, float* dwpe);
};

template <class Real>
void forward_reference(const Shape& shape, const std::int32_t* tokens, const Real* wte,
                       const Real* wpe, Real* x);
template <class Real>
void backward_reference(const Shape& shape, const std::int32_t* tokens, const Real* dx, Real* dwte,
                        Real* dwpe);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::embedding
