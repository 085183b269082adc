#include "base/philox.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/random/random.h"

namespace assay::random {
namespace {

constexpr int kLanes = 16;             // Philox blocks drawn side by side
constexpr int kElements = 4 * kLanes;  // and the elements they give

/// word[w][lane]: word w of block first + lane.
struct Words {
  alignas(64) std::uint32_t word[4][kLanes];
};

[[gnu::always_inline]] inline void draw_words(const Draw& draw, std::uint64_t first, Words& words) {
#pragma omp simd
  for (int lane = 0; lane < kLanes; ++lane) {
    const Philox4 four = philox(draw.key, first + static_cast<std::uint64_t>(lane), draw.stream);
    words.word[0][lane] = four.word[0];
    words.word[1][lane] = four.word[1];
    words.word[2][lane] = four.word[2];
    words.word[3][lane] = four.word[3];
  }
}

ASSAY_HOST_DEVICE float float_of_bits(std::uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
ASSAY_HOST_DEVICE std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// -2 ln u with u = (word + ½) / 2^32, to 1e-7 of its value. u = 2^e · (1 + t) with 1 + t in
/// [√½, √2); where e = 0 and u > ½, t is -(1 - u), exact from the complement of the word. The
/// polynomial interpolates (ln(1 + t) - t + t²/2) / t³ at Chebyshev's nodes.
ASSAY_HOST_DEVICE float minus_two_log_uniform(std::uint32_t word) {
  constexpr std::uint32_t kRootHalf = 0x3F3504F3U;  // the bits of √½
  const bool upper = word >= 0x80000000U;
  const auto below = static_cast<std::int32_t>(upper ? ~word : word);
  const float f = (static_cast<float>(below) + 0.5F) * 2.3283064365386963e-10F;  // 2^-32
  const float u = upper ? 1.0F - f : f;
  const std::uint32_t shifted = bits_of_float(u) - kRootHalf;
  const std::int32_t exponent = static_cast<std::int32_t>(shifted) >> 23;
  const float rounded = float_of_bits((shifted & 0x007FFFFFU) + kRootHalf) - 1.0F;
  const float t = upper && exponent == 0 ? -f : rounded;
  float p = 6.971611471e-2F;
  p = p * t - 1.147973385e-1F;
  p = p * t + 1.168541992e-1F;
  p = p * t - 1.242568733e-1F;
  p = p * t + 1.424905765e-1F;
  p = p * t - 1.666780232e-1F;
  p = p * t + 2.000071575e-1F;
  p = p * t - 2.499999696e-1F;
  p = p * t + 3.333333118e-1F;
  const float square = t * t;
  const float log = t - 0.5F * square + t * square * p;
  return -2.0F * (log + static_cast<float>(exponent) * 6.931471806e-1F);
}

struct Turn {
  float cosine;
  float sine;
};

/// Cosine and sine of 2π(word + ½) / 2^32. The nearest quarter turn comes off the word; the rest is
/// x quarter turns, |x| <= ½, with polynomials in x² that interpolate at Chebyshev's nodes.
ASSAY_HOST_DEVICE Turn turn(std::uint32_t word) {
  const std::uint32_t quarter = (word + 0x20000000U) >> 30;
  const auto rest = static_cast<std::int32_t>(word - (quarter << 30));
  const float x = (static_cast<float>(rest) + 0.5F) * 9.313225746154785e-10F;  // 2^-30
  const float square = x * x;
  float s = -4.602149213e-3F;
  s = s * square + 7.968021765e-2F;
  s = s * square - 6.459634777e-1F;
  s = s * square + 1.570796322F;
  s = s * x;
  float c = 9.067398984e-4F;
  c = c * square - 2.086152834e-2F;
  c = c * square + 2.536694104e-1F;
  c = c * square - 1.233700549F;
  c = c * square + 1.0F;
  const bool odd = (quarter & 1U) != 0;
  const std::uint32_t cosine_sign = ((quarter + 1U) & 2U) << 30;
  const std::uint32_t sine_sign = (quarter & 2U) << 30;
  return {float_of_bits(bits_of_float(odd ? s : c) ^ cosine_sign),
          float_of_bits(bits_of_float(odd ? c : s) ^ sine_sign)};
}

/// kElements normals, in the order of the elements.
template <class T>
[[gnu::always_inline]] inline void normals(const Words& words, float mean, float deviation,
                                           T* out) {
  alignas(64) float z[4][kLanes];
  for (int pair = 0; pair < 4; pair += 2) {
#pragma omp simd
    for (int lane = 0; lane < kLanes; ++lane) {
      const float squared = minus_two_log_uniform(words.word[pair][lane]);
      const float radius = deviation * __builtin_sqrtf(squared);
      const Turn angle = turn(words.word[pair + 1][lane]);
      z[pair][lane] = mean + radius * angle.cosine;
      z[pair + 1][lane] = mean + radius * angle.sine;
    }
  }
  alignas(64) float ordered[kElements];
#pragma omp simd
  for (int lane = 0; lane < kLanes; ++lane) {
    ordered[4 * lane] = z[0][lane];
    ordered[4 * lane + 1] = z[1][lane];
    ordered[4 * lane + 2] = z[2][lane];
    ordered[4 * lane + 3] = z[3][lane];
  }
#pragma omp simd
  for (int i = 0; i < kElements; ++i) out[i] = from_float<T>(ordered[i]);
}

/// Fills n elements, kElements at a time; `fill` writes kElements from their words.
template <class T, class Fill>
[[gnu::always_inline]] inline void fill_all(const Draw& draw, std::int64_t n, T* out,
                                            const Fill& fill) {
  const std::int64_t groups = (n + kElements - 1) / kElements;
#pragma omp parallel for schedule(static)
  for (std::int64_t group = 0; group < groups; ++group) {
    Words words;
    draw_words(draw, static_cast<std::uint64_t>(group) * kLanes, words);
    const std::int64_t first = group * kElements;
    if (n - first >= kElements) {
      fill(words, out + first);
    } else {
      T last[kElements];
      fill(words, last);
      for (std::int64_t i = first; i < n; ++i) out[i] = last[i - first];
    }
  }
}

template <class T>
void normal(const Draw& draw, float mean, float deviation, std::int64_t n, T* out) {
  fill_all(draw, n, out, [=](const Words& words, T* to) { normals(words, mean, deviation, to); });
}

void integers(const Draw& draw, std::int32_t low, std::int32_t high, std::int64_t n,
              std::int32_t* out) {
  const auto count = static_cast<std::uint64_t>(std::int64_t{high} - low + 1);
  fill_all(draw, n, out, [=](const Words& words, std::int32_t* to) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int w = 0; w < 4; ++w) {
        const std::uint64_t word = words.word[w][lane];
        to[4 * lane + w] =
            static_cast<std::int32_t>(low + static_cast<std::int64_t>(word * count >> 32));
      }
    }
  });
}

template <class T>
constexpr CpuKernels<T> kKernels = {normal<T>};
constexpr CpuIntegerKernels kIntegerKernels = {integers};

}  // namespace
}  // namespace assay::random

namespace assay {

template <>
const random::CpuKernels<float>& kernels_at<random::CpuKernels<float>, kBuildLevel>() {
  return random::kKernels<float>;
}
template <>
const random::CpuKernels<Bf16>& kernels_at<random::CpuKernels<Bf16>, kBuildLevel>() {
  return random::kKernels<Bf16>;
}
template <>
const random::CpuIntegerKernels& kernels_at<random::CpuIntegerKernels, kBuildLevel>() {
  return random::kIntegerKernels;
}

}  // namespace assay
