#include "ptx_device/special_registers.h"

#include <chrono>
#include <map>

#include "ptx_device/block.h"

namespace assay::ptx_device {

namespace {

template <auto Value>
const Instruction* special(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0], Value(thread));
  return i + 1;
}

template <unsigned Axis>
std::uint32_t tid(const Thread& thread) {
  return thread.position[Axis];
}
template <unsigned Axis>
std::uint32_t ntid(const Thread& thread) {
  return thread.block->launch().block[Axis];
}
template <unsigned Axis>
std::uint32_t ctaid(const Thread& thread) {
  return thread.block->position()[Axis];
}
template <unsigned Axis>
std::uint32_t nctaid(const Thread& thread) {
  return thread.block->launch().grid[Axis];
}
std::uint32_t laneid(const Thread& thread) {
  return thread.lane();
}
std::uint32_t warpid(const Thread& thread) {
  return thread.index / 32;
}
std::uint32_t nwarpid(const Thread& thread) {
  return (thread.block->launch().threads() + 31) / 32;
}
std::uint32_t lanemask_eq(const Thread& thread) {
  return 1U << thread.lane();
}
std::uint32_t lanemask_lt(const Thread& thread) {
  return lanemask_eq(thread) - 1;
}
std::uint32_t lanemask_le(const Thread& thread) {
  return lanemask_eq(thread) | lanemask_lt(thread);
}
std::uint32_t lanemask_gt(const Thread& thread) {
  return ~lanemask_le(thread);
}
std::uint32_t lanemask_ge(const Thread& thread) {
  return ~lanemask_lt(thread);
}
std::uint32_t nsmid(const Thread& thread) {
  return thread.block->launch().multiprocessors;
}
std::uint32_t smid(const Thread& thread) {
  return static_cast<std::uint32_t>(thread.block->index() % nsmid(thread));
}
std::uint32_t dynamic_shared(const Thread& thread) {
  return thread.block->launch().dynamic_shared_bytes;
}
std::uint32_t total_shared(const Thread& thread) {
  return thread.block->shared().size();
}
/// Clocks count instructions, so that a run can be repeated; %globaltimer is the host's.
std::uint64_t clock64(const Thread& thread) {
  return thread.block->counters().instructions;
}
std::uint32_t clock32(const Thread& thread) {
  return static_cast<std::uint32_t>(clock64(thread));
}
std::uint64_t globaltimer(const Thread&) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}
template <std::uint32_t Value>
std::uint32_t fixed(const Thread&) {
  return Value;
}

const Instruction* local_address(Thread& thread, const Instruction* i) {
  const auto offset = static_cast<std::uint64_t>(i->immediate);
  write_slot(thread, i->slots[0], read_slot<std::uint64_t>(thread, i->slots[1]) + offset);
  return i + 1;
}

}  // namespace

Handler local_address_handler() {
  return local_address;
}

Handler special_register_handler(const std::string& name) {
  static const std::map<std::string, Handler> kHandlers = {
      {"%tid.x", special<tid<0>>},
      {"%tid.y", special<tid<1>>},
      {"%tid.z", special<tid<2>>},
      {"%ntid.x", special<ntid<0>>},
      {"%ntid.y", special<ntid<1>>},
      {"%ntid.z", special<ntid<2>>},
      {"%ctaid.x", special<ctaid<0>>},
      {"%ctaid.y", special<ctaid<1>>},
      {"%ctaid.z", special<ctaid<2>>},
      {"%nctaid.x", special<nctaid<0>>},
      {"%nctaid.y", special<nctaid<1>>},
      {"%nctaid.z", special<nctaid<2>>},
      {"%laneid", special<laneid>},
      {"%warpid", special<warpid>},
      {"%nwarpid", special<nwarpid>},
      {"%lanemask_eq", special<lanemask_eq>},
      {"%lanemask_lt", special<lanemask_lt>},
      {"%lanemask_le", special<lanemask_le>},
      {"%lanemask_gt", special<lanemask_gt>},
      {"%lanemask_ge", special<lanemask_ge>},
      {"%smid", special<smid>},
      {"%nsmid", special<nsmid>},
      {"%gridid", special<fixed<1>>},
      {"%clock", special<clock32>},
      {"%clock64", special<clock64>},
      {"%globaltimer", special<globaltimer>},
      {"%dynamic_smem_size", special<dynamic_shared>},
      {"%total_smem_size", special<total_shared>},
      // Without clusters, each block is a cluster of its own.
      {"%cluster_ctarank", special<fixed<0>>},
      {"%cluster_nctarank", special<fixed<1>>},
  };
  const auto found = kHandlers.find(name);
  return found == kHandlers.end() ? nullptr : found->second;
}

}  // namespace assay::ptx_device
