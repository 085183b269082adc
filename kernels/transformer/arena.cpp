#include "kernels/transformer/arena.h"

#include <sys/mman.h>

#include <string>

#include "base/error.h"

namespace assay::transformer {

HostMemory::HostMemory(std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  bytes_ = (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    throw input_error("needs " + std::to_string(bytes_ >> 20) + " MiB of memory", "training step",
                      "choose a smaller model, batch or sequence");
  }
  // Huge pages save the address translation of gigabytes of optimiser state; a hint, so a refusal
  // is no error.
  madvise(memory, bytes_, MADV_HUGEPAGE);
  data_ = memory;
}

HostMemory::~HostMemory() {
  munmap(data_, bytes_);
}

}  // namespace assay::transformer
