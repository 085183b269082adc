/// Propagation of distributions, and its agreement with the first order.
#include "pricing/monte_carlo.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pricing/evaluate.h"
#include "pricing/money.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

ThroughputDoubt doubt_of(const std::string& u_c, const std::string& nu) {
  return {Stated<std::string>::known(u_c),
          nu.empty() ? Stated<std::string>::missing("not stated") : Stated<std::string>::known(nu)};
}

struct Both {
  RateInterval first_order;
  MonteCarlo drawn;
};

Both both(const json& document, const ThroughputDoubt& of_k, std::int64_t draws = 200000) {
  const CostSheet sheet = test::sheet_of(document);
  const DeviceFigures device = test::worked_device();
  const std::int64_t rate = waterfall(cost_of_service(sheet, device, Rounding::to_fen)).rate_micro;
  Both result;
  result.first_order = rate_interval(sheet, device, of_k, rate);
  result.drawn = monte_carlo(sheet, device, of_k, result.first_order, {draws, 7, 2});
  return result;
}

json input(const std::string& figure, const std::string& u, const std::string& law,
           const std::string& rho = "0") {
  return {{"figure", figure},    {"standard_uncertainty", u},
          {"distribution", law}, {"source", nullptr},
          {"note", "test"},      {"correlation_with_k", rho}};
}

TEST(MonteCarlo, TheDoublesAreTheRationals) {
  for (const char* name : {"synthetic-a-whole-bill", "h800-node-worked", "china-h800-hub"}) {
    const CostSheet sheet = test::sheet_of(test::example_document(name));
    const DeviceFigures device = test::worked_device();
    const double exact =
        cost_of_service(sheet, device, Rounding::none).rate_cny_per_cu.convert_to<double>();
    const DoubleFigures figures(sheet);
    const double fast = evaluate(sheet, device.k_cu_per_h.convert_to<double>(),
                                 device.loaded_power_w.convert_to<double>(), figures.reader(),
                                 [](LineKind, const std::string&, double cny, const std::string&,
                                    Owner) { return cny; })
                            .rate();
    EXPECT_NEAR(fast, exact, 1e-11 * exact) << name;
  }
}

TEST(MonteCarlo, ThreadsAndPartsDoNotMatter) {
  json document = test::worked_document();
  document["uncertain_inputs"] = json::array({input("/energy/pue/figure", "0.02", "triangular"),
                                              input("/availability", "0.01", "rectangular")});
  const CostSheet sheet = test::sheet_of(document);
  const auto rates = [&](int threads, std::int64_t draws) {
    return draw_rates(sheet, test::worked_device(), doubt_of("0.002", "4"), {draws, 42, threads});
  };
  const std::vector<double> one = rates(1, 5000);
  EXPECT_EQ(one, rates(3, 5000));
  std::vector<double> longer = rates(2, 9000);
  longer.resize(5000);
  EXPECT_EQ(one, longer);
  EXPECT_NE(one, draw_rates(sheet, test::worked_device(), doubt_of("0.002", "4"), {5000, 43, 1}));
}

TEST(MonteCarlo, EachLawHasItsMeanAndUncertainty) {
  // The rate is linear in O&M: u(R) = u(O&M)/H, whatever the law.
  for (const char* law : {"normal", "rectangular", "triangular"}) {
    json document = test::worked_document();
    document["uncertain_inputs"] =
        json::array({input("/operation_and_maintenance/0/figure", "30000", law)});
    const Both result = both(document, doubt_of("0.000000001", ""));
    const double u = std::stod(*result.drawn.standard_uncertainty.value);
    EXPECT_NEAR(u, 30000 / 16141.689, 0.01) << law;
    EXPECT_NEAR(std::stod(*result.drawn.mean.value), 42.620939, 0.02) << law;
    const double half =
        static_cast<double>(result.drawn.upper_micro - result.drawn.lower_micro) / 2e6;
    const double expected = std::string(law) == "normal" ? 1.960
                            : std::string(law) == "rectangular"
                                ? 0.95 * std::sqrt(3.0)
                                : std::sqrt(6.0) * (1 - std::sqrt(0.05));
    EXPECT_NEAR(half / u, expected, 0.02) << law;
  }
}

