#pragma once
/// A hash of weights' bits that any order of summation gives: Σ over i of splitmix64's finaliser of
/// (i, weight i), modulo 2^64. (G. Steele et al., OOPSLA 2014, for the finaliser.)
#include <cstdint>

namespace assay::transformer {

[[nodiscard]] std::uint64_t hash_of(const float* weights, std::int64_t n);

}  // namespace assay::transformer
