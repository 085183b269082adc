#pragma once
/// Matrix products on CUDA, by cuBLASLt (kernels/cuda/blas.h).
///
/// Layout. The library is column-major, our matrices are row-major: a row-major (r, c) matrix is
/// the column-major (c, r) matrix of the same bytes. So D = op(A)·op(B) is asked for as Dᵀ =
/// op(B)ᵀ·op(A)ᵀ: our B is its A and our A is its B, neither is copied, and a matrix that we store
/// transposed is one that it transposes. Its rows are our n, its columns our m; a bias(n) is thus
/// one for each of its rows, as it wants it.
///
/// Precision is pinned by the compute type, and checked of each algorithm that is used:
///   fp64  FP64, never emulated by integers        fp32  FP32, pedantic: no TF32 on the way
///   tf32  TF32 products, FP32 sums                fp16, bf16  their products, FP32 sums
///   fp8   its products, FP32 sums at intervals (fast accumulation off; freivalds.h)
///   int8  exact int32
/// Sums that an algorithm splits over k are added up in the type of the sums, never in a narrower
/// output's.
///
/// The algorithm. As a ladder:
///   1. The heuristic's first proposal: free, and by its own account an estimate.
///   2. Its eight proposals, timed on the device once a plan, before the first use: choose(). What
///      was chosen stands in notes() and, with all that it depends on, in choice(), one line; a
///      later process gives that line to adopt() and runs the same code without timing anything;
///      devices that share a book of choices (kernels/cuda/choice_book.h) do so by themselves.
/// Times are taken on operands that stay in the L2 cache where they fit: they order algorithms, and
/// are no measurement of the product.
///
/// A variable extent (the tokens that an expert happens to receive) is known to the host when it
/// calls run(). Descriptors are made for each extent that occurs and kept; algorithms are chosen
/// for the powers of two up to the largest extent, and an extent takes that of the next larger one,
/// or the heuristic's first proposal where the library refuses that for it. Under graph replay,
/// where the host does not know the extent, a plan with the fixed capacity serves.
///
/// FLOPs: 2·m·n·k; bytes issued are the library's affair.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/blas.h"
#include "kernels/cuda/device.h"
#include "kernels/gemm/algorithm_choice.h"
#include "kernels/gemm/operation.h"

namespace assay::gemm {

/// Device addresses, each a multiple of 16 bytes, of the element types that the operation says;
/// those that it does not have are null.
struct Operands {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* bias = nullptr;
  void* d = nullptr;
  void* saved = nullptr;
  void* bias_gradient = nullptr;
  const float* a_scale = nullptr;  ///< FP8; null is 1
  const float* b_scale = nullptr;
};

/// Device memory for split sums, shared by products that do not run at the same time; its address
/// is a multiple of 256 bytes.
struct DeviceWorkspace {
  void* data = nullptr;
  std::size_t bytes = 0;
};
/// What NVIDIA recommends: 32 MiB from compute capability 9.0 on, else 4 MiB.
[[nodiscard]] std::size_t recommended_workspace_bytes(int compute_capability);

/// One operation, prepared once, run often. Not for concurrent runs of one object; library and
/// device outlive it.
///
/// Errors: input_error for operations and operands that refusal() or the comments here exclude;
/// check_error naming the library's call that failed.
class CudaPlan {
 public:
  CudaPlan(const cuda::blas::Context& library, const cuda::Device& device,
           const Operation& operation, const DeviceWorkspace& workspace);

  /// Times the heuristic's proposals on these operands and keeps the fastest. Outputs are written
  /// many times over (accumulated ones keep no meaning). `largest`: the largest variable extent,
  /// which the operands have room for; 0 where none is variable.
  void choose(const cuda::Stream& stream, const Operands& operands, std::int64_t largest = 0);

  /// What was chosen, as one line without blanks. Errors: check_error before choose() or adopt().
  [[nodiscard]] std::string choice() const;
  /// Takes over a choice. Errors: input_error where it was made for another operation, device,
  /// workspace or version of the library, or is none.
  void adopt(std::string_view choice);

  /// Enqueues the operation. `extent`: the variable extent; 0 rows are no work, a sum over 0 rows
  /// is zeros (and leaves an accumulated output as it is). Errors: also check_error before choose()
  /// or adopt().
  void run(const cuda::Stream& stream, const Operands& operands, std::int64_t extent = 0);

  [[nodiscard]] const Operation& operation() const { return operation_; }
  /// Library, algorithm, its precision, times of the candidates in the heuristic's order, choice.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> notes() const;

 private:
  struct Layouts {
    cuda::blas::Layout a, b, d;
  };
  /// An operation whose extents are all known: its layouts, and the algorithm that runs it.
  struct Fitted {
    Layouts layouts;
    cuda::blas::Algorithm algorithm;
  };
  struct Choice {
    Candidate chosen;
    std::vector<Candidate> candidates;  ///< empty where it was adopted
  };

  [[nodiscard]] Product with_extent(std::int64_t extent) const;
  [[nodiscard]] Layouts layouts_of(const Product& product) const;
  [[nodiscard]] std::vector<Candidate> proposals(const Layouts& layouts, int most) const;
  /// Nothing where the result asks for more workspace or keeps less precision.
  [[nodiscard]] std::optional<Candidate> candidate_of(
      const cuda::blas::HeuristicResult& result) const;
  /// Nothing where the library refuses the algorithm, or candidate_of() does.
  [[nodiscard]] std::optional<Candidate> checked(const Layouts& layouts,
                                                 const cuda::blas::Algorithm& algorithm) const;
  [[nodiscard]] Choice choose_for(const cuda::Stream& stream, const Operands& operands,
                                  std::int64_t extent) const;
  [[nodiscard]] Fitted fit(std::int64_t extent) const;
  void choose_anew(const cuda::Stream& stream, const Operands& operands, std::int64_t largest);
  [[nodiscard]] std::string conditions() const;
  void require(const Operands& operands) const;
  void point_to(const Operands& operands) const;
  [[nodiscard]] cuda::blas::Status enqueue(const cuda::Stream& stream, const Operands& operands,
                                           const Layouts& layouts,
                                           const cuda::blas::Algorithm& algorithm) const;
  void sum_nothing(const cuda::Stream& stream, const Operands& operands) const;

  const cuda::blas::Context& library_;
  const cuda::blas::Table& table_;
  int compute_capability_;
  Operation operation_;
  DeviceWorkspace workspace_;
  cuda::blas::Multiplication multiplication_;
  std::map<std::int64_t, Choice> choices_;  ///< by the largest extent each is for; 0 where fixed
  std::map<std::int64_t, Fitted> fitted_;   ///< by extent; 0 where fixed
};

}  // namespace assay::gemm
