#include "results/edition/peaks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/edition_data.h"

namespace assay {
namespace {

using testing::HasSubstr;

const Accelerator& row(const PeakTable& table, const std::string& sku) {
  for (const Accelerator& accelerator : table.accelerators) {
    if (accelerator.sku == sku) return accelerator;
  }
  throw std::out_of_range(sku);
}

TEST(Peaks, DenseAndWithFp32Accumulation) {
  const PeakTable table = load_peaks();
  EXPECT_EQ(table.edition, "2026.1");
  // Traps: sparse figures sold as peaks, half-rate GeForce, the cut H20.
  EXPECT_EQ(nominal_peak_tflops(row(table, "H100 SXM5 80GB"), "bf16"), 989.4);
  EXPECT_EQ(nominal_peak_tflops(row(table, "RTX 4090"), "bf16"), 165.2);
  EXPECT_EQ(nominal_peak_tflops(row(table, "H20"), "bf16"), 148.0);
  EXPECT_EQ(nominal_peak_tflops(row(table, "L40"), "bf16"), 181.05);
  // What is not known stays unknown.
  EXPECT_EQ(nominal_peak_tflops(row(table, "V100 SXM2"), "bf16"), std::nullopt);
  EXPECT_EQ(nominal_peak_tflops(row(table, "RTX 5090 D"), "bf16"), std::nullopt);
  EXPECT_EQ(nominal_peak_tflops(row(table, "A100 SXM4 80GB"), "fp8"), std::nullopt);
  EXPECT_EQ(nominal_peak_tflops(row(table, "A100 SXM4 80GB"), "fp4"), std::nullopt);
}

TEST(Peaks, ExactNamesDecide) {
  const PeakTable table = load_peaks();
  EXPECT_EQ(find_accelerator(table, "NVIDIA H100 80GB HBM3")->sku, "H100 SXM5 80GB");
  EXPECT_EQ(find_accelerator(table, "NVIDIA H100 PCIe")->sku, "H100 PCIe 80GB");
  EXPECT_EQ(find_accelerator(table, "NVIDIA GeForce RTX 4090")->sku, "RTX 4090");
  EXPECT_FALSE(find_accelerator(table, "NVIDIA H100"));
  EXPECT_FALSE(find_accelerator(table, "NVIDIA GeForce RTX 4090 D"));
  EXPECT_FALSE(find_accelerator(table, ""));
}

/// Each printed peak against SMs × clock × FLOP per clock and SM. One typing error in either
/// table shows.
TEST(Peaks, FormulaGivesThePrintedPeaks) {
  int compared = 0;
  for (const Accelerator& accelerator : load_peaks().accelerators) {
    for (const auto& [precision, peak] : accelerator.dense_tflops) {
      const bool tensor = precision != "fp32" && precision != "fp64";
      // Hopper's FP64 tensor units run at the boost clock.
      const auto clock =
          tensor && precision != "fp64_tensor" ? accelerator.tensor_mhz : accelerator.boost_mhz;
      if (!clock || !accelerator.sms) continue;
      const auto formula =
          clock_adjusted_peak_tflops(accelerator, precision, *accelerator.sms, *clock);
      if (!formula) continue;
      // Known and noted: the printed 44 TFLOP/s of the H20 needs a clock it does not have.
      if (accelerator.sku == "H20" && precision == "fp32") continue;
      const double tolerance = peak < 2.0 ? 0.04 : 0.02;  // printed with two digits
      EXPECT_NEAR(*formula / peak, 1.0, tolerance) << accelerator.sku << ' ' << precision;
      ++compared;
    }
  }
  EXPECT_GT(compared, 150);
}

TEST(Peaks, ClockOfThePrintedPeak) {
  const PeakTable table = load_peaks();
  EXPECT_EQ(peak_clock_mhz(row(table, "H100 SXM5 80GB"), "bf16"), 1830.0);
  EXPECT_EQ(peak_clock_mhz(row(table, "H100 SXM5 80GB"), "fp32"), 1980.0);
  EXPECT_NEAR(*peak_clock_mhz(row(table, "H20"), "bf16"), 1853.0, 0.5);
  EXPECT_NEAR(*peak_clock_mhz(row(table, "H100 NVL 94GB"), "bf16"), 1545.0, 0.5);
  EXPECT_NEAR(*peak_clock_mhz(row(table, "B200 SXM"), "bf16"), 1856.0, 0.5);
  EXPECT_EQ(peak_clock_mhz(row(table, "RTX 5090 D"), "fp8"), 2407.0);
  EXPECT_EQ(peak_clock_mhz(row(table, "B100 SXM"), "tf32"), std::nullopt);
}

TEST(Plausibility, ClockAdjustedNeverOverOne) {
  EXPECT_TRUE(judge_clock_adjusted(1.0).passed);
  EXPECT_FALSE(judge_clock_adjusted(1.0001).passed);
  EXPECT_THAT(judge_clock_adjusted(1.0001).reason, HasSubstr("1.0001"));
  EXPECT_TRUE(judge_clock(1980.0, 1980.0).passed);
  EXPECT_FALSE(judge_clock(1995.0, 1980.0).passed);
}

TEST(Plausibility, NominalMayExceedOneByBoostOnly) {
  EXPECT_TRUE(judge_nominal(0.99, std::nullopt, std::nullopt).passed);
  EXPECT_TRUE(judge_nominal(0.99, 1980.0, 1830.0).reason.empty());
  // An honest H20 reaches 1.02 of its printed peak.
  const Accelerator h20 = row(load_peaks(), "H20");
  const Plausibility honest = judge_nominal(1.02, h20.boost_mhz, peak_clock_mhz(h20, "bf16"));
  EXPECT_TRUE(honest.passed);
  EXPECT_THAT(honest.reason, HasSubstr("boost"));
  EXPECT_FALSE(judge_nominal(1.08, h20.boost_mhz, peak_clock_mhz(h20, "bf16")).passed);
  EXPECT_FALSE(judge_nominal(1.001, std::nullopt, 1830.0).passed);
}

TEST(Peaks, RefusesAmbiguousTables) {
  nlohmann::json table = parse_json(embedded_edition_data("peaks-2026.1.json"), "peaks");
  table["accelerators"][0]["names"] = {"NVIDIA H200"};
  EXPECT_THROW((void)peaks_from_json(table, "edited"), Error);
  table["accelerators"][0]["names"] = nlohmann::json::array();
  table["accelerators"][0]["sources"] = {"S99"};
  EXPECT_THROW((void)peaks_from_json(table, "edited"), Error);
  table["accelerators"][0]["sources"] = {"S1"};
  table["accelerators"][0]["dense_tflops"]["bf16"] = -1;
  EXPECT_THROW((void)peaks_from_json(table, "edited"), Error);
}

}  // namespace
}  // namespace assay
