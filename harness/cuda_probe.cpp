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
  const auto get_error_name = entry<int(int, const char**)>(driver.get(), "cuGetErrorName");
  int value = 0;
  if (get_version != nullptr && get_version(&value) == 0) probe.driver_version = value;
  std::string refusal = "the library has no cuInit";
  if (initialise != nullptr && get_count != nullptr) {
    const int initialised = initialise(0);
    const int result = initialised == 0 ? get_count(&value) : initialised;
    if (result == 0) probe.device_count = value;
    const char* error_name = nullptr;
    if (get_error_name != nullptr) static_cast<void>(get_error_name(result, &error_name));
    refusal = fmt::format("{} says {}", initialised == 0 ? "cuDeviceGetCount" : "cuInit",
                          error_name != nullptr ? error_name : fmt::format("error {}", result));
  }
  const std::string version =
      probe.driver_version ? " for " + cuda_version_text(*probe.driver_version) : std::string();
  const std::string devices = probe.device_count ? fmt::format("{} device(s)", *probe.device_count)
                                                 : "no device that answers: " + refusal;
  probe.line = fmt::format("CUDA driver{} with {}", version, devices);
  return probe;
}

}  // namespace assay::harness
