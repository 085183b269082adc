#pragma once
/// The container nvcc -fatbin writes: a header and one entry per cubin and PTX text. Its layout is
/// not documented by NVIDIA; what is read here was found by comparing what nvcc 13.0 writes for
/// known options:
///
///   header  u32 magic 0xBA55ED50, u16 version, u16 header bytes, u64 bytes of the entries
///   entry   u16 kind (1 PTX, 2 cubin) at 0, u32 header bytes at 4, u64 payload bytes at 8,
///           u32 compressed bytes at 16 (0: stored as is), u32 architecture at 28
///
/// Payloads are padded with zero bytes.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace assay::ptx_device {

struct FatbinEntry {
  enum class Kind { ptx, cubin };
  Kind kind = Kind::ptx;
  int architecture = 0;  ///< 80: sm_80
  bool compressed = false;
  std::string_view payload;
};

/// True if the bytes at image begin as a fatbin does.
[[nodiscard]] bool is_fatbin(const void* image);

/// The entries; views into image. Throws Refusal(kInvalidImage) for a broken container.
[[nodiscard]] std::vector<FatbinEntry> read_fatbin(const void* image);

struct PtxImage {
  std::string text;
  int architecture = 0;    ///< of the entry; 0 for plain text, whose .target says
  std::string_view cubin;  ///< the machine code for exactly the asked architecture; may be empty
};

/// The PTX that a driver of that architecture would compile: the newest that is not newer than the
/// architecture. image: a fatbin, or PTX text that ends with a zero byte. Throws Refusal:
/// kNoBinaryForGpu when no PTX fits, kInvalidImage when it is compressed or no image at all.
[[nodiscard]] PtxImage select_ptx(const void* image, int architecture);

}  // namespace assay::ptx_device
