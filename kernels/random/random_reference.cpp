#include <cmath>
#include <numbers>

#include "base/philox.h"
#include "kernels/random/random.h"

namespace assay::random {

template <class Real>
void normal_reference(const Draw& draw, Real mean, Real deviation, std::int64_t first,
                      std::int64_t n, Real* out) {
  for (std::int64_t i = first; i < first + n; ++i) {
    const auto block = static_cast<std::uint64_t>(i / 4);
    const Philox4 words = philox(draw.key, block, draw.stream);
    const auto pair = i % 4 / 2 * 2;
    const auto u = static_cast<Real>(philox_uniform(words.word[pair]));
    const auto v = static_cast<Real>(philox_uniform(words.word[pair + 1]));
    const Real radius = std::sqrt(-2 * std::log(u));
    const Real angle = 2 * std::numbers::pi_v<Real> * v;
    out[i - first] = mean + deviation * radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
  }
}
template void normal_reference(const Draw&, double, double, std::int64_t, std::int64_t, double*);
template void normal_reference(const Draw&, float, float, std::int64_t, std::int64_t, float*);

void integers_reference(const Draw& draw, std::int32_t low, std::int32_t high, std::int64_t first,
                        std::int64_t n, std::int32_t* out) {
  const auto count = static_cast<std::uint64_t>(std::int64_t{high} - low + 1);
  for (std::int64_t i = first; i < first + n; ++i) {
    const auto block = static_cast<std::uint64_t>(i / 4);
    const std::uint64_t word = philox(draw.key, block, draw.stream).word[i % 4];
    out[i - first] = static_cast<std::int32_t>(low + static_cast<std::int64_t>(word * count >> 32));
  }
}

}  // namespace assay::random
