#include "harness/nvml.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>

#include "kernels/cuda/shared_library.h"

namespace assay::harness::nvml {
namespace {

constexpr std::array<std::string_view, 31> kNames = {"SUCCESS",
                                                     "UNINITIALIZED",
                                                     "INVALID_ARGUMENT",
                                                     "NOT_SUPPORTED",
                                                     "NO_PERMISSION",
                                                     "ALREADY_INITIALIZED",
                                                     "NOT_FOUND",
                                                     "INSUFFICIENT_SIZE",
                                                     "INSUFFICIENT_POWER",
                                                     "DRIVER_NOT_LOADED",
                                                     "TIMEOUT",
                                                     "IRQ_ISSUE",
                                                     "LIBRARY_NOT_FOUND",
                                                     "FUNCTION_NOT_FOUND",
                                                     "CORRUPTED_INFOROM",
                                                     "GPU_IS_LOST",
                                                     "RESET_REQUIRED",
                                                     "OPERATING_SYSTEM",
                                                     "LIB_RM_VERSION_MISMATCH",
                                                     "IN_USE",
                                                     "MEMORY",
                                                     "NO_DATA",
                                                     "VGPU_ECC_NOT_SUPPORTED",
                                                     "INSUFFICIENT_RESOURCES",
                                                     "FREQ_NOT_SUPPORTED",
                                                     "ARGUMENT_VERSION_MISMATCH",
                                                     "DEPRECATED",
                                                     "NOT_READY",
                                                     "GPU_NOT_FOUND",
                                                     "INVALID_STATE",
                                                     "RESET_TYPE_NOT_SUPPORTED"};

std::unique_ptr<const Table> open_library(const std::string& name) {
  const OpenedLibrary library = open_shared_library({name});
  if (library.handle == nullptr) return nullptr;
  auto table = std::make_unique<Table>();
  for_each_entry(*table, [&](const char* entry_name, auto& entry) {
    entry = reinterpret_cast<std::remove_reference_t<decltype(entry)>>(
        find_symbol(library, entry_name));
  });
  return table;
}

}  // namespace

double number_of(const FieldValue& field) {
  const Value& value = field.value;
  switch (field.value_type) {
    case 0:
      return value.as_double;
    case 1:
      return value.as_unsigned;
    case 2:
      return static_cast<double>(value.as_unsigned_long);
    case 3:
      return static_cast<double>(value.as_unsigned_long_long);
    case 4:
      return static_cast<double>(value.as_long_long);
    case 5:
      return value.as_int;
    default:
      return value.as_unsigned_short;
  }
}

const Table* system_library(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Table>> open;
  const std::lock_guard lock(mutex);
  const auto found = open.find(name);
  if (found != open.end()) return found->second.get();
  return open.emplace(name, open_library(name)).first->second.get();
}

std::string reason_of(std::string_view call, Return result) {
  const bool known = result >= 0 && static_cast<std::size_t>(result) < kNames.size();
  return fmt::format("{}: {} ({})", call,
                     known ? kNames[static_cast<std::size_t>(result)] : std::string_view("UNKNOWN"),
                     result);
}

}  // namespace assay::harness::nvml
