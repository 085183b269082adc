#include "kernels/inputs.h"

#include <cmath>
#include <numbers>

#include "base/philox.h"
#include "kernels/fp16.h"

namespace assay {
namespace {

/// Four normal(0, 1) draws from one Philox block, by Box-Muller.
void normals(const Philox4& draw, double (&out)[4]) {
  for (int pair = 0; pair < 2; ++pair) {
    const double radius = std::sqrt(-2.0 * std::log(philox_uniform(draw.word[2 * pair])));
    const double angle = 2.0 * std::numbers::pi * philox_uniform(draw.word[2 * pair + 1]);
    out[2 * pair] = radius * std::cos(angle);
    out[2 * pair + 1] = radius * std::sin(angle);
  }
}

template <class T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else {
    return from_float<T>(static_cast<float>(value));
  }
}

}  // namespace

template <class T>
std::vector<T> normal_input(std::uint64_t key, std::uint64_t stream, std::int64_t n, double mean,
                            double deviation) {
  std::vector<T> values(static_cast<std::size_t>(n));
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < (n + 3) / 4; ++block) {
    double four[4];
    normals(philox(key, static_cast<std::uint64_t>(block), stream), four);
    for (std::int64_t i = block * 4; i < n && i < block * 4 + 4; ++i) {
      values[static_cast<std::size_t>(i)] = rounded<T>(mean + deviation * four[i - block * 4]);
    }
  }
  return values;
}

template std::vector<float> normal_input<float>(std::uint64_t, std::uint64_t, std::int64_t, double,
                                                double);
template std::vector<Bf16> normal_input<Bf16>(std::uint64_t, std::uint64_t, std::int64_t, double,
                                              double);
template std::vector<Fp16> normal_input<Fp16>(std::uint64_t, std::uint64_t, std::int64_t, double,
                                              double);
template std::vector<double> normal_input<double>(std::uint64_t, std::uint64_t, std::int64_t,
                                                  double, double);

std::vector<std::int32_t> integer_input(std::uint64_t key, std::uint64_t stream, std::int64_t n,
                                        std::int32_t bound) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t word = philox(key, i, stream).word[0];
    values[i] = static_cast<std::int32_t>((word * static_cast<std::uint64_t>(bound)) >> 32);
  }
  return values;
}

template <class T>
std::vector<double> to_double(const std::vector<T>& values) {
  std::vector<double> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, double>) {
      result[i] = values[i];
    } else {
      result[i] = static_cast<double>(to_float(values[i]));
    }
  }
  return result;
}
template std::vector<double> to_double<float>(const std::vector<float>&);
template std::vector<double> to_double<Bf16>(const std::vector<Bf16>&);
template std::vector<double> to_double<Fp16>(const std::vector<Fp16>&);

template <class T>
std::vector<float> to_single(const std::vector<T>& values) {
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = to_float(values[i]);
  return result;
}
template std::vector<float> to_single<float>(const std::vector<float>&);
template std::vector<float> to_single<Bf16>(const std::vector<Bf16>&);
template std::vector<float> to_single<Fp16>(const std::vector<Fp16>&);

}  // namespace assay
