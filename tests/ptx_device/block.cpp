#include "ptx_device/block.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "ptx_device/address_space.h"
#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

/// Instructions a thread may run before another gets its turn: enough that switching costs
/// nothing, few enough that a thread that polls does not stop the others for long.
constexpr std::uint64_t kSlice = 1U << 16U;
constexpr std::uint64_t kLongestRandomSlice = 200;

bool is_runnable(ThreadState state) {
  return state <= ThreadState::yielded;
}
bool is_nth_bit(std::uint32_t mask, std::uint32_t bit) {
  return (mask >> bit & 1U) != 0;
}

}  // namespace

Block::Block(const Launch& launch)
    : launch_(launch),
      thread_count_(launch.threads()),
      threads_(thread_count_),
      extras_(thread_count_),
      sites_(launch.program->sites) {
  const std::size_t frame = launch.program->functions.front().frame.size();
  slots_.resize(frame * thread_count_);
  shared_.configure(*launch.program, launch.dynamic_shared_bytes, launch.options->detect_races,
                    launch.options->detect_uninitialised);
}

void Block::begin(std::uint64_t index) {
  index_ = index;
  const auto& grid = launch_.grid;
  position_ = {static_cast<std::uint32_t>(index % grid[0]),
               static_cast<std::uint32_t>(index / grid[0] % grid[1]),
               static_cast<std::uint32_t>(index / grid[0] / grid[1])};
  const FunctionCode& kernel = launch_.program->functions.front();
  const auto& shape = launch_.block;
  for (std::uint32_t i = 0; i < thread_count_; ++i) {
    Thread& thread = threads_[i];
    thread = Thread{};
    thread.slots = slots_.data() + kernel.frame.size() * i;
    std::copy(kernel.frame.begin(), kernel.frame.end(), thread.slots);
    thread.next = launch_.program->code.data() + kernel.first;
    thread.block = this;
    thread.index = i;
    thread.position = {i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]};
    thread.extras = &extras_[i];
    ThreadExtras& extras = extras_[i];
    extras.local_top = kLocalBegin + kernel.local_bytes;
    extras.local.assign(kernel.local_bytes, std::byte{0});
    extras.local_written.assign(kernel.local_bytes, false);
    extras.copies.clear();
    extras.calls.clear();
    extras.group = 0;
  }
  for (Barrier& barrier : barriers_) barrier = {};
  warps_.assign((thread_count_ + 31) / 32, {});
  live_ = thread_count_;
  random_.seed(launch_.options->seed * 0x9E3779B97F4A7C15ULL + index);
  shared_.begin_block(thread_count_);
  ++counters_.blocks;
  counters_.threads += thread_count_;
}

std::uint32_t Block::lanes_of(std::uint32_t warp) const {
  const std::uint32_t lanes = std::min(32U, thread_count_ - 32 * warp);
  return lanes == 32 ? ~0U : (1U << lanes) - 1;
}

bool Block::run(std::uint64_t turns) {
  slices_left_ = turns;
  while (live_ > 0) {
    const std::uint64_t stops = stops_;
    if (launch_.options->order == Order::random) {
      run_random();
    } else {
      run_in_order();
    }
    if (live_ == 0) break;
    if (slices_left_ == 0) return false;
    if (stops == stops_ && std::none_of(threads_.begin(), threads_.end(), [](const Thread& thread) {
          return is_runnable(thread.state);
        })) {
      deadlock();
    }
  }
  return true;
}

void Block::run_in_order() {
  const std::uint32_t warps = (thread_count_ + 31) / 32;
  const bool reverse = launch_.options->order == Order::reverse;
  for (std::uint32_t i = 0; i < warps && slices_left_ > 0; ++i) {
    run_warp(reverse ? warps - 1 - i : i);
  }
}

