#pragma once
/// Device memory: exact allocations far apart, so that each access outside of one is seen.
///
/// Addresses are never used twice; what is freed keeps its address, so that a use after it is
/// named. Fresh memory is filled with 0xFF bytes: a NaN in each floating-point type.
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace assay::ptx_device {

struct Allocation {
  std::uint64_t begin = 0;
  std::size_t bytes = 0;
  std::string name;  ///< of a module's variable; empty: of memory_allocate
  bool is_constant = false;
  bool is_free = false;
  std::unique_ptr<std::byte[]> host;
};

class GlobalMemory {
 public:
  GlobalMemory(std::uint64_t first_address, std::size_t capacity)
      : next_(first_address), capacity_(capacity) {}

  /// Throws Refusal(kOutOfMemory) beyond the capacity.
  std::uint64_t allocate(std::size_t bytes, const std::string& name = {}, bool is_constant = false);
  /// Throws Refusal(kInvalidValue) for an address that no allocation begins at, freed ones too.
  void free(std::uint64_t begin);

  [[nodiscard]] std::size_t free_bytes() const { return capacity_ - used_; }

  /// The allocation that holds address, freed or not; null for none.
  [[nodiscard]] const Allocation* find(std::uint64_t address) const;
  /// The host's bytes of a range. Throws Refusal(kInvalidValue) unless one allocation holds it.
  [[nodiscard]] std::byte* range(std::uint64_t address, std::size_t bytes) const;
  /// "4 bytes past the end of the 64-byte allocation at 0x…", for an address outside.
  [[nodiscard]] std::string describe(std::uint64_t address) const;
  /// One line for each allocation that memory_allocate made and memory_free did not get back.
  [[nodiscard]] std::vector<std::string> leaks() const;

 private:
  std::map<std::uint64_t, Allocation> allocations_;  ///< by begin
  std::uint64_t next_;
  std::size_t used_ = 0;
  std::size_t capacity_;
};

}  // namespace assay::ptx_device
