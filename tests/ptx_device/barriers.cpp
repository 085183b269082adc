/// bar and barrier: sync, arrive and red, with number and count of threads.
#include "ptx_device/block.h"
#include "ptx_device/emission.h"
#include "ptx_device/warp.h"

namespace assay::ptx_device {

namespace {

/// slots: result of red, number, count (or kNoSlot), predicate of red.
enum : std::size_t { kResult, kNumber, kCount, kPredicate };

std::uint32_t number_of(const Thread& thread, const Instruction* i) {
  return read_slot<std::uint32_t>(thread, i->slots[kNumber]);
}
std::uint32_t count_of(const Thread& thread, const Instruction* i) {
  return i->slots[kCount] == kNoSlot ? 0 : read_slot<std::uint32_t>(thread, i->slots[kCount]);
}

const Instruction* synchronise(Thread& thread, const Instruction* i) {
  thread.block->wait_at_barrier(thread, i, number_of(thread, i), count_of(thread, i));
  return nullptr;
}

const Instruction* arrive(Thread& thread, const Instruction* i) {
  thread.block->arrive_at_barrier(thread, i, number_of(thread, i), count_of(thread, i));
  return i + 1;
}

enum class Reduction { population, conjunction, disjunction };

/// For all threads that wait at that barrier, each by an instruction of its own. immediate: 1 for a
/// negated predicate.
template <Reduction Kind>
void complete_reduction(Block& block, Thread* first, std::uint32_t number, const Instruction*) {
  const std::uint32_t threads = block.launch().threads();
  std::uint32_t waiting = 0;
  std::uint32_t votes = 0;
  const auto for_waiting = [&](auto function) {
    for (std::uint32_t k = 0; k < threads; ++k) {
      if (first[k].state != ThreadState::barrier || first[k].mask != number) continue;
      function(first[k], first[k].next);
    }
  };
  for_waiting([&](const Thread& thread, const Instruction* i) {
    ++waiting;
    votes += ((thread.slots[i->slots[kPredicate]] & 1U) != 0) != (i->immediate != 0) ? 1 : 0;
  });
  std::uint32_t result = votes;
  if constexpr (Kind == Reduction::conjunction) result = votes == waiting ? 1 : 0;
  if constexpr (Kind == Reduction::disjunction) result = votes > 0 ? 1 : 0;
  for_waiting(
      [&](Thread& thread, const Instruction* i) { write_slot(thread, i->slots[kResult], result); });
}

Completion take_reduction(Emission& e) {
  if (e.take("popc")) return complete_reduction<Reduction::population>;
  if (e.take("and")) return complete_reduction<Reduction::conjunction>;
  if (e.take("or")) return complete_reduction<Reduction::disjunction>;
  Emission::unsupported("it has no reduction");
}

void emit_barrier(Emission& e, bool aligned) {
  e.take("cta");
  aligned = e.take("aligned") || aligned;
  const bool arrives = e.take("arrive");
  const bool reduces = !arrives && e.take("red");
  if (!arrives && !reduces && !e.take("sync")) Emission::unsupported("this form is not supported");
  Completion complete = nullptr;
  std::array<Slot, 8> slots{};
  std::size_t at = 0;
  if (reduces) {
    complete = take_reduction(e);
    e.type();
    slots[kResult] = e.destination(at++);
  }
  slots[kNumber] = e.source(at++, Type::u32);
  const std::size_t with_count = reduces ? at + 2 : at + 1;
  slots[kCount] = e.operands() >= with_count ? e.source(at++, Type::u32) : kNoSlot;
  if (arrives && slots[kCount] == kNoSlot) Emission::unsupported("an arrival without a count");
  if (slots[kCount] != kNoSlot) e.program().synchronises_parts = true;
  bool negated = false;
  if (reduces) {
    slots[kPredicate] = e.source(at, Type::predicate);
    negated = e.operand(at).negated;
  }
  Instruction& instruction = e.emit(arrives ? arrive : synchronise);
  instruction.slots = slots;
  instruction.immediate = negated ? 1 : 0;
  Detail& detail = e.detail();
  detail.complete = complete;
  detail.may_differ = !aligned;
}

void decode_bar(Emission& e) {
  if (e.take("warp")) {
    if (!e.take("sync")) Emission::unsupported("this form is not supported");
    return decode_warp_barrier(e);
  }
  emit_barrier(e, true);
}
void decode_barrier(Emission& e) {
  emit_barrier(e, false);
}

constexpr Opcode kOpcodes[] = {{"bar", decode_bar}, {"barrier", decode_barrier}};

}  // namespace

std::span<const Opcode> barrier_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
