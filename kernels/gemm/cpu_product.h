#pragma once
/// Matrix products on a CPU, by oneDNN 2.6.
///
/// Which of oneDNN's ways is taken was measured (2 cores of a Zen 5 with AVX512-BF16, GFLOP/s,
/// the cost of packing included; K = 768, N = 3072, so "fc" of GPT-2 124M):
///
///                                            BF16, rows 256 / 1024    FP32, rows 256 / 1024
///   forward    matmul, plain strides              1030 /  830               477 / 501
///              matmul, packed weights              846 /  931               446 / 503
///              inner product, packed weights       850 /  947               443 / 508
///   dX         matmul, plain strides               966 /  863               421 / 429
///              matmul, packed weights              838 /  940               461 / 489
///              inner product backward data         795 /  848               371 / 447
///   dW         matmul, plain strides               988 /  819               491 / 491
///              matmul, packed X                    983 /  912               498 / 430
///              inner product backward weights      803 /  842               365 / 323
///              matmul over a variable extent       962 /  947               473 / 460
///   dW +=      matmul, plain strides               834 /  779               376 / 435
///              matmul, packed X                    889 /  819                 - /   -
///
/// Weights change each step, so packing is paid each time: it is worth it from about 512 rows.
/// Rows whose bytes are an odd multiple of 2 lose 10 % to 50 % (N = 50,257 of the output head), so
/// the step pads the vocabulary to a multiple of 64. A variable extent makes oneDNN take another
/// kernel ("gemm:jit"), which is the best for weight gradients of any size, and for experts, whose
/// rows change from step to step, spares a cache of primitives (0.15 ms to make one) and padding.
///
/// Int8: with VNNI all operands are exact. Without it oneDNN adds pairs of products in 16 bits that
/// saturate (after shifting A by 128), so only |b| <= 64 is exact; the workloads keep to that.
///
/// Determinism: the same product with the same number of threads gives the same bits. Another
/// number of threads may split the sum over k otherwise.
#include <cstddef>
#include <memory>
#include <string>

#include "kernels/cpu/cpu_level.h"
#include "kernels/gemm/gemm.h"

namespace assay::gemm {

/// Holds oneDNN to an instruction-set level. oneDNN allows that once in a process, before its
/// first use; so does this function, which CpuProduct's constructor calls.
/// Errors: check_error if oneDNN was already used at another level.
void use_level(CpuLevel level);

/// "oneDNN 2.6.3" and the instruction set that it really uses.
[[nodiscard]] std::string library_text();

/// Memory for packed operands, shared by products that do not run at the same time.
class Workspace {
 public:
  void reserve(std::size_t bytes);
  [[nodiscard]] void* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

/// One product, prepared: the primitive is made once, run often. Uses the ambient number of OpenMP
/// threads at construction. Not for concurrent runs of one object.
class CpuProduct {
 public:
  /// Errors: input_error for extents or element types that no form has; check_error as use_level.
  CpuProduct(CpuLevel level, const Product& product, std::shared_ptr<Workspace> workspace);
  ~CpuProduct();
  CpuProduct(CpuProduct&&) noexcept;
  CpuProduct& operator=(CpuProduct&&) noexcept;

  /// `bias` is null where the product has none. `variable` is the extent declared kVariable.
  /// Errors: input_error if the element types are not those of the product.
  template <class In, class Out>
  void run(const In* a, const In* b, const In* bias, Out* d, std::int64_t variable = 0) const {
    require_elements(element_of<In>(), element_of<Out>());
    execute(a, b, bias, d, variable);
  }

  [[nodiscard]] const Product& product() const;
  /// oneDNN's name of the kernel: "brg:avx512_core_bf16".
  [[nodiscard]] std::string kernel() const;

 private:
  void require_elements(Element input, Element output) const;
  void execute(const void* a, const void* b, const void* bias, void* d,
               std::int64_t variable) const;

  struct Prepared;
  std::unique_ptr<Prepared> prepared_;
};

}  // namespace assay::gemm
