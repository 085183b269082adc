#include "kernels/cuda/shared_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace assay {

OpenedLibrary open_shared_library(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return {handle, name};
  }
  return {nullptr, fmt::format("{}", fmt::join(names, ", "))};
}

void* find_symbol(const OpenedLibrary& library, const char* name) {
  return dlsym(library.handle, name);
}

}  // namespace assay
