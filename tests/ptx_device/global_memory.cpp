#include "ptx_device/global_memory.h"

#include <fmt/format.h>

#include <cstring>
#include <new>

#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

/// A driver aligns allocations to 256 bytes at least; more would hide a kernel that relies on it.
constexpr std::uint64_t kAlignment = 256;
constexpr std::uint64_t kGap = std::uint64_t{16} << 20U;

std::string name_of(const Allocation& allocation) {
  const std::string size = fmt::format("{}-byte", allocation.bytes);
  const std::string freed = allocation.is_free ? "freed " : "";
  return allocation.name.empty()
             ? fmt::format("{}{} allocation at {:#x}", freed, size, allocation.begin)
             : fmt::format("{}{} variable {} at {:#x}", freed, size, allocation.name,
                           allocation.begin);
}

}  // namespace

std::uint64_t GlobalMemory::allocate(std::size_t bytes, const std::string& name, bool is_constant) {
  Allocation allocation;
  if (bytes <= capacity_ - used_) allocation.host.reset(new (std::nothrow) std::byte[bytes]);
  if (allocation.host == nullptr) {
    throw Refusal(cuda::kOutOfMemory, fmt::format("{} bytes asked for, {} of {} are free", bytes,
                                                  capacity_ - used_, capacity_));
  }
  std::memset(allocation.host.get(), 0xFF, bytes);
  allocation.begin = next_;
  allocation.bytes = bytes;
  allocation.name = name;
  allocation.is_constant = is_constant;
  next_ += (bytes + kGap + kAlignment - 1) / kAlignment * kAlignment;
  used_ += bytes;
  const std::uint64_t begin = allocation.begin;
  allocations_.emplace(begin, std::move(allocation));
  return begin;
}

void GlobalMemory::free(std::uint64_t begin) {
  const auto found = allocations_.find(begin);
  if (found == allocations_.end()) {
    throw Refusal(cuda::kInvalidValue, fmt::format("{:#x} is not the begin of an allocation: {}",
                                                   begin, describe(begin)));
  }
  Allocation& allocation = found->second;
  if (allocation.is_free) {
    throw Refusal(cuda::kInvalidValue, fmt::format("the {} is freed twice", name_of(allocation)));
  }
  allocation.is_free = true;
  allocation.host.reset();
  used_ -= allocation.bytes;
}

const Allocation* GlobalMemory::find(std::uint64_t address) const {
  auto above = allocations_.upper_bound(address);
  if (above == allocations_.begin()) return nullptr;
  const Allocation& below = std::prev(above)->second;
  return address - below.begin < below.bytes ? &below : nullptr;
}

std::byte* GlobalMemory::range(std::uint64_t address, std::size_t bytes) const {
  const Allocation* allocation = find(address);
  if (allocation == nullptr || allocation->is_free ||
      bytes > allocation->bytes - (address - allocation->begin)) {
    throw Refusal(cuda::kInvalidValue,
                  fmt::format("{} bytes at {:#x} are not within an allocation: {}", bytes, address,
                              describe(address)));
  }
  return allocation->host.get() + (address - allocation->begin);
}

std::string GlobalMemory::describe(std::uint64_t address) const {
  if (const Allocation* inside = find(address)) {
    return fmt::format("byte {} of the {}", address - inside->begin, name_of(*inside));
  }
  auto above = allocations_.upper_bound(address);
  const Allocation* below = above == allocations_.begin() ? nullptr : &std::prev(above)->second;
  const std::uint64_t past =
      below == nullptr ? ~std::uint64_t{0} : address - below->begin - below->bytes;
  if (above != allocations_.end() && above->second.begin - address < past) {
    return fmt::format("{} bytes before the {}", above->second.begin - address,
                       name_of(above->second));
  }
  if (below == nullptr) return "there are no allocations";
  return fmt::format("{} bytes past the end of the {}", past, name_of(*below));
}

std::vector<std::string> GlobalMemory::leaks() const {
  std::vector<std::string> lines;
  for (const auto& [begin, allocation] : allocations_) {
    if (!allocation.is_free && allocation.name.empty()) lines.push_back(name_of(allocation));
  }
  return lines;
}

}  // namespace assay::ptx_device
