#pragma once
/// The edition's table of accelerators (edition/data/peaks-2026.1.json, with sources and grades)
/// and the plausibility rules that hang on it (docs/figures.md).
///
/// Peaks are dense, with FP32 accumulation. Three are reported and never mixed: the nominal one is
/// printed by the vendor at its tensor clock; the clock-adjusted one is SMs × measured clock × FLOP
/// per clock and SM; the measured one is the best product of the same precision in the same run.
/// The device's name decides: compute capability can't tell a half-rate card from its full-rate
/// sister. A device that is not in the table has no peak, and so no percentage.
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

struct Accelerator {
  std::string sku;
  std::string confidence;  ///< A vendor's document, B secondary sources, C recalled or by formula
  std::vector<std::string> names;  ///< as the driver reports it; empty: never matches
  std::string compute_capability;
  std::optional<std::int64_t> sms;
  std::optional<double> boost_mhz;
  std::optional<double> tensor_mhz;  ///< clock of the printed tensor peaks
  std::vector<double> memory_gb;     ///< variants
  std::vector<double> bandwidth_gb_per_s;
  /// By precision: fp64, fp64_tensor, fp32, tf32, fp16, bf16, fp8, int8. Absent: not published.
  std::map<std::string, double> dense_tflops;
  std::map<std::string, double> flop_per_clock_per_sm;
  std::optional<double> nvlink_gb_per_s;  ///< both directions together; 0: it has none
  std::vector<std::string> sources;       ///< keys into PeakTable::sources
  std::string notes;
};

struct PeakTable {
  std::string edition;
  std::map<std::string, std::string> sources;
  std::vector<Accelerator> accelerators;
};

/// The embedded table of this edition.
[[nodiscard]] PeakTable load_peaks();
/// Errors: input_error naming `where` and the field; a name in two rows; an unknown source.
[[nodiscard]] PeakTable peaks_from_json(const nlohmann::json& document, const std::string& where);

/// The row with exactly that device name.
[[nodiscard]] std::optional<Accelerator> find_accelerator(const PeakTable& table,
                                                          std::string_view device_name);

/// TFLOP/s as printed; nothing where the row has none for that precision.
[[nodiscard]] std::optional<double> nominal_peak_tflops(const Accelerator& accelerator,
                                                        const std::string& precision);
/// units × clock × FLOP per clock and unit, in TFLOP/s.
[[nodiscard]] std::optional<double> clock_adjusted_peak_tflops(const Accelerator& accelerator,
                                                               const std::string& precision,
                                                               std::int64_t units,
                                                               double clock_mhz);
/// The clock of the printed peak in MHz: the table's, or, where it has none, the one that the peak
/// implies. Non-tensor precisions (fp32, fp64) are printed at the boost clock.
[[nodiscard]] std::optional<double> peak_clock_mhz(const Accelerator& accelerator,
                                                   const std::string& precision);

/// A verdict on a figure: passed or not, with a reason wherever there is something to say.
struct Plausibility {
  bool passed = true;
  std::string reason;
};

/// Nothing exceeds what its units can do at the clock they ran at.
[[nodiscard]] Plausibility judge_clock_adjusted(double ratio);
/// No device runs above the maximum its driver states.
[[nodiscard]] Plausibility judge_clock(double measured_mhz, double maximum_mhz);
/// To the printed peak: at most 1, or, with the reason "boost", maximum clock (as the driver states
/// it, or as measured) over peak clock.
/// Without either clock nothing above 1 can be explained.
[[nodiscard]] Plausibility judge_nominal(double ratio, std::optional<double> maximum_mhz,
                                         std::optional<double> peak_mhz);

}  // namespace assay