void Block::run_warp(std::uint32_t warp) {
  const bool reverse = launch_.options->order == Order::reverse;
  const std::uint32_t lanes = std::min(32U, thread_count_ - 32 * warp);
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    bool polls = false;  // a lane used up its slice: other warps must have a turn
    for (std::uint32_t i = 0; i < lanes; ++i) {
      Thread& thread = threads_[32 * warp + (reverse ? lanes - 1 - i : i)];
      if (thread.state == ThreadState::yielded) thread.state = ThreadState::ready;
      if (thread.state != ThreadState::ready) continue;
      run_thread(thread, kSlice);
      polls = polls || is_runnable(thread.state);
    }
    try_open_collectives(warp);
    if (polls && slices_left_ > 0) --slices_left_;
    if (polls) return;
    for (std::uint32_t i = 0; i < lanes; ++i) {
      goes_on = goes_on || threads_[32 * warp + i].state == ThreadState::ready;
    }
  }
}

void Block::run_random() {
  std::uint32_t tried = 0;
  std::uint32_t at = static_cast<std::uint32_t>(random_() % thread_count_);
  while (!is_runnable(threads_[at].state)) {
    if (++tried == thread_count_) {
      const std::uint32_t warps = (thread_count_ + 31) / 32;
      for (std::uint32_t warp = 0; warp < warps; ++warp) try_open_collectives(warp);
      return;
    }
    at = (at + 1) % thread_count_;
  }
  threads_[at].state = ThreadState::ready;
  const std::uint64_t slice = 1 + random_() % kLongestRandomSlice;
  run_thread(threads_[at], slice);
  // About as many instructions to a turn as in order.
  const bool turn_is_over = random_() % (kSlice / kLongestRandomSlice) == 0;
  if (turn_is_over && is_runnable(threads_[at].state) && slices_left_ > 0) {
    --slices_left_;
  }
}

void Block::run_thread(Thread& thread, std::uint64_t slice) {
  const Instruction* at = thread.next;
  std::uint64_t left = slice;
  std::uint64_t flops = 0;
  try {
    while (left != 0) {
      --left;
      if (at->guard != kNoSlot && ((thread.slots[at->guard] & 1U) != 0) == at->guard_negated) {
        ++at;
        continue;
      }
      flops += at->flops;
      const Instruction* next = at->execute(thread, at);
      if (next == nullptr) break;
      at = next;
    }
    if (thread.state == ThreadState::ready) thread.next = at;
  } catch (const Fault& fault) {
    throw Fault(fault.result(), report(fault.what(), thread, at));
  }
  counters_.flops += flops;
  count_instructions(slice - left);
  if (thread.state != ThreadState::ready) ++stops_;
  // What it stopped at may be complete with it.
  if (thread.state == ThreadState::collective) try_collective(thread);
  if (thread.state == ThreadState::barrier) try_barrier(thread.mask);
}

void Block::count_instructions(std::uint64_t executed) {
  counters_.instructions += executed;
  const std::uint64_t limit = launch_.options->instruction_limit;
  if (limit != 0 && counters_.instructions > limit) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("kernel {}: more than {} thread instructions: an endless loop?",
                            launch_.program->kernel, limit));
  }
}

void Block::exit(Thread& thread, const Instruction* instruction) {
  land_copies(thread, thread.extras->group);
  thread.state = ThreadState::exited;
  thread.next = instruction;
  --live_;
  ++warps_[thread.index / 32].exited;
  for (std::uint32_t number = 0; number < barriers_.size(); ++number) {
    if (!barriers_[number].waiting.empty()) try_barrier(number);
  }
}

void Block::land_copies(Thread& thread, std::uint32_t last) {
  std::vector<AsyncCopy>& copies = thread.extras->copies;
  std::size_t landed = 0;
  for (; landed < copies.size() && copies[landed].group <= last; ++landed) {
    const AsyncCopy& copy = copies[landed];
    if (copy.from_bytes > 0) std::memcpy(copy.shared, copy.from, copy.from_bytes);
    std::memset(copy.shared + copy.from_bytes, 0, copy.bytes - copy.from_bytes);
    shared_.end_copy(copy.shared_address, copy.bytes, thread.index);
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(landed));
}

// Warp collectives.

