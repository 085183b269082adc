#include "ptx_device/cubin.h"

#include <cstdint>
#include <cstring>

namespace assay::ptx_device {

namespace {

template <class T>
T read_at(std::string_view bytes, std::uint64_t offset) {
  T value{};
  if (offset <= bytes.size() && sizeof value <= bytes.size() - offset) {
    std::memcpy(&value, bytes.data() + offset, sizeof value);
  }
  return value;
}

/// Offsets within an ELF64 header and section header.
constexpr std::uint64_t kSectionTable = 0x28;
constexpr std::uint64_t kSectionSize = 0x3A;
constexpr std::uint64_t kSectionCount = 0x3C;
constexpr std::uint64_t kNameSection = 0x3E;
constexpr std::uint64_t kOffsetOfSection = 0x18;
constexpr std::uint64_t kInfoOfSection = 0x2C;

std::string name_at(std::string_view bytes, std::uint64_t offset) {
  if (offset >= bytes.size()) return {};
  const std::string_view rest = bytes.substr(offset);
  return std::string(rest.substr(0, rest.find('\0')));
}

}  // namespace

std::map<std::string, int> registers_of(std::string_view cubin) {
  std::map<std::string, int> registers;
  if (!cubin.starts_with("\x7F"
                         "ELF"))
    return registers;
  const auto table = read_at<std::uint64_t>(cubin, kSectionTable);
  const std::uint64_t size = read_at<std::uint16_t>(cubin, kSectionSize);
  const std::uint64_t count = read_at<std::uint16_t>(cubin, kSectionCount);
  const std::uint64_t names_section = read_at<std::uint16_t>(cubin, kNameSection);
  const auto names = read_at<std::uint64_t>(cubin, table + names_section * size + kOffsetOfSection);
  constexpr std::string_view kText = ".text.";
  for (std::uint64_t index = 0; index < count; ++index) {
    const std::uint64_t section = table + index * size;
    const std::string name = name_at(cubin, names + read_at<std::uint32_t>(cubin, section));
    if (!name.starts_with(kText)) continue;
    const auto info = read_at<std::uint32_t>(cubin, section + kInfoOfSection);
    registers[name.substr(kText.size())] = static_cast<int>(info >> 24U);
  }
  return registers;
}

}  // namespace assay::ptx_device
