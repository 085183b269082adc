#pragma once
/// Tables of functions that shared libraries fill at run time: how the program uses CUDA's
/// libraries and links none of them. A library stays open until the program ends.
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace assay {

/// The first of `names` that opens and the name it was found by; null where none does.
struct OpenedLibrary {
  void* handle = nullptr;
  std::string name;
};
[[nodiscard]] OpenedLibrary open_shared_library(const std::vector<std::string>& names);

/// The address of a function; null where the library has none of that name.
[[nodiscard]] void* find_symbol(const OpenedLibrary& library, const char* name);

/// The table that `names` fill: each entry by its name in for_each_entry. Errors: no library
/// ("no `what` on this machine") or a missing entry is an input error that names it and the mend.
template <class Table>
[[nodiscard]] Table open_table(const std::vector<std::string>& names, std::string_view what,
                               const std::string& mend) {
  const OpenedLibrary library = open_shared_library(names);
  if (library.handle == nullptr) {
    throw input_error("no " + std::string(what) + " on this machine", library.name, mend);
  }
  Table table{};
  for_each_entry(table, [&](const char* name, auto& entry) {
    void* const found = find_symbol(library, name);
    if (found == nullptr) {
      throw input_error("the library has no " + std::string(name), library.name, mend);
    }
    entry = reinterpret_cast<std::remove_reference_t<decltype(entry)>>(found);
  });
  return table;
}

}  // namespace assay