void Block::wait_at_collective(Thread& thread, const Instruction* instruction, std::uint32_t mask) {
  thread.state = ThreadState::collective;
  thread.next = instruction;
  thread.mask = mask;
  ++warps_[thread.index / 32].at_collective;
  if (!is_nth_bit(mask, thread.lane())) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("the mask {:#010x} does not name lane {}, which executes this", mask,
                            thread.lane()));
  }
}

void Block::try_collective(const Thread& thread) {
  const Instruction* instruction = thread.next;
  const Detail& what = detail(instruction);
  if (what.takes_who_comes) return;
  const std::uint32_t warp = thread.index / 32;
  const std::uint32_t wanted = thread.mask & lanes_of(warp);
  const WarpCount& here = warps_[warp];
  if (here.at_collective + here.exited < static_cast<std::uint32_t>(std::popcount(wanted))) return;
  Thread* first = &threads_[32 * warp];
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    if (!is_nth_bit(wanted, lane)) continue;
    const Thread& other = first[lane];
    if (other.state == ThreadState::exited) {
      throw Fault(cuda::kLaunchFailed,
                  report(fmt::format("waits for lanes {:#010x}, of which lane {} has exited",
                                     thread.mask, lane),
                         thread, instruction));
    }
    if (other.state != ThreadState::collective || other.mask != thread.mask) return;
    const bool same = other.next == instruction ||
                      (what.may_differ && detail(other.next).complete == what.complete);
    if (!same) return;
  }
  complete_collective(warp, wanted, instruction);
}

/// Collectives that take who comes: when no lane of the warp can run, those that wait at the same
/// one are together.
void Block::try_open_collectives(std::uint32_t warp) {
  Thread* first = &threads_[32 * warp];
  const std::uint32_t lanes = lanes_of(warp);
  const Instruction* open = nullptr;
  std::uint32_t together = 0;
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    if (!is_nth_bit(lanes, lane)) continue;
    const Thread& thread = first[lane];
    if (is_runnable(thread.state)) return;
    if (thread.state != ThreadState::collective || !detail(thread.next).takes_who_comes) continue;
    if (open == nullptr) open = thread.next;
    if (thread.next == open) together |= 1U << lane;
  }
  if (open != nullptr) complete_collective(warp, together, open);
}

void Block::complete_collective(std::uint32_t warp, std::uint32_t lanes,
                                const Instruction* instruction) {
  const Detail& what = detail(instruction);
  Thread* first = &threads_[32 * warp];
  try {
    what.complete(*this, first, lanes, instruction);
  } catch (const Fault& fault) {
    throw Fault(fault.result(), report(fault.what(), first[std::countr_zero(lanes)], instruction));
  }
  std::array<std::uint32_t, 32> members{};
  std::uint32_t count = 0;
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    if (!is_nth_bit(lanes, lane)) continue;
    first[lane].state = ThreadState::ready;
    ++first[lane].next;
    members[count++] = 32 * warp + lane;
  }
  warps_[warp].at_collective -= count;
  ++stops_;
  if (what.takes_who_comes) return;
  Ordering& ordering = shared_.ordering();
  if (lanes == lanes_of(warp)) {
    ordering.whole_warp(warp);
  } else {
    ordering.some({members.data(), count});
  }
}

// Barriers.

void Block::wait_at_barrier(Thread& thread, const Instruction* instruction, std::uint32_t number,
                            std::uint32_t expected) {
  check_arrival(thread, instruction, number, expected);
  Barrier& barrier = barriers_[number];
  barrier.expected = expected;
  barrier.waiting.push_back(thread.index);
  thread.state = ThreadState::barrier;
  thread.next = instruction;
  thread.mask = number;
}

void Block::arrive_at_barrier(Thread& thread, const Instruction* instruction, std::uint32_t number,
                              std::uint32_t expected) {
  check_arrival(thread, instruction, number, expected);
  Barrier& barrier = barriers_[number];
  barrier.expected = expected;
  ++barrier.arrived;
  shared_.ordering().arrive(thread.index, barrier.released);
  try_barrier(number);  // those who wait go on, whatever this thread does next
}

