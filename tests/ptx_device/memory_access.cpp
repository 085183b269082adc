#include "ptx_device/memory_access.h"

#include <fmt/format.h>

#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

const char* name_of(Access access) {
  switch (access) {
    case Access::read:
      return "read";
    case Access::write:
      return "write";
    default:
      return "atomic operation";
  }
}

Fault outside(const char* space, std::uint64_t address, std::uint32_t bytes, Access access,
              const std::string& nearest) {
  return {cuda::kIllegalAddress, fmt::format("{} {} of {} bytes at {:#x}: {}", space,
                                             name_of(access), bytes, address, nearest)};
}

}  // namespace

void misaligned(std::uint64_t address, std::uint32_t bytes, Access access) {
  throw Fault(cuda::kMisalignedAddress,
              fmt::format("misaligned {} of {} bytes at {:#x}", name_of(access), bytes, address));
}

std::byte* find_global(Thread& thread, std::uint32_t site, std::uint64_t address,
                       std::uint32_t bytes, Access access) {
  const GlobalMemory& memory = *thread.block->launch().memory;
  const Allocation* allocation = memory.find(address);
  const bool fits = allocation != nullptr && !allocation->is_free &&
                    bytes <= allocation->bytes - (address - allocation->begin);
  if (!fits) throw outside("global", address, bytes, access, memory.describe(address));
  if (allocation->is_constant && access != Access::read) {
    throw outside("constant", address, bytes, access, "constant memory is not written");
  }
  thread.block->site(site) = {allocation->begin, allocation->bytes - bytes + 1,
                              allocation->host.get()};
  return allocation->host.get() + (address - allocation->begin);
}

std::byte* find_local(Thread& thread, std::uint64_t address, std::uint32_t bytes, Access access) {
  ThreadExtras& extras = *thread.extras;
  const std::uint64_t offset = address - kLocalBegin;
  if (offset >= extras.local.size() || bytes > extras.local.size() - offset) {
    throw outside(
        "local", address, bytes, access,
        fmt::format("the thread has {} bytes at {:#x}", extras.local.size(), kLocalBegin));
  }
  thread.block->counters().local_bytes += bytes;
  const bool detects = thread.block->launch().options->detect_uninitialised;
  for (std::uint64_t byte = offset; byte < offset + bytes; ++byte) {
    if (access == Access::write) {
      extras.local_written[byte] = true;
    } else if (detects && !extras.local_written[byte]) {
      throw Fault(cuda::kLaunchFailed,
                  fmt::format("uninitialised local memory: {} at {:#x}, which the thread did not "
                              "write",
                              name_of(access), kLocalBegin + byte));
    }
  }
  return extras.local.data() + offset;
}

std::byte* find_constant(Thread& thread, std::uint64_t address, std::uint32_t bytes,
                         Access access) {
  const GlobalMemory& memory = *thread.block->launch().memory;
  const Allocation* allocation = memory.find(address);
  const bool fits = allocation != nullptr && allocation->is_constant && !allocation->is_free &&
                    bytes <= allocation->bytes - (address - allocation->begin);
  if (!fits || access != Access::read) {
    throw outside("constant", address, bytes, access, memory.describe(address));
  }
  return allocation->host.get() + (address - allocation->begin);
}

std::byte* find_parameter(Thread& thread, std::uint64_t address, std::uint32_t bytes,
                          Access access) {
  const std::vector<std::byte>& parameters = thread.block->launch().parameters;
  if (address >= parameters.size() || bytes > parameters.size() - address ||
      access != Access::read) {
    throw outside("parameter", address, bytes, access,
                  fmt::format("the kernel has {} bytes of parameters, which are read only",
                              parameters.size()));
  }
  // Only read through: see above.
  return const_cast<std::byte*>(parameters.data()) + address;
}

Space take_space(Emission& e) {
  for (const std::string& modifier : e.left()) {
    if (const auto space = space_named(modifier)) {
      const std::string name = modifier;
      e.take(name);
      return *space;
    }
  }
  return Space::generic;
}

bool ignore_memory_hints(Emission& e) {
  e.ignore({"weak", "relaxed", "acquire", "release", "acq_rel", "volatile", "mmio", "cta",
            "cluster", "gpu", "sys", "ca", "cg", "cs", "cv", "lu", "wb", "wt", "nc"});
  while (!e.take_prefixed("L1::").empty()) {
  }
  bool policy = false;
  for (std::string hint = e.take_prefixed("L2::"); !hint.empty(); hint = e.take_prefixed("L2::")) {
    policy = policy || hint == "L2::cache_hint";
  }
  return policy;
}

}  // namespace assay::ptx_device
