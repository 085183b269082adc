/// Products: oneDNN's against the definition within the control, and Freivalds' check against
/// planted faults. oneDNN can be held to one level in a process, so the best one is run.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "base/error.h"
#include "kernels/compare.h"
#include "kernels/gemm/cpu_product.h"
#include "kernels/gemm/freivalds.h"
#include "kernels/inputs.h"

namespace assay::gemm {
namespace {

CpuProduct prepare(const Product& product) {
  return {detect_cpu_level(), product, std::make_shared<Workspace>()};
}

template <class T>
T* data_or_null(std::vector<T>& values) {
  return values.empty() ? nullptr : values.data();
}

/// Runs `product` (with its variable extent, if any, set to that of `fixed`) and compares.
template <class In, class Out>
Check run_and_compare(const Product& product, const Product& fixed) {
  const auto a = normal_input<In>(5, 1, fixed.m * fixed.k);
  const auto b = normal_input<In>(5, 2, fixed.k * fixed.n);
  const auto bias = product.bias ? normal_input<In>(5, 3, fixed.n) : std::vector<In>();
  auto d = normal_input<Out>(5, 4, fixed.m * fixed.n);
  const auto reference = [&](const auto& convert, auto result) {
    auto wide_bias = convert(bias);
    product_reference(fixed, convert(a).data(), convert(b).data(), data_or_null(wide_bias),
                      result.data());
    return result;
  };
  const auto exact = reference(to_double<In>, to_double(d));
  const auto control = reference(to_single<In>, to_single(d));
  const std::int64_t variable = product.m == kVariable ? fixed.m : fixed.k;
  prepare(product).run(a.data(), b.data(), bias.empty() ? nullptr : bias.data(), d.data(),
                       variable);
  return compare_with_control("d", to_double(d), stored_as<Out>(control), exact);
}

bool bf16_available() {
  return has_bf16(detect_cpu_level());
}

using Extents = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
class GemmCpu : public testing::TestWithParam<Extents> {};

TEST_P(GemmCpu, EveryFormEqualsTheDefinition) {
  const std::int64_t rows = std::get<0>(GetParam());
  const std::int64_t in = std::get<1>(GetParam());
  const std::int64_t out = std::get<2>(GetParam());
  const auto expect = [&](const Product& fixed, const Product& product, bool bf16) {
    const Check check = !bf16 ? run_and_compare<float, float>(product, fixed)
                        : product.output == Element::bf16
                            ? run_and_compare<Bf16, Bf16>(product, fixed)
                            : run_and_compare<Bf16, float>(product, fixed);
    EXPECT_TRUE(check.passed()) << "rows " << rows << " in " << in << " out " << out << " bf16 "
                                << bf16 << ": " << check.error << " > " << check.bound;
  };
  for (const bool bf16 : {false, true}) {
    if (bf16 && !bf16_available()) continue;
    const Element element = bf16 ? Element::bf16 : Element::fp32;
    for (const bool bias : {false, true}) {
      const Product fixed = forward(rows, in, out, element, bias);
      expect(fixed, fixed, bf16);
      expect(fixed, forward(kVariable, in, out, element, bias), bf16);
    }
    const Product dx = input_gradient(rows, in, out, element);
    expect(dx, dx, bf16);
    expect(dx, input_gradient(kVariable, in, out, element), bf16);
    for (const bool accumulate : {false, true}) {
      const Product dw = weight_gradient(rows, in, out, element, accumulate);
      expect(dw, dw, bf16);
      expect(dw, weight_gradient(kVariable, in, out, element, accumulate), bf16);
    }
    Product both_transposed = dx;
    both_transposed.a_transposed = both_transposed.b_transposed = true;
    expect(both_transposed, both_transposed, bf16);
    Product added = dx;
    added.accumulate = true;
    expect(added, added, bf16);
  }
}

// The last has enough rows for packed weights.
INSTANTIATE_TEST_SUITE_P(Extents, GemmCpu,
                         testing::Values(Extents{1, 1, 1}, Extents{3, 5, 7}, Extents{17, 33, 65},
                                         Extents{64, 128, 96}, Extents{5, 200, 129},
                                         Extents{601, 70, 45}));

std::vector<std::int8_t> int8_input(std::uint64_t stream, std::int64_t n, std::int32_t magnitude) {
  std::vector<std::int8_t> values;
  for (const auto value : integer_input(3, stream, n, 2 * magnitude + 1)) {
    values.push_back(static_cast<std::int8_t>(value - magnitude));
  }
  return values;
}

TEST(GemmCpu, Int8IsExact) {
  Product product = input_gradient(37, 29, 150, Element::int8);
  product.output = Element::int32;
  // The whole range where the processor is known to have VNNI, else what is exact without.
  const auto a = int8_input(1, product.m * product.k, 127);
  const auto b = int8_input(2, product.k * product.n, bf16_available() ? 127 : 64);
  std::vector<std::int32_t> d(static_cast<std::size_t>(product.m * product.n));
  const std::int8_t* no_bias = nullptr;
  prepare(product).run(a.data(), b.data(), no_bias, d.data());
  for (std::int64_t i = 0; i < product.m; ++i) {
    for (std::int64_t j = 0; j < product.n; ++j) {
      std::int32_t sum = 0;
      for (std::int64_t l = 0; l < product.k; ++l) {
        sum += std::int32_t{a[static_cast<std::size_t>(i * product.k + l)]} *
               std::int32_t{b[static_cast<std::size_t>(l * product.n + j)]};
      }
      ASSERT_EQ(d[static_cast<std::size_t>(i * product.n + j)], sum) << i << ' ' << j;
    }
  }
  EXPECT_TRUE(freivalds_check("d", product, a.data(), b.data(), no_bias, d.data(), 9).passed());
  ++d[100];
  EXPECT_FALSE(freivalds_check("d", product, a.data(), b.data(), no_bias, d.data(), 9).passed());
}

TEST(GemmCpu, RefusesWhatHasNoForm) {
  EXPECT_THROW(prepare(forward(0, 4, 4, Element::fp32, false)), Error);
  EXPECT_THROW(prepare(forward(4, kVariable, 4, Element::fp32, false)), Error);
  EXPECT_THROW(prepare(forward(4, 4, 4, Element::int32, false)), Error);
  const std::vector<Bf16> wrong(16);
  std::vector<float> d(16);
  const Bf16* no_bias = nullptr;
  EXPECT_THROW(prepare(forward(4, 4, 4, Element::fp32, false))
                   .run(wrong.data(), wrong.data(), no_bias, d.data()),
               Error);
}

TEST(GemmCpu, AnotherLevelInOneProcessIsRefused) {
  use_level(detect_cpu_level());
  if (detect_cpu_level() == CpuLevel::v2) GTEST_SKIP() << "this processor has one level";
  EXPECT_THROW(use_level(CpuLevel::v2), Error);
}

/// Freivalds' check on a right product, and on wrong ones: BF16 and FP32 storage.
template <class In, class Out>
class Freivalds : public testing::Test {
 protected:
  Freivalds() : product(forward(300, 512, 257, element_of<In>(), true)) {
    product.output = element_of<Out>();
    a = normal_input<In>(21, 1, product.m * product.k);
    b = normal_input<In>(21, 2, product.k * product.n);
    bias = normal_input<In>(21, 3, product.n);
    right_d = result_of(a);
  }

