#pragma once
/// Freivalds' check of a matrix product: D·x is held against A·(B·x) for random x of ±1, at the
/// cost of a few passes over the matrices instead of the product.
/// Source: R. Freivalds, "Probabilistic machines can use less running time", IFIP 1977.
///
/// The bound. Let u be the unit of the sums (2^-24 for FP32, 2^-53 for FP64), E = D - A·B the
/// rounding error of the product, and w the relative error of storing D in BF16 (2^-9) or FP16
/// (2^-12), 0 where D has the type of the sums. (w is half the unit roundoff: over a binade the
/// root mean square is 0.38 of it.)
///  1. Summing k terms in any order errs, with rounding errors independent and of mean zero, by at
///     most  λ·√k·u · Σ_l |a_il·b_lj|  with probability 1 - 2·exp(-λ²/2)
///     (N. Higham and T. Mary, SIAM J. Sci. Comput. 41(5), 2019, theorem 2.4);
///     by Cauchy and Schwarz the sum is at most ‖a_i‖·‖b_j‖. Storing adds w·|d_ij|.
///  2. x is drawn after D, so given E its signs are independent: by Hoeffding's inequality
///     |(E·x)_i| <= λ·‖e_i‖ with probability 1 - 2·exp(-λ²/2).
///  Together  |(D·x - A·B·x)_i| <= λ·( λ·√k·u·‖a_i‖·‖B‖ + w·‖d_i‖ ),  Frobenius' norm of B.
///  λ is set so that over all rows, columns and vectors a right product is refused with probability
///  below 1e-9. A bias adds ‖a_i‖·‖B‖ a term; it is part of A·B as one more l.
/// Int8 products are exact: the bound is 0.
///
/// Tensor cores truncate where step 1 rounds (M. Fasi et al., PeerJ Comput. Sci. 7:e330, 2021):
/// each step over s terms errs by up to 2u of the partial sum, to one side. Operands here have mean
/// zero, so partial sums of j terms stay below λ·√j of σ_a·σ_b where ‖a_i‖·‖b_j‖ is k of it; over
/// k/s steps that adds up to λ·√k·u·4/(3s) · ‖a_i‖·‖b_j‖, less than step 1 allows for any s >= 2.
///
/// FP8 on Hopper and Ada: products are aligned to the largest and cut to 13 bits below it before
/// they are added, and where fast accumulation is off such sums are added up in FP32 at intervals
/// (DeepSeek-AI, arXiv 2412.19437, section 3.3.2; 128 terms there, and assumed of the library).
/// Each of k products thus errs by 2^-13 of at most twice the partial sum of 128 terms,
/// √128·σ_a·σ_b, with the sign of the product, which is random: √k·2^-13·2·√128·σ_a·σ_b in all. The
/// bound takes four times that:  ‖e_i‖ <= 8·√128·2^-13/√k · ‖a_i‖·‖B‖  in place of step 1.
///
/// FP64: the check itself computes in FP64, and its own sums err by up to λ·u·(√n·‖d_i‖ +
/// (√n + √k)·‖a_i‖·‖B‖), which is added.
///
/// What it finds: an error vector e_i of a row passes one x only if |e_i·x| stays within the
/// bound; signs being random, e_i·x has the deviation ‖e_i‖, so an error of ‖e_i‖ = 10 bounds
/// passes kVectors of them with a probability of (0.08)^8. A dropped tile of 64 of 2048 terms of
/// normal data is 20 bounds (BF16 output: 7) in every row that it touches.
#include <cstdint>
#include <string>

#include "kernels/gemm/gemm.h"

namespace assay::gemm {

inline constexpr int kVectors = 8;

/// Element types: those that have a product (operation.h); tf32 operands are float, and hold only
/// what TF32 represents.
/// error: the largest |D·x - A·B·x| over its bound, over rows and vectors (int8: the largest
/// difference); bound: 1 (int8: 0). `bias` may be null. The product must not accumulate.
/// x is drawn by Philox under `key`.
template <class A, class B, class Out>
[[nodiscard]] Check freivalds_check(std::string name, const Product& product, const A* a,
                                    const B* b, const B* bias, const Out* d, std::uint64_t key);

}  // namespace assay::gemm
