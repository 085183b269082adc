/// cp.async and its groups. A copy's addresses are checked when it is issued; its bytes land when
/// it is waited for, as late as they may.
#include <fmt/format.h>

#include "ptx_device/fault.h"
#include "ptx_device/memory_access.h"
#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

/// slots: shared address, its offset's constant, global address, source size or predicate.
/// immediate: the offset of the global address.
enum : std::size_t { kTo, kToOffset, kFrom, kSourceSize, kIgnoreSource };

template <std::uint32_t Bytes>
const Instruction* copy(Thread& thread, const Instruction* i) {
  const std::uint64_t to = thread.slots[i->slots[kTo]] + thread.slots[i->slots[kToOffset]];
  const std::uint64_t from =
      thread.slots[i->slots[kFrom]] + static_cast<std::uint64_t>(i->immediate);
  std::uint32_t size = Bytes;
  if (i->slots[kSourceSize] != kNoSlot)
    size = read_slot<std::uint32_t>(thread, i->slots[kSourceSize]);
  if (i->slots[kIgnoreSource] != kNoSlot && (thread.slots[i->slots[kIgnoreSource]] & 1U) != 0) {
    size = 0;
  }
  if (size > Bytes) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("the source size {} is more than the {} bytes copied", size, Bytes));
  }
  if (to % Bytes != 0) misaligned(to, Bytes, Access::write);
  if (from % Bytes != 0) misaligned(from, Bytes, Access::read);
  AsyncCopy pending;
  pending.shared_address = static_cast<std::uint32_t>(to);
  pending.bytes = Bytes;
  pending.from_bytes = size;
  if (size == Bytes) {
    pending.from = global_bytes(thread, i->detail, from, size, Access::read);
  } else if (size > 0) {
    // A site notes allocations for accesses of one size only.
    pending.from = find_global(thread, i->detail, from, size, Access::read);
    thread.block->site(i->detail) = {};
    thread.block->counters().global_read_bytes += size;
  }
  thread.block->counters().zero_filled_bytes += Bytes - size;
  thread.block->counters().shared_written_bytes += Bytes;
  pending.shared =
      thread.block->shared().begin_copy(pending.shared_address, Bytes, thread.index, i);
  pending.group = thread.extras->group;
  thread.extras->copies.push_back(pending);
  return i + 1;
}

const Instruction* commit_group(Thread& thread, const Instruction* i) {
  ++thread.extras->group;
  return i + 1;
}

/// immediate: the latest groups that may be under way still.
const Instruction* wait_group(Thread& thread, const Instruction* i) {
  const auto allowed = static_cast<std::uint32_t>(i->immediate);
  const std::uint32_t groups = thread.extras->group;
  if (groups > allowed) thread.block->land_copies(thread, groups - allowed - 1);
  return i + 1;
}

const Instruction* wait_all(Thread& thread, const Instruction* i) {
  thread.block->land_copies(thread, thread.extras->group);
  return i + 1;
}

Handler copy_of(std::int64_t bytes) {
  switch (bytes) {
    case 4:
      return copy<4>;
    case 8:
      return copy<8>;
    case 16:
      return copy<16>;
    default:
      Emission::unsupported("a copy of other than 4, 8 or 16 bytes");
  }
}

void emit_copy(Emission& e) {
  const bool around_l1 = e.take("cg");
  if (!around_l1 && !e.take("ca")) Emission::unsupported("this form is not supported");
  const bool has_policy = ignore_memory_hints(e);
  if (take_space(e) != Space::shared || take_space(e) != Space::global) {
    Emission::unsupported("other than from global to shared memory");
  }
  const auto bytes = e.integer(2);
  if (!bytes || (around_l1 && *bytes != 16)) Emission::unsupported("cg copies 16 bytes");
  const Emission::Address to = e.address(0);
  const Emission::Address from = e.address(1);
  std::array<Slot, 8> slots{};
  slots[kTo] = to.base;
  slots[kToOffset] = e.frame().constant(static_cast<std::uint64_t>(to.offset));
  slots[kFrom] = from.base;
  slots[kSourceSize] = slots[kIgnoreSource] = kNoSlot;
  if (e.operands() - (has_policy ? 1 : 0) > 3) {
    const bool is_predicate = e.register_type(e.operand(3)) == Type::predicate;
    slots[is_predicate ? kIgnoreSource : kSourceSize] = e.source(3, Type::u32);
  }
  Instruction& instruction = e.emit(copy_of(*bytes));
  instruction.slots = slots;
  instruction.immediate = from.offset;
  instruction.detail = e.site();
}

void decode_cp(Emission& e) {
  if (!e.take("async")) Emission::unsupported("this form is not supported");
  if (e.take("commit_group")) {
    e.emit(commit_group);
  } else if (e.take("wait_all")) {
    e.emit(wait_all);
  } else if (e.take("wait_group")) {
    const auto allowed = e.integer(0);
    if (!allowed) Emission::unsupported("a count that is no constant");
    e.emit(wait_group).immediate = *allowed;
  } else {
    emit_copy(e);
  }
}

constexpr Opcode kOpcodes[] = {{"cp", decode_cp}};

}  // namespace

std::span<const Opcode> async_copy_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
