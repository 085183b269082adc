#pragma once
/// What `assay programme simulate` does: makes a list of applications, or simulates one.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pricing/programme/programme_run.h"

namespace assay::pricing::programme {

/// As the command takes them; an empty text or path is one that was not given.
struct SimulationRun {
  std::string id;
  std::string version;  ///< may be left out where there is one
  Files own;
  std::filesystem::path applications;
  std::int64_t generate = 0;  ///< how many applications to make up
  std::uint64_t seed = 1;
  std::vector<std::string> assume;  ///< FIELD=VALUE
  std::string budget;               ///< CNY
  std::string ceiling;              ///< CNY per CU
  std::string public_figure;
  std::vector<std::string> shares;
  std::vector<std::string> caps;  ///< CNY
  std::filesystem::path output;   ///< CSV: the applications made, or what each is paid
};

/// Errors: those of reading and of simulate; input_error for an unusable option.
[[nodiscard]] ProgrammeOutcome run_simulation(const SimulationRun& run);

}  // namespace assay::pricing::programme