  std::vector<Out> result_of(const std::vector<In>& left) {
    std::vector<float> sums(static_cast<std::size_t>(product.m * product.n));
    product_reference(product, to_single(left).data(), to_single(b).data(), to_single(bias).data(),
                      sums.data());
    std::vector<Out> stored;
    stored.reserve(sums.size());
    for (const float sum : sums) stored.push_back(from_float<Out>(sum));
    return stored;
  }

  bool accepts(const std::vector<Out>& d, std::uint64_t key) {
    return freivalds_check("d", product, a.data(), b.data(), bias.data(), d.data(), key).passed();
  }

  void refuses_planted_faults() {
    for (std::uint64_t key = 1; key <= 3; ++key) {
      EXPECT_TRUE(accepts(right_d, key)) << "a right product";
      // One tile of 64 terms left out of one row's sums.
      std::vector<In> short_of_a_tile = a;
      for (std::int64_t l = 128; l < 192; ++l) {
        short_of_a_tile[static_cast<std::size_t>(7 * product.k + l)] = In{};
      }
      EXPECT_FALSE(accepts(result_of(short_of_a_tile), key)) << "dropped K tile";
      // Rows from the 100th on are one off.
      std::vector<Out> shifted = right_d;
      std::copy(right_d.begin() + 100 * product.n, right_d.end() - product.n,
                shifted.begin() + 101 * product.n);
      EXPECT_FALSE(accepts(shifted, key)) << "off-by-one row";
      std::vector<Out> unwritten = right_d;
      unwritten[5] = from_float<Out>(std::nanf(""));
      EXPECT_FALSE(accepts(unwritten, key)) << "NaN";
    }
  }

  Product product;
  std::vector<In> a, b, bias;
  std::vector<Out> right_d;
};

using FreivaldsSingle = Freivalds<float, float>;
using FreivaldsBf16 = Freivalds<Bf16, Bf16>;
using FreivaldsMixed = Freivalds<Bf16, float>;
TEST_F(FreivaldsSingle, RefusesPlantedFaults) {
  refuses_planted_faults();
}
TEST_F(FreivaldsBf16, RefusesPlantedFaults) {
  refuses_planted_faults();
}
TEST_F(FreivaldsMixed, RefusesPlantedFaults) {
  refuses_planted_faults();
}

}  // namespace
}  // namespace assay::gemm
