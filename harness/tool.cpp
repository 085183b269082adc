#include "harness/tool.h"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <openssl/crypto.h>

#include <nlohmann/json.hpp>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>

#include "harness/build_info.h"
#include "results/document.h"

namespace assay::harness {

ToolRecord tool_record() {
  const BuildInfo build = build_info();
  ToolRecord tool;
  tool.name = "assay";
  tool.version = build.version;
  tool.commit = build.commit.empty() ? Stated<std::string>::missing("built outside a git checkout")
                                     : Stated<std::string>::known(std::string(build.commit));
  tool.dirty = build.dirty;
  tool.binary_sha256 = sha256_hex_of_file("/proc/self/exe");
  tool.compiler = build.compiler;
  tool.flags = build.flags;
  const dnnl_version_t* dnnl = dnnl_version();
  tool.libraries = {
      {"onednn", fmt::format("{}.{}.{}", dnnl->major, dnnl->minor, dnnl->patch)},
      {"google_benchmark", std::string(build.benchmark_version)},
      {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                    NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"fmt",
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"glibc", gnu_get_libc_version()},
      {"openmp", std::to_string(_OPENMP)},
  };
  return tool;
}

}  // namespace assay::harness
