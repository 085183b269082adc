#pragma once
/// Instruction-set levels of the CPU back end. Every `*_cpu.cpp` is compiled once per level
/// (cmake/AssayCpuLevels.cmake); cpuid chooses once, `--cpu-isa` may force a lower one.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

enum class CpuLevel {
  v2,           ///< x86-64-v2: the baseline
  v3,           ///< x86-64-v3: AVX2, FMA
  avx512,       ///< x86-64-v4: AVX-512 F, BW, CD, DQ, VL
  avx512_bf16,  ///< and AVX512-BF16, AVX512-VNNI
  amx,          ///< and AMX-TILE, AMX-BF16, AMX-INT8: used by oneDNN's products; our own kernels
                ///< are those of avx512_bf16
};

/// The best level this processor and operating system support.
[[nodiscard]] CpuLevel detect_cpu_level();

/// All there are, lowest first.
[[nodiscard]] std::vector<CpuLevel> all_cpu_levels();

/// All levels up to the best, lowest first: what tests run.
[[nodiscard]] std::vector<CpuLevel> supported_cpu_levels();

[[nodiscard]] std::string_view name(CpuLevel level);

/// The level of that name, or nothing.
[[nodiscard]] std::optional<CpuLevel> parse_cpu_level(std::string_view text);

/// Whether the level multiplies BF16 in hardware. Where it doesn't, BF16 workloads are
/// unavailable: an emulated product would measure the emulation.
[[nodiscard]] constexpr bool has_bf16(CpuLevel level) {
  return level >= CpuLevel::avx512_bf16;
}

}  // namespace assay
