#include "ptx_device/fatbin.h"

#include <fmt/format.h>

#include <cstring>

#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

constexpr std::uint32_t kMagic = 0xBA55ED50;
constexpr std::uint64_t kSmallestEntryHeader = 32;

template <class T>
T read_at(const char* bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

Refusal broken(const std::string& what) {
  return {cuda::kInvalidImage, "fatbin: " + what};
}

std::string architecture_list(const std::vector<FatbinEntry>& entries) {
  std::string list;
  for (const FatbinEntry& entry : entries) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ",
                        entry.kind == FatbinEntry::Kind::ptx ? "PTX" : "cubin", entry.architecture);
  }
  return list.empty() ? "nothing" : list;
}

bool looks_like_ptx(std::string_view text) {
  return text.find(".version") != std::string_view::npos;
}

}  // namespace

bool is_fatbin(const void* image) {
  return read_at<std::uint32_t>(static_cast<const char*>(image), 0) == kMagic;
}

std::vector<FatbinEntry> read_fatbin(const void* image) {
  const char* bytes = static_cast<const char*>(image);
  const std::uint64_t header_bytes = read_at<std::uint16_t>(bytes, 6);
  const std::uint64_t end = header_bytes + read_at<std::uint64_t>(bytes, 8);
  std::vector<FatbinEntry> entries;
  for (std::uint64_t at = header_bytes; at < end;) {
    if (end - at < kSmallestEntryHeader) throw broken("an entry is cut off");
    const std::uint64_t entry_header = read_at<std::uint32_t>(bytes, at + 4);
    const std::uint64_t payload_bytes = read_at<std::uint64_t>(bytes, at + 8);
    if (entry_header < kSmallestEntryHeader || entry_header > end - at ||
        payload_bytes > end - at - entry_header) {
      throw broken("an entry is longer than the container");
    }
    const auto kind = read_at<std::uint16_t>(bytes, at);
    if (kind == 1 || kind == 2) {
      FatbinEntry entry;
      entry.kind = kind == 1 ? FatbinEntry::Kind::ptx : FatbinEntry::Kind::cubin;
      entry.architecture = read_at<std::int32_t>(bytes, at + 28);
      entry.compressed = read_at<std::uint32_t>(bytes, at + 16) != 0;
      entry.payload = {bytes + at + entry_header, payload_bytes};
      entries.push_back(entry);
    }
    at += entry_header + payload_bytes;
  }
  return entries;
}

PtxImage select_ptx(const void* image, int architecture) {
  if (!is_fatbin(image)) {
    const char* text = static_cast<const char*>(image);
    if (!looks_like_ptx(text)) {
      throw Refusal(cuda::kInvalidImage, "the image is neither a fatbin nor PTX text");
    }
    return {text, 0, {}};
  }
  const std::vector<FatbinEntry> entries = read_fatbin(image);
  const FatbinEntry* best = nullptr;
  std::string_view cubin;
  for (const FatbinEntry& entry : entries) {
    if (entry.kind == FatbinEntry::Kind::cubin) {
      if (entry.architecture == architecture && !entry.compressed) cubin = entry.payload;
    } else if (entry.architecture <= architecture &&
               (best == nullptr || entry.architecture > best->architecture)) {
      best = &entry;
    }
  }
  if (best == nullptr) {
    throw Refusal(cuda::kNoBinaryForGpu, fmt::format("the fatbin has no PTX that sm_{} can run; "
                                                     "it holds {}",
                                                     architecture, architecture_list(entries)));
  }
  if (best->compressed) {
    throw Refusal(cuda::kInvalidImage,
                  fmt::format("the fatbin's PTX for compute_{} is compressed; build it with "
                              "nvcc --no-compress",
                              best->architecture));
  }
  PtxImage result{std::string(best->payload), best->architecture, cubin};
  result.text.resize(std::strlen(result.text.c_str()));
  return result;
}

}  // namespace assay::ptx_device