TEST(MonteCarlo, ASmallDoubtAgreesAndALargeOneSaysWhy) {
  const Both small = both(test::worked_document(), doubt_of("0.0001", "8"));
  EXPECT_TRUE(small.drawn.agrees) << small.drawn.verdict;
  EXPECT_THAT(small.drawn.verdict, HasSubstr("JCGM 101"));
  // u(K)/K of 10 %: 1/K leans upwards.
  const Both large = both(test::worked_document(), doubt_of("0.039576", "30"));
  EXPECT_FALSE(large.drawn.agrees);
  EXPECT_THAT(large.drawn.verdict, HasSubstr("curved"));
  EXPECT_GT(large.drawn.upper_micro - 42620939, 42620939 - large.drawn.lower_micro);
  // A rectangular input that rules: the t-distribution is too wide.
  json document = test::worked_document();
  document["uncertain_inputs"] =
      json::array({input("/operation_and_maintenance/0/figure", "30000", "rectangular")});
  const Both flat = both(document, doubt_of("0.000000001", ""));
  EXPECT_FALSE(flat.drawn.agrees);
  EXPECT_THAT(flat.drawn.verdict, HasSubstr("not the t-distribution"));
}

TEST(MonteCarlo, TooFewDrawsAreNamedAsTheReason) {
  // A thousand draws place an end to a few percent of u; two digits ask for half a percent.
  const Both few = both(test::worked_document(), doubt_of("0.0004", "8"), 1000);
  EXPECT_FALSE(few.drawn.agrees);
  EXPECT_THAT(few.drawn.verdict, HasSubstr("too few draws"));
  EXPECT_GT(few.drawn.end_error_micro, 500.0);
  const Both many = both(test::worked_document(), doubt_of("0.0001", "8"));
  EXPECT_LT(many.drawn.end_error_micro, 500.0);
}

TEST(MonteCarlo, DegreesOfFreedomWidenTheEnds) {
  // K alone with 4 degrees of freedom: the ends are K's t-quantiles, as in the first order.
  const Both result = both(test::worked_document(), doubt_of("0.0004", "4"));
  EXPECT_EQ(result.first_order.coverage_factor, "2.776");
  EXPECT_NEAR(static_cast<double>(result.drawn.upper_micro),
              static_cast<double>(result.first_order.upper_micro), 4000.0);
}

TEST(MonteCarlo, CorrelationWithThroughputIsDrawn) {
  json document = test::worked_document();
  document["uncertain_inputs"] =
      json::array({input("/energy/loaded_power", "60", "normal", "0.9")});
  const Both joint = both(document, doubt_of("0.0004", ""));
  EXPECT_NEAR(std::stod(*joint.drawn.standard_uncertainty.value),
              static_cast<double>(joint.first_order.u_c_micro) * 1e-6, 0.002);
  document["uncertain_inputs"][0]["correlation_with_k"] = "0";
  const Both apart = both(document, doubt_of("0.0004", ""));
  EXPECT_GT(2 * apart.first_order.u_c_micro, 3 * joint.first_order.u_c_micro);
}

TEST(MonteCarlo, DrawsWithoutRateAreCountedAndMomentsMayNotExist) {
  const Both heavy = both(test::worked_document(), doubt_of("0.02", "1.5"));
  EXPECT_GT(heavy.drawn.without_rate, 0);
  EXPECT_FALSE(heavy.drawn.mean.has_value());
  EXPECT_THAT(heavy.drawn.mean.reason, HasSubstr("no variance"));
  EXPECT_THAT(
      test::refusal([] { (void)both(test::worked_document(), doubt_of("0.0004", "4"), 10); }),
      HasSubstr("too few"));
}

TEST(MonteCarlo, AThroughputThatMayBeNothingHasNoRate) {
  // With one degree of freedom more of K's law lies below zero than an end leaves out.
  EXPECT_THAT(test::refusal([] { (void)both(test::worked_document(), doubt_of("0.2", "1")); }),
              AllOf(HasSubstr("the rate has no upper end"), HasSubstr("in more processes")));
}

TEST(MonteCarlo, ToleranceIsHalfOfTheSecondDigit) {
  EXPECT_EQ(agreement_tolerance_micro(4262), 50);     // 4.2e-3
  EXPECT_EQ(agreement_tolerance_micro(99500), 5000);  // rounds to 1.0e-1
  EXPECT_EQ(agreement_tolerance_micro(99400), 500);   // 9.9e-2
  EXPECT_EQ(agreement_tolerance_micro(12), Rational(1, 2));
}

}  // namespace
}  // namespace assay::pricing
