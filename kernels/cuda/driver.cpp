#include "kernels/cuda/driver.h"

#include <dlfcn.h>

#include <map>
#include <mutex>

#include "base/error.h"

namespace assay::cuda {
namespace {

/// The version whose prototypes the table declares: the driver hands out each entry in the form it
/// had then. (A plain dlsym of "cuMemAlloc" would be the 32-bit call of CUDA 3.)
constexpr int kEntryVersion = 11080;
constexpr std::uint64_t kDefaultFlags = 0;

/// Finds entries of an open driver library, by either form of cuGetProcAddress.
class EntryFinder {
 public:
  explicit EntryFinder(void* library)
      : with_status_(
            reinterpret_cast<WithStatus>(dlsym(library, "cuGetProcAddress_v2"))),  // CUDA 12
        plain_(reinterpret_cast<Plain>(dlsym(library, "cuGetProcAddress"))) {}     // CUDA 11.3

  [[nodiscard]] bool usable() const { return with_status_ != nullptr || plain_ != nullptr; }

  [[nodiscard]] void* find(const char* name) const {
    void* entry = nullptr;
    const Result result = with_status_ != nullptr
                              ? with_status_(name, &entry, kEntryVersion, kDefaultFlags, nullptr)
                              : plain_(name, &entry, kEntryVersion, kDefaultFlags);
    return result == kSuccess ? entry : nullptr;
  }

 private:
  using WithStatus = Result (*)(const char*, void**, int, std::uint64_t, int*);
  using Plain = Result (*)(const char*, void**, int, std::uint64_t);
  WithStatus with_status_;
  Plain plain_;
};

DriverTable open_driver(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw input_error("no CUDA driver on this machine", library,
                      "install NVIDIA's driver, or choose --device cpu");
  }
  const EntryFinder finder(handle);
  const std::string mend = "install a driver for CUDA 11.8 or later";
  if (!finder.usable()) throw input_error("the CUDA driver is too old", library, mend);
  DriverTable table{};
  for_each_entry(table, [&](const char* name, auto& entry) {
    void* const found = finder.find(name);
    if (found == nullptr) {
      throw input_error("the CUDA driver has no " + std::string(name), library, mend);
    }
    entry = reinterpret_cast<std::remove_reference_t<decltype(entry)>>(found);
  });
  return table;
}

}  // namespace

const DriverTable& system_driver(const std::string& library) {
  static std::mutex mutex;
  static std::map<std::string, DriverTable> open;
  const std::lock_guard lock(mutex);
  const auto found = open.find(library);
  return found != open.end() ? found->second
                             : open.emplace(library, open_driver(library)).first->second;
}

void check(const DriverTable& driver, Result result, std::string_view call,
           const std::string& where) {
  if (result == kSuccess) return;
  const char* name = nullptr;
  const char* text = nullptr;
  const bool named = driver.get_error_name(result, &name) == kSuccess && name != nullptr;
  const bool told = driver.get_error_string(result, &text) == kSuccess && text != nullptr;
  throw check_error(std::string(call) +
                        " failed: " + (named ? name : "error " + std::to_string(result)) +
                        (told ? ": " + std::string(text) : ""),
                    where);
}

}  // namespace assay::cuda
