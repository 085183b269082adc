#include "ptx_device/shared_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

constexpr Time kLateTime = 0x8000'0000;  // cells are cleared before the clock runs over

const char* name_of(SharedMemory::Access access) {
  switch (access) {
    case SharedMemory::Access::read:
      return "read";
    case SharedMemory::Access::write:
      return "write";
    default:
      return "atomic operation";
  }
}

}  // namespace

void SharedMemory::configure(const Program& program, std::uint32_t dynamic_bytes, bool detect_races,
                             bool detect_uninitialised) {
  detect_races_ = detect_races;
  detect_uninitialised_ = detect_uninitialised;
  checks_ = detect_races || detect_uninitialised;
  lists_readers_ = program.synchronises_parts;
  variables_ = program.shared;
  size_ = program.shared_end - kSharedBegin;
  if (dynamic_bytes > 0) {
    variables_.push_back({"dynamic shared memory", program.shared_end, dynamic_bytes});
    size_ += dynamic_bytes;
  }
  bytes_.assign(size_, std::byte{0});
  reset_cells();
}

void SharedMemory::reset_cells() {
  ordering_ = {};
  readers_.clear();
  split_.clear();
  cells_.clear();
  if (!checks_) return;
  Cell outside_cell;
  outside_cell.written = kOutside;
  cells_.assign((size_ + 3) / 4, outside_cell);
  for (const SharedVariable& variable : variables_) {
    for_each_cell(variable.begin, variable.bytes,
                  [](Cell& cell, std::uint32_t) { cell.written = 0; });
  }
}

void SharedMemory::begin_block(std::uint32_t threads) {
  if (ordering_.begin() > kLateTime) reset_cells();
  readers_.clear();
  ordering_.begin_block(threads);
}

template <class Function>
void SharedMemory::for_each_cell(std::uint32_t address, std::uint32_t bytes, Function function) {
  std::uint32_t at = address - kSharedBegin;
  const std::uint32_t end = at + bytes;
  while (at < end) {
    const std::uint32_t word = at / 4;
    const bool is_whole = at % 4 == 0 && end - at >= 4;
    Cell& cell = cells_[word];
    if (is_whole && !cell.is_split) {
      function(cell, at + kSharedBegin);
      at += 4;
      continue;
    }
    if (!cell.is_split) split(word);
    const std::uint32_t stop = std::min(end, 4 * word + 4);
    for (; at < stop; ++at) function(split_[at], at + kSharedBegin);
  }
}

void SharedMemory::split(std::uint32_t word) {
  if (split_.empty()) split_.resize(4 * cells_.size());
  for (std::uint32_t byte = 0; byte < 4; ++byte) {
    split_[4 * word + byte] = cells_[word];
    if (lists_readers_ && readers_.contains(&cells_[word])) {
      readers_[&split_[4 * word + byte]] = readers_[&cells_[word]];
    }
  }
  cells_[word].is_split = true;
}

void SharedMemory::check(Access access, std::uint32_t address, std::uint32_t bytes,
                         std::uint32_t thread, const Instruction* instruction) {
  Visit visit{access, thread, address, instruction->line};
  for_each_cell(address, bytes, [&](Cell& cell, std::uint32_t cell_address) {
    visit.address = cell_address;
    this->visit(cell, visit);
  });
  if (access != Access::write) return;
  // Words written as a whole are one cell again.
  const std::uint32_t first = (address - kSharedBegin + 3) / 4;
  const std::uint32_t end = (address - kSharedBegin + bytes) / 4;
  for (std::uint32_t word = first; word < end; ++word) {
    if (!cells_[word].is_split) continue;
    cells_[word] = split_[4 * word];
    if (lists_readers_) readers_.erase(&cells_[word]);
  }
}

void SharedMemory::visit(Cell& cell, const Visit& visit) {
  check_state(cell, visit);
  if (detect_races_) check_order(cell, visit);
  record(cell, visit);
}

void SharedMemory::check_state(const Cell& cell, const Visit& visit) const {
  // One comparison for the usual: written in this block, before the last full barrier.
  if (cell.written - ordering_.begin() - 1 < ordering_.floor() - ordering_.begin()) return;
  if (cell.written == kOutside) outside(visit.address, 1);
  if (cell.written == kInFlight) {
    throw Fault(
        cuda::kLaunchFailed,
        fmt::format("{} of shared memory at {} before the cp.async of thread {} to it (PTX "
                    "line {}) has been waited for",
                    name_of(visit.access), place(visit.address), cell.writer, cell.write_line));
  }
  if (detect_uninitialised_ && visit.access != Access::write && cell.written <= ordering_.begin()) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("uninitialised shared memory: {} at {}, which nobody wrote",
                            name_of(visit.access), place(visit.address)));
  }
}

void SharedMemory::check_order(const Cell& cell, const Visit& visit) const {
  if (cell.written > ordering_.floor() &&
      !ordering_.before(cell.writer, cell.written, visit.thread)) {
    race(cell, true, visit);
  }
  const bool same_kind =
      visit.access == Access::read ? !cell.atomics : visit.access == Access::atomic && cell.atomics;
  if (!same_kind && cell.read > ordering_.floor() && !readers_before(cell, visit.thread)) {
    race(cell, false, visit);
  }
}

