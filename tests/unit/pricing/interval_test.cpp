/// First-order uncertainty of the rate.
#include "pricing/interval.h"

#include <gmock/gmock.h>

#include <cmath>

#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

ThroughputDoubt doubt(const std::string& u_c, const std::string& nu) {
  return {Stated<std::string>::known(u_c), Stated<std::string>::known(nu)};
}

RateInterval interval_of(const json& document, const ThroughputDoubt& of_k) {
  const CostSheet sheet = test::sheet_of(document);
  const std::int64_t rate =
      waterfall(cost_of_service(sheet, test::worked_device(), Rounding::to_fen)).rate_micro;
  return rate_interval(sheet, test::worked_device(), of_k, rate);
}

json with_uncertain(const std::string& figure, const std::string& u, const std::string& rho) {
  json document = test::worked_document();
  document["uncertain_inputs"] = json::array({{{"figure", figure},
                                               {"standard_uncertainty", u},
                                               {"distribution", "normal"},
                                               {"correlation_with_k", rho},
                                               {"source", nullptr},
                                               {"note", "test"}}});
  return document;
}

double cny(std::int64_t micro) {
  return static_cast<double>(micro) * 1e-6;
}

TEST(Interval, ThroughputAloneIsRateTimesRelativeUncertainty) {
  // R is proportional to 1/K, so u(R)/R = u(K)/K to first order: 1e-4 · 42.620 CNY.
  const RateInterval interval = interval_of(test::worked_document(), doubt("0.000039576", "4"));
  ASSERT_EQ(interval.contributions.size(), 1U);
  EXPECT_NEAR(cny(interval.u_c_micro), 42.62 * 1e-4, 1e-5);
  EXPECT_EQ(interval.nu_eff.value.value(), "4.00");
  EXPECT_EQ(interval.coverage_factor, "2.776");  // t_0.975(4), any table
  EXPECT_EQ(interval.upper_micro - interval.lower_micro, 2 * interval.expanded_micro);
}

TEST(Interval, PowerEntersOnlyTheVariablePart) {
  // dR/dP = PUE · tariff / (1000 · K) = 1.3 · 0.6 / 395.76 CNY/CU per W.
  const RateInterval interval =
      interval_of(with_uncertain("/energy/loaded_power", "10", "0"), doubt("0.000000001", "4"));
  EXPECT_NEAR(cny(interval.u_c_micro), 10 * 1.3 * 0.6 / 395.76, 2e-6);
}

TEST(Interval, CorrelationIsCounted) {
  const std::string power = "/energy/loaded_power";
  const ThroughputDoubt of_k = doubt("0.0002", "4");
  const double none = cny(interval_of(with_uncertain(power, "100", "0"), of_k).u_c_micro);
  const double joint = cny(interval_of(with_uncertain(power, "100", "0.8"), of_k).u_c_micro);
  const RateInterval parts = interval_of(with_uncertain(power, "100", "0.8"), of_k);
  const double z_k = parts.contributions[0].effect_cny_per_cu.convert_to<double>();
  const double z_p = parts.contributions[1].effect_cny_per_cu.convert_to<double>();
  EXPECT_LT(z_k, 0);  // more throughput, a lower rate
  EXPECT_GT(z_p, 0);
  EXPECT_LT(joint, none);  // they move together, so they cancel in part
  EXPECT_NEAR(joint, std::sqrt(z_k * z_k + z_p * z_p + 2 * 0.8 * z_k * z_p), 2e-6);
}

TEST(Interval, FiledInputsRaiseTheDegreesOfFreedom) {
  const ThroughputDoubt of_k = doubt("0.002", "4");
  const RateInterval alone = interval_of(test::worked_document(), of_k);
  const RateInterval more =
      interval_of(with_uncertain("/asset_classes/0/price", "50000", "0"), of_k);
  EXPECT_EQ(alone.nu_eff.value.value(), "4.00");
  EXPECT_GT(std::stod(more.nu_eff.value.value()), 10.0);
  EXPECT_LT(std::stod(more.coverage_factor), std::stod(alone.coverage_factor));
}

TEST(Interval, WithoutDegreesOfFreedomItSaysTwo) {
  const RateInterval interval = interval_of(
      test::worked_document(),
      {Stated<std::string>::known("0.002"), Stated<std::string>::missing("not stated")});
  EXPECT_EQ(interval.coverage_factor, "2.000");
  EXPECT_FALSE(interval.nu_eff.has_value());
}

TEST(Interval, WithoutUncertaintyThereIsNone) {
  const RateInterval interval = interval_of(
      test::worked_document(),
      {Stated<std::string>::missing("one process"), Stated<std::string>::missing("one process")});
  EXPECT_THAT(interval.reason, HasSubstr("one process"));
}

TEST(Interval, AnUncertaintyAsLargeAsTheRateIsRefused) {
  EXPECT_THAT(test::refusal([] { (void)interval_of(test::worked_document(), doubt("0.5", "4")); }),
              HasSubstr("u_c(K) is not below K"));
}

}  // namespace
}  // namespace assay::pricing
