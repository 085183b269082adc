#include "base/philox.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/random/box_muller.h"
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
