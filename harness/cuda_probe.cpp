#include "harness/cuda_probe.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>

namespace assay::harness {
namespace {

struct CloseLibrary {
  void operator()(void* library) const { dlclose(library); }
};

template <class Function>
Function* entry(void* library, const char* name) {
  return reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

std::string cuda_version_text(int version) {
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

CudaProbe probe_cuda(const std::string& library) {
  CudaProbe probe;
  const std::unique_ptr<void, CloseLibrary> driver(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!driver) {
    probe.line = fmt::format("no CUDA driver on this machine ({} not found)", library);
    return probe;
  }
  probe.driver_found = true;
  const auto initialise = entry<int(unsigned)>(driver.get(), "cuInit");
  const auto get_version = entry<int(int*)>(driver.get(), "cuDriverGetVersion");
  const auto get_count = entry<int(int*)>(driver.get(), "cuDeviceGetCount");
  int value = 0;
  if (get_version != nullptr && get_version(&value) == 0) probe.driver_version = value;
  if (initialise != nullptr && get_count != nullptr && initialise(0) == 0 &&
      get_count(&value) == 0) {
    probe.device_count = value;
  }
  const std::string version =
      probe.driver_version ? " for " + cuda_version_text(*probe.driver_version) : std::string();
  const std::string devices = probe.device_count ? fmt::format("{} device(s)", *probe.device_count)
                                                 : "no device that answers";
  probe.line = fmt::format("CUDA driver{} with {}", version, devices);
  return probe;
}

}  // namespace assay::harness
