#pragma once
/// The long sweeps over shapes, which the tests labelled nightly ask for: problems drawn from a
/// fixed seed, so that a failure can be repeated, and drawn where kernels trip: around powers of
/// two and multiples of packs, warps and tiles.
///
///   TEST(NormCudaSweep, Shapes) {
///     SKIP_UNLESS_SWEEPING();
///     Sweep sweep(1);
///     for (int i = 0; i < kSweepShapes; ++i) expect_definition({sweep.extent(50), …});
///   }
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

/// Whoever starts a test's program by hand, on a GPU say, isn't kept waiting by a night's work.
#define SKIP_UNLESS_SWEEPING()                                                  \
  if (std::getenv("ASSAY_TEST_SWEEP") == nullptr) {                             \
    GTEST_SKIP() << "a sweep: with ASSAY_TEST_SWEEP=1 (ctest -L nightly) only"; \
  }                                                                             \
  static_assert(true)

namespace assay::cuda_test {

/// Shapes of a family's sweep.
inline constexpr int kSweepShapes = 40;

class Sweep {
 public:
  explicit Sweep(std::uint32_t seed) : random_(seed) {}

  /// 1 to `most`: every second one anything, the others within one of a power of two or of a
  /// multiple of 8.
  std::int64_t extent(std::int64_t most) {
    const std::int64_t any = 1 + draw(most);
    if (draw(2) == 0) return any;
    std::int64_t near = 1;
    if (draw(2) == 0) {
      while (near <= any / 2) near *= 2;
    } else {
      near = (any + 7) / 8 * 8;
    }
    return std::clamp<std::int64_t>(near + draw(3) - 1, 1, most);
  }
  std::int64_t multiple(std::int64_t of, std::int64_t most) { return of * extent(most / of); }
  /// 0 to `most` - 1.
  std::int64_t draw(std::int64_t most) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(most));
  }
  template <class T>
  T one_of(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(draw(static_cast<std::int64_t>(all.size())))];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace assay::cuda_test
