#pragma once
/// How this program was built. The definitions are generated: compiler and flags when CMake
/// configures, the commit at each build (harness/build_info.cmake), so that a new commit recompiles
/// one small file.
#include <string_view>

namespace assay::harness {

struct BuildInfo {
  std::string_view version;
  std::string_view compiler;
  std::string_view flags;
  std::string_view build_type;
  std::string_view benchmark_version;  ///< of Google Benchmark, which has no macro for it
  std::string_view commit;             ///< empty where the source is not a git checkout
  bool dirty = false;                  ///< built from a tree with uncommitted changes
};

[[nodiscard]] BuildInfo build_info();

}  // namespace assay::harness
