#pragma once
/// Freivalds' check of a matrix product: D·x is held against A·(B·x) for random x of ±1, at the
/// cost of a few passes over the matrices instead of the product.
/// Source: R. Freivalds, "Probabilistic machines can use less running time", IFIP 1977.
///
/// The bound. Let u = 2^-24, and let E = D - A·B be the rounding error of a product summed in
/// FP32 and, where the output is BF16, rounded to it with unit w = 2^-9 (w = 0 for FP32).
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
/// What it finds: an error vector e_i of a row passes one x only if |e_i·x| stays within the
/// bound; signs being random, e_i·x has the deviation ‖e_i‖, so an error of ‖e_i‖ = 10 bounds
/// passes kVectors of them with a probability of (0.08)^8. A dropped tile of 64 of 2048 terms of
/// normal data is 20 bounds (BF16 output: 7) in every row that it touches.
#include <cstdint>
#include <string>

#include "kernels/gemm/gemm.h"

namespace assay::gemm {

inline constexpr int kVectors = 8;

/// error: the largest |D·x - A·B·x| over its bound, over rows and vectors (int8: the largest
/// difference); bound: 1 (int8: 0). `bias` may be null. The product must not accumulate.
/// x is drawn by Philox under `key`.
template <class In, class Out>
[[nodiscard]] Check freivalds_check(std::string name, const Product& product, const In* a,
                                    const In* b, const In* bias, const Out* d, std::uint64_t key);

}  // namespace assay::gemm
