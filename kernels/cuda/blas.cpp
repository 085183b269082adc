#include "kernels/cuda/blas.h"

#include <fmt/format.h>

#include <exception>
#include <map>
#include <mutex>

#include "base/error.h"
#include "kernels/cuda/release.h"
#include "kernels/cuda/shared_library.h"

namespace assay::cuda::blas {
namespace {

Table open_library(const std::vector<std::string>& names) {
  return open_table<Table>(names, "cuBLASLt",
                           "install cuBLAS of CUDA 11.8 or later where the loader finds it");
}

}  // namespace

const std::vector<std::string>& library_names() {
  static const std::vector<std::string> kNames = {"libcublasLt.so.13", "libcublasLt.so.12",
                                                  "libcublasLt.so.11"};
  return kNames;
}

const Table& system_library(const std::vector<std::string>& names) {
  static std::mutex mutex;
  static std::map<std::vector<std::string>, Table> open;
  const std::lock_guard lock(mutex);
  const auto found = open.find(names);
  return found != open.end() ? found->second
                             : open.emplace(names, open_library(names)).first->second;
}

const Table& machine_library() {
  return system_library();
}

void check(const Table& table, Status status, std::string_view call, const std::string& where) {
  if (status == kSuccess) return;
  const char* const name = table.get_status_name(status);
  const char* const text = table.get_status_string(status);
  throw check_error(std::string(call) + " failed: " +
                        (name != nullptr ? name : "status " + std::to_string(status)) +
                        (text != nullptr ? ": " + std::string(text) : ""),
                    where);
}

std::string version_text(const Table& table) {
  const auto part = [&](Property property) {
    int value = 0;
    check(table, table.get_property(property, &value), "cublasLtGetProperty");
    return value;
  };
  return fmt::format("{}.{}.{}", part(Property::major_version), part(Property::minor_version),
                     part(Property::patch_level));
}

void note_destroyed(const Table& table, Status status, std::string_view call) noexcept {
  try {
    check(table, status, call);
  } catch (const std::exception& error) {
    note_release(error.what());
  }
}

Context make_context(const Table& table) {
  return {table, "cublasLtCreate", table.create};
}

Layout make_layout(const Table& table, DataType type, std::int64_t rows, std::int64_t columns) {
  return {table, "cublasLtMatrixLayoutCreate", [&](LayoutHandle* layout) {
            return table.layout_create(layout, type, static_cast<std::uint64_t>(rows),
                                       static_cast<std::uint64_t>(columns), rows);
          }};
}

Multiplication make_multiplication(const Table& table, ComputeType compute, DataType scale) {
  return {table, "cublasLtMatmulDescCreate", [&](MultiplicationHandle* multiplication) {
            return table.multiplication_create(multiplication, compute, scale);
          }};
}

Preference make_preference(const Table& table) {
  return {table, "cublasLtMatmulPreferenceCreate", table.preference_create};
}

}  // namespace assay::cuda::blas