void Block::check_arrival(const Thread& thread, const Instruction* instruction,
                          std::uint32_t number, std::uint32_t expected) const {
  if (number >= barriers_.size()) {
    throw Fault(cuda::kLaunchFailed, fmt::format("barrier {} is not one of 0 to 15", number));
  }
  if (expected % 32 != 0) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("a barrier of {} threads, which is no multiple of a warp", expected));
  }
  const Barrier& barrier = barriers_[number];
  const bool is_first = barrier.waiting.empty() && barrier.arrived == 0;
  if (!is_first && barrier.expected != expected) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("barrier {} is waited at for {} threads, by others for {}", number,
                            expected, barrier.expected));
  }
  if (const Thread* other = waiting_in_warp_of(thread, number);
      other != nullptr && other->next != instruction &&
      !(detail(instruction).may_differ && detail(other->next).may_differ)) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("the warp diverges: thread {} waits at another barrier instruction, "
                            "PTX line {}",
                            other->index, other->next->line));
  }
}

/// One for all: those of a warp that wait at a barrier wait at the same instruction.
const Thread* Block::waiting_in_warp_of(const Thread& thread, std::uint32_t number) const {
  const std::uint32_t first = thread.index / 32 * 32;
  const std::uint32_t end = std::min(first + 32, thread_count_);
  for (std::uint32_t i = first; i < end; ++i) {
    const Thread& other = threads_[i];
    if (other.state == ThreadState::barrier && other.mask == number) return &other;
  }
  return nullptr;
}

void Block::try_barrier(std::uint32_t number) {
  Barrier& barrier = barriers_[number];
  const std::size_t here = barrier.waiting.size() + barrier.arrived;
  const std::uint32_t wanted = barrier.expected == 0 ? live_ : barrier.expected;
  if (here < wanted || here == 0) return;
  complete_barrier(barrier, barrier.waiting.size() == live_ && barrier.arrived == 0);
}

void Block::complete_barrier(Barrier& barrier, bool all) {
  std::vector<std::uint32_t> members = barrier.waiting;
  if (!members.empty()) {
    const Thread& any = threads_[members.front()];
    const Completion complete = detail(any.next).complete;
    for (const std::uint32_t member : members) {
      const Thread& other = threads_[member];
      if (detail(other.next).complete == complete) continue;
      throw Fault(cuda::kLaunchFailed,
                  report(fmt::format("barrier {} is waited at by different kinds of bar, the other "
                                     "on PTX line {}",
                                     any.mask, any.next->line),
                         other, other.next));
    }
    if (complete != nullptr) complete(*this, threads_.data(), any.mask, any.next);
  }
  for (const std::uint32_t member : members) {
    threads_[member].state = ThreadState::ready;
    ++threads_[member].next;
  }
  if (all) {
    shared_.ordering().whole_block();
  } else {
    shared_.ordering().some(members, barrier.released);
  }
  ++counters_.barriers;
  ++stops_;
  barrier.waiting.clear();
  barrier.arrived = 0;
  barrier.released.clear();
}

void Block::deadlock() {
  const Thread* shown = nullptr;
  std::string waits;
  int listed = 0;
  for (const Thread& thread : threads_) {
    if (thread.state == ThreadState::exited) continue;
    if (shown == nullptr) shown = &thread;
    const bool as_before = &thread != shown && thread.next == (&thread - 1)->next &&
                           thread.mask == (&thread - 1)->mask &&
                           (&thread - 1)->state == thread.state;
    if (as_before || ++listed > 8) continue;
    waits += thread.state == ThreadState::barrier
                 ? fmt::format(", thread {} on at barrier {} (PTX line {})", thread.index,
                               thread.mask, thread.next->line)
                 : fmt::format(", thread {} on for lanes {:#010x} (PTX line {})", thread.index,
                               thread.mask, thread.next->line);
  }
  throw Fault(cuda::kLaunchFailed,
              report(fmt::format("deadlock: {} threads have exited and the others wait for what "
                                 "cannot come{}",
                                 thread_count_ - live_, waits),
                     *shown, shown->next));
}

}  // namespace assay::ptx_device