bool SharedMemory::readers_before(const Cell& cell, std::uint32_t thread) const {
  if (cell.read <= ordering_.floor()) return true;
  if (lists_readers_) {
    const auto found = readers_.find(&cell);
    return found == readers_.end() ||
           std::all_of(found->second.begin(), found->second.end(), [&](const Reader& reader) {
             return ordering_.before(reader.thread, reader.time, thread);
           });
  }
  if (cell.reader == kManyReaders) return false;
  if (cell.reader >= kWarpReaders) {
    const std::uint32_t warp = cell.reader - kWarpReaders;
    return warp == thread / 32 && cell.read <= ordering_.warp_floor(warp);
  }
  return ordering_.before(cell.reader, cell.read, thread);
}

void SharedMemory::record(Cell& cell, const Visit& visit) {
  if (visit.access == Access::write) {
    cell.written = ordering_.now(visit.thread);
    cell.writer = static_cast<std::uint16_t>(visit.thread);
    cell.write_line = visit.line;
    cell.read = 0;
    cell.atomics = false;
    if (lists_readers_) readers_.erase(&cell);
    return;
  }
  const bool is_atomic = visit.access == Access::atomic;
  if (cell.atomics != is_atomic) {
    if (cell.atomics && cell.read > ordering_.floor()) {
      // Ordered after all of them: the latest stands for them as the writer.
      cell.written = cell.read;
      cell.writer = static_cast<std::uint16_t>(visit.thread);
      cell.write_line = cell.read_line;
    }
    cell.atomics = is_atomic;
    cell.read = 0;
    if (lists_readers_) readers_.erase(&cell);
  }
  record_reader(cell, visit);
}

void SharedMemory::record_reader(Cell& cell, const Visit& visit) {
  const Time now = ordering_.now(visit.thread);
  const auto thread = static_cast<std::uint16_t>(visit.thread);
  if (cell.read > ordering_.floor() && cell.reader == thread && !lists_readers_) {
    cell.read = now;
  } else if (readers_before(cell, visit.thread)) {
    cell.reader = thread;
    cell.read = now;
    if (lists_readers_) readers_[&cell].assign(1, {thread, now});
  } else {
    const std::uint32_t warp =
        cell.reader >= kWarpReaders ? cell.reader - kWarpReaders : cell.reader / 32U;
    const bool same_warp = cell.reader != kManyReaders && warp == visit.thread / 32;
    cell.reader = same_warp ? static_cast<std::uint16_t>(kWarpReaders + warp) : kManyReaders;
    cell.read = std::max(cell.read, now);
    if (lists_readers_) {
      std::vector<Reader>& readers = readers_[&cell];
      const auto own = std::find_if(readers.begin(), readers.end(),
                                    [&](const Reader& reader) { return reader.thread == thread; });
      if (own == readers.end()) {
        readers.push_back({thread, now});
      } else {
        own->time = now;
      }
    }
  }
  cell.read_line = visit.line;
}

std::byte* SharedMemory::begin_copy(std::uint32_t address, std::uint32_t bytes,
                                    std::uint32_t thread, const Instruction* instruction) {
  std::byte* host = access(Access::write, address, bytes, thread, instruction);
  if (checks_) {
    for_each_cell(address, bytes, [](Cell& cell, std::uint32_t) { cell.written = kInFlight; });
  }
  return host;
}

void SharedMemory::end_copy(std::uint32_t address, std::uint32_t bytes, std::uint32_t thread) {
  if (!checks_) return;
  for_each_cell(address, bytes,
                [&](Cell& cell, std::uint32_t) { cell.written = ordering_.now(thread); });
}

void SharedMemory::outside(std::uint32_t address, std::uint32_t bytes) const {
  throw Fault(cuda::kIllegalAddress,
              fmt::format("shared memory access of {} bytes outside of the block's variables: {}",
                          bytes, place(address)));
}

void SharedMemory::race(const Cell& cell, bool with_writer, const Visit& visit) const {
  const char* earlier = with_writer ? "write" : cell.atomics ? "atomic operation" : "read";
  const std::uint16_t who = with_writer ? cell.writer : cell.reader;
  const std::string thread = who == kManyReaders   ? "several threads"
                             : who >= kWarpReaders ? fmt::format("warp {}", who - kWarpReaders)
                                                   : fmt::format("thread {}", who);
  throw Fault(
      cuda::kLaunchFailed,
      fmt::format("race on shared memory at {}: {} by thread {} is not ordered after the {} "
                  "by {} (PTX line {})",
                  place(visit.address), name_of(visit.access), visit.thread, earlier, thread,
                  with_writer ? cell.write_line : cell.read_line));
}

std::string SharedMemory::place(std::uint32_t address) const {
  std::string nearest;
  for (const SharedVariable& variable : variables_) {
    if (address < variable.begin) continue;
    const std::uint32_t offset = address - variable.begin;
    nearest = offset < variable.bytes
                  ? fmt::format("byte {} of {} ({} bytes)", offset, variable.name, variable.bytes)
                  : fmt::format("{} bytes past the end of {} ({} bytes)", offset - variable.bytes,
                                variable.name, variable.bytes);
  }
  return nearest.empty() ? fmt::format("address {:#x}, where the block has no variable", address)
                         : nearest;
}

}  // namespace assay::ptx_device
