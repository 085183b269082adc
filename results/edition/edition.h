#pragma once
/// Edition 2026.1: the constants by which a result is judged. They are frozen; another judgement is
/// another edition. What is specific to one subject stands in its own header (statistics.h,
/// loss_gate.h, peaks.h, compute_unit.h).
#include <cstdint>

namespace assay {

inline constexpr const char* kEdition = "2026.1";

/// A figure derived again agrees with the certificate's where it differs by no more than this,
/// relative to the larger: compilers and libraries may order sums differently.
inline constexpr double kFigureTolerance = 1e-9;

/// Audit flags: a mean this far off the median tells of stalls or two states of the machine.
inline constexpr double kMeanOverMedianTolerance = 0.01;
/// More than this of the CPU time taken by the hypervisor or by other processes is worth a look.
inline constexpr double kStealShareMax = 0.01;
inline constexpr double kOtherLoadShareMax = 0.05;

/// What `certified` asks of the certify suite (docs/figures.md).
inline constexpr std::int64_t kCertifyProcesses = 5;
inline constexpr double kCertifyFirstLoadedS = 600.0;
inline constexpr double kCertifyLaterLoadedS = 120.0;
/// Half-width of the interval and drift over the window, relative; effective samples of an item in
/// a process; slope of the warm-up's last window, relative. A suite may ask for more, not for less.
inline constexpr double kCertifyTargetRelative = 0.005;
inline constexpr double kCertifyEffectiveSamplesMin = 60.0;
inline constexpr double kCertifyWarmUpSlopeMax = 0.005;

}  // namespace assay
