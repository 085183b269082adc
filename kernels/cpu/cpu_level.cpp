#include "kernels/cpu/cpu_level.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace assay {
namespace {

constexpr std::array<std::pair<CpuLevel, std::string_view>, 5> kNames = {{
    {CpuLevel::v2, "v2"},
    {CpuLevel::v3, "v3"},
    {CpuLevel::avx512, "avx512"},
    {CpuLevel::avx512_bf16, "avx512_bf16"},
    {CpuLevel::amx, "amx"},
}};

/// CPUID.7.0:EDX bits 22, 24 and 25. gcc 12 has no __builtin_cpu_supports name for AMX that also
/// works in older C libraries.
bool cpuid_has_amx() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned kBits = (1U << 22) | (1U << 24) | (1U << 25);
  return (edx & kBits) == kBits;
}

/// Linux gives tile registers only on request: arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA).
bool kernel_grants_amx() {
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

CpuLevel detect() {
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi2");
  const bool avx512 = v3 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool bf16 =
      avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  if (bf16 && cpuid_has_amx() && kernel_grants_amx()) return CpuLevel::amx;
  if (bf16) return CpuLevel::avx512_bf16;
  if (avx512) return CpuLevel::avx512;
  return v3 ? CpuLevel::v3 : CpuLevel::v2;
}

}  // namespace

CpuLevel detect_cpu_level() {
  static const CpuLevel kLevel = detect();
  return kLevel;
}

std::vector<CpuLevel> all_cpu_levels() {
  std::vector<CpuLevel> levels;
  for (const auto& [level, text] : kNames) levels.push_back(level);
  return levels;
}

std::vector<CpuLevel> supported_cpu_levels() {
  std::vector<CpuLevel> levels = all_cpu_levels();
  std::erase_if(levels, [](CpuLevel level) { return level > detect_cpu_level(); });
  return levels;
}

std::string_view name(CpuLevel level) {
  for (const auto& [candidate, text] : kNames) {
    if (candidate == level) return text;
  }
  return "unknown";
}

std::optional<CpuLevel> parse_cpu_level(std::string_view text) {
  for (const auto& [level, candidate] : kNames) {
    if (candidate == text) return level;
  }
  return std::nullopt;
}

}  // namespace assay
