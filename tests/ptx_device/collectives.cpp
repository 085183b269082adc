/// Warp collectives other than matrix instructions: shfl, vote, match, redux, activemask, elect,
/// bar.warp.sync. A thread that reaches one waits; the last lane of the mask to come completes it
/// for all (Block::wait_at_collective).
#include <algorithm>
#include <bit>

#include "ptx_device/memory_access.h"
#include "ptx_device/operations.h"
#include "ptx_device/warp.h"

namespace assay::ptx_device {

namespace {

/// What a lane gets from one that does not take part: PTX leaves it undefined. A NaN.
constexpr std::uint32_t kUndefined = 0x7FF0'DEAD;

// Operands of all collectives here: destination, second destination, then sources; the mask last.
enum : std::size_t { kResult, kSecond, kSource, kIndex, kClamp, kMask };

const Instruction* arrive(Thread& thread, const Instruction* i) {
  thread.block->wait_at_collective(thread, i, read_slot<std::uint32_t>(thread, i->slots[kMask]));
  return nullptr;
}
const Instruction* arrive_with_all_who_come(Thread& thread, const Instruction* i) {
  thread.block->wait_at_collective(thread, i, ~0U);
  return nullptr;
}

enum class Shuffle { up, down, butterfly, index };

/// The lane that `lane` reads from, and whether it is within its segment (PTX ISA, "shfl.sync").
template <Shuffle Mode>
std::pair<std::uint32_t, bool> shuffle_source(std::uint32_t lane, std::uint32_t b,
                                              std::uint32_t clamp) {
  const std::uint32_t segment = clamp >> 8U & 31U;
  const std::uint32_t limit = clamp & 31U;
  const std::uint32_t offset = b & 31U;
  const std::uint32_t first = lane & segment;
  const std::uint32_t last = first | (limit & ~segment);
  std::uint32_t from = lane;
  bool inside = false;
  if constexpr (Mode == Shuffle::up) {
    // Lanes may wrap below 0: compared as signed numbers.
    const int below = static_cast<int>(lane) - static_cast<int>(offset);
    inside = below >= static_cast<int>(last);
    from = static_cast<std::uint32_t>(below);
  } else if constexpr (Mode == Shuffle::down) {
    from = lane + offset;
    inside = from <= last;
  } else if constexpr (Mode == Shuffle::butterfly) {
    from = lane ^ offset;
    inside = from <= last;
  } else {
    from = first | (offset & ~segment);
    inside = from <= last;
  }
  return {inside ? from : lane, inside};
}

template <Shuffle Mode>
void complete_shuffle(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  std::array<std::uint32_t, 32> values{};
  for_lanes(lanes, [&](std::uint32_t lane) {
    values[lane] = read_slot<std::uint32_t>(first[lane], i->slots[kSource]);
  });
  for_lanes(lanes, [&](std::uint32_t lane) {
    const auto [from, inside] =
        shuffle_source<Mode>(lane, read_slot<std::uint32_t>(first[lane], i->slots[kIndex]),
                             read_slot<std::uint32_t>(first[lane], i->slots[kClamp]));
    const bool takes_part = (lanes >> from & 1U) != 0;
    write_slot(first[lane], i->slots[kResult], takes_part ? values[from] : kUndefined);
    if (i->slots[kSecond] != kNoSlot) {
      write_slot(first[lane], i->slots[kSecond], std::uint64_t{inside});
    }
  });
}

enum class Vote { all, any, uniform, ballot };

/// immediate: 1 where the predicate is negated.
template <Vote Mode>
void complete_vote(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  std::uint32_t votes = 0;
  for_lanes(lanes, [&](std::uint32_t lane) {
    const bool vote = (first[lane].slots[i->slots[kSource]] & 1U) != (i->immediate != 0 ? 1U : 0U);
    if (vote) votes |= 1U << lane;
  });
  std::uint32_t result = votes;
  if constexpr (Mode == Vote::all) result = votes == lanes ? 1 : 0;
  if constexpr (Mode == Vote::any) result = votes != 0 ? 1 : 0;
  if constexpr (Mode == Vote::uniform) result = votes == 0 || votes == lanes ? 1 : 0;
  for_lanes(lanes, [&](std::uint32_t lane) { write_slot(first[lane], i->slots[kResult], result); });
}

template <class T>
void complete_match_any(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  for_lanes(lanes, [&](std::uint32_t lane) {
    const T own = read_slot<T>(first[lane], i->slots[kSource]);
    std::uint32_t equal = 0;
    for_lanes(lanes, [&](std::uint32_t other) {
      if (read_slot<T>(first[other], i->slots[kSource]) == own) equal |= 1U << other;
    });
    // The destination may be the source: results are written once all are known.
    first[lane].mask = equal;
  });
  for_lanes(lanes, [&](std::uint32_t lane) {
    write_slot(first[lane], i->slots[kResult], first[lane].mask);
  });
}

template <class T>
void complete_match_all(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  const T value = read_slot<T>(first[std::countr_zero(lanes)], i->slots[kSource]);
  bool all = true;
  for_lanes(lanes, [&](std::uint32_t lane) {
    all = all && read_slot<T>(first[lane], i->slots[kSource]) == value;
  });
  for_lanes(lanes, [&](std::uint32_t lane) {
    write_slot(first[lane], i->slots[kResult], all ? lanes : 0U);
    if (i->slots[kSecond] != kNoSlot) {
      write_slot(first[lane], i->slots[kSecond], std::uint64_t{all});
    }
  });
}

template <class T>
T sum(T a, T b) {
  return a + b;
}
template <class T>
T least(T a, T b) {
  return std::min(a, b);
}
template <class T>
T greatest(T a, T b) {
  return std::max(a, b);
}
std::uint32_t both(std::uint32_t a, std::uint32_t b) {
  return a & b;
}
std::uint32_t either(std::uint32_t a, std::uint32_t b) {
  return a | b;
}
std::uint32_t differing(std::uint32_t a, std::uint32_t b) {
  return a ^ b;
}

template <class T, auto Function>
void complete_reduction(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  bool is_first = true;
  T result{};
  for_lanes(lanes, [&](std::uint32_t lane) {
    const T value = read_slot<T>(first[lane], i->slots[kSource]);
    result = is_first ? value : Function(result, value);
    is_first = false;
  });
  for_lanes(lanes, [&](std::uint32_t lane) { write_slot(first[lane], i->slots[kResult], result); });
}

void complete_active_mask(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  for_lanes(lanes, [&](std::uint32_t lane) { write_slot(first[lane], i->slots[kResult], lanes); });
}

void complete_election(Block&, Thread* first, std::uint32_t lanes, const Instruction* i) {
  const auto leader = static_cast<std::uint32_t>(std::countr_zero(lanes));
  for_lanes(lanes, [&](std::uint32_t lane) {
    write_slot(first[lane], i->slots[kResult], leader);
    if (i->slots[kSecond] != kNoSlot) {
      write_slot(first[lane], i->slots[kSecond], std::uint64_t{lane == leader});
    }
  });
}

void complete_nothing(Block&, Thread*, std::uint32_t, const Instruction*) {}

// Decoders.

/// The mask is operand `index`. Where it is not all lanes, parts of a warp may synchronise.
Slot mask_of(Emission& e, std::size_t index) {
  const auto constant = e.integer(index);
  if (!constant || static_cast<std::uint32_t>(*constant) != ~0U) {
    e.program().synchronises_parts = true;
  }
  return e.source(index, Type::u32);
}

Instruction& emit_collective(Emission& e, Completion complete, const std::array<Slot, 8>& slots) {
  Instruction& instruction = e.emit(arrive);
  instruction.slots = slots;
  e.detail().complete = complete;
  return instruction;
}

std::array<Slot, 8> destinations_of(Emission& e) {
  std::array<Slot, 8> slots{};
  slots[kResult] = e.destination(0);
  slots[kSecond] = e.second_destination(0);
  return slots;
}

void decode_shfl(Emission& e) {
  if (!e.take("sync")) Emission::unsupported("only the sync form is supported");
  Completion complete = nullptr;
  if (e.take("up")) complete = complete_shuffle<Shuffle::up>;
  if (e.take("down")) complete = complete_shuffle<Shuffle::down>;
  if (e.take("bfly")) complete = complete_shuffle<Shuffle::butterfly>;
  if (e.take("idx")) complete = complete_shuffle<Shuffle::index>;
  const Type type = e.type();
  std::array<Slot, 8> slots = destinations_of(e);
  slots[kSource] = e.source(1, type);
  slots[kIndex] = e.source(2, Type::u32);
  slots[kClamp] = e.source(3, Type::u32);
  slots[kMask] = mask_of(e, 4);
  if (complete == nullptr) Emission::unsupported("it has no mode");
  emit_collective(e, complete, slots);
}

void decode_vote(Emission& e) {
  if (!e.take("sync")) Emission::unsupported("only the sync form is supported");
  Completion complete = nullptr;
  if (e.take("all")) complete = complete_vote<Vote::all>;
  if (e.take("any")) complete = complete_vote<Vote::any>;
  if (e.take("uni")) complete = complete_vote<Vote::uniform>;
  if (e.take("ballot")) complete = complete_vote<Vote::ballot>;
  e.type();
  std::array<Slot, 8> slots = destinations_of(e);
  slots[kSource] = e.source(1, Type::predicate);
  slots[kMask] = mask_of(e, 2);
  if (complete == nullptr) Emission::unsupported("it has no mode");
  emit_collective(e, complete, slots).immediate = e.operand(1).negated ? 1 : 0;
}

void decode_match(Emission& e) {
  const bool any = e.take("any");
  if (!any && !e.take("all")) Emission::unsupported("it has no mode");
  if (!e.take("sync")) Emission::unsupported("only the sync form is supported");
  const Type type = e.type();
  std::array<Slot, 8> slots = destinations_of(e);
  slots[kSource] = e.source(1, type);
  slots[kMask] = mask_of(e, 2);
  const bool wide = size_of(type) == 8;
  const Completion complete =
      any ? (wide ? complete_match_any<std::uint64_t> : complete_match_any<std::uint32_t>)
          : (wide ? complete_match_all<std::uint64_t> : complete_match_all<std::uint32_t>);
  emit_collective(e, complete, slots);
}

Completion reduction_of(Emission& e) {
  const bool adds = e.take("add");
  const bool min = e.take("min");
  const bool max = e.take("max");
  if (e.take("and")) return complete_reduction<std::uint32_t, both>;
  if (e.take("or")) return complete_reduction<std::uint32_t, either>;
  if (e.take("xor")) return complete_reduction<std::uint32_t, differing>;
  if (adds) return complete_reduction<std::uint32_t, sum<std::uint32_t>>;
  const bool has_sign = std::find(e.left().begin(), e.left().end(), "s32") != e.left().end();
  if (min) {
    return has_sign ? complete_reduction<std::int32_t, least<std::int32_t>>
                    : complete_reduction<std::uint32_t, least<std::uint32_t>>;
  }
  if (max) {
    return has_sign ? complete_reduction<std::int32_t, greatest<std::int32_t>>
                    : complete_reduction<std::uint32_t, greatest<std::uint32_t>>;
  }
  Emission::unsupported("this reduction is not supported");
}

void decode_redux(Emission& e) {
  if (!e.take("sync")) Emission::unsupported("only the sync form is supported");
  const Completion complete = reduction_of(e);
  const Type type = e.type();
  if (is_float(type)) Emission::unsupported("this reduction is not supported");
  std::array<Slot, 8> slots = destinations_of(e);
  slots[kSource] = e.source(1, type);
  slots[kMask] = mask_of(e, 2);
  emit_collective(e, complete, slots);
}

void decode_activemask(Emission& e) {
  e.type();
  const std::array<Slot, 8> slots = destinations_of(e);
  e.emit(arrive_with_all_who_come).slots = slots;
  Detail& detail = e.detail();
  detail.complete = complete_active_mask;
  detail.takes_who_comes = true;
}

void decode_elect(Emission& e) {
  if (!e.take("sync")) Emission::unsupported("only the sync form is supported");
  std::array<Slot, 8> slots = destinations_of(e);
  slots[kMask] = mask_of(e, 1);
  emit_collective(e, complete_election, slots);
}

}  // namespace

void decode_warp_barrier(Emission& e) {
  std::array<Slot, 8> slots{};
  slots[kMask] = mask_of(e, 0);
  emit_collective(e, complete_nothing, slots);
  e.program().details.back().may_differ = true;
}

std::span<const Opcode> collective_opcodes() {
  static constexpr Opcode kOpcodes[] = {
      {"shfl", decode_shfl},   {"vote", decode_vote},
      {"match", decode_match}, {"activemask", decode_activemask},
      {"redux", decode_redux}, {"elect", decode_elect},
  };
  return kOpcodes;
}

}  // namespace assay::ptx_device
