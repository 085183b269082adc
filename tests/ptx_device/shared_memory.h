#pragma once
/// A block's shared memory with what is known of each of its bytes: who wrote it, who read it
/// since, whether a cp.async to it is under way.
///
/// Faults: an access outside the block's variables; a read of bytes nobody wrote; a race: two
/// accesses of different threads, one of them a write, that nothing orders (ordering.h); any access
/// to a byte that a cp.async may still write.
///
/// What is known is kept in one cell for 4 bytes as long as they are accessed together, and in
/// four cells once they are not. Of readers it is enough to know one thread, one warp or "many"
/// while only whole warps and the whole block synchronise (all of them have read before the same
/// floor); otherwise each reader is listed.
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx_device/address_space.h"
#include "ptx_device/instruction.h"
#include "ptx_device/ordering.h"

namespace assay::ptx_device {

class SharedMemory {
 public:
  /// How a thread touches bytes.
  enum class Access : std::uint8_t { read, write, atomic };

  /// Memory for the blocks of a launch.
  void configure(const Program& program, std::uint32_t dynamic_bytes, bool detect_races,
                 bool detect_uninitialised);
  void begin_block(std::uint32_t threads);

  Ordering& ordering() { return ordering_; }

  /// Checks an access of a thread and gives its bytes.
  std::byte* access(Access access, std::uint32_t address, std::uint32_t bytes, std::uint32_t thread,
                    const Instruction* instruction) {
    if (address - kSharedBegin > size_ || bytes > size_ - (address - kSharedBegin))
      outside(address, bytes);
    if (checks_ && !check_quickly(access, address, bytes, thread, instruction->line)) {
      check(access, address, bytes, thread, instruction);
    }
    return bytes_.data() + (address - kSharedBegin);
  }
  /// cp.async: the bytes will be written by the thread at a time not known yet.
  std::byte* begin_copy(std::uint32_t address, std::uint32_t bytes, std::uint32_t thread,
                        const Instruction* instruction);
  /// The copy is complete: the thread has written them.
  void end_copy(std::uint32_t address, std::uint32_t bytes, std::uint32_t thread);

  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  static constexpr Time kInFlight = 0xFFFF'FFFF;
  static constexpr Time kOutside = 0xFFFF'FFFE;  ///< between variables
  static constexpr std::uint16_t kManyReaders = 0xFFFF;
  static constexpr std::uint16_t kWarpReaders = 0x8000;  ///< plus the warp's number

  struct Cell {
    Time written = 0;          ///< not after the block's begin: never
    Time read = 0;             ///< the latest read since
    std::uint16_t writer = 0;  ///< thread
    std::uint16_t reader = 0;  ///< thread, or one of the marks above
    bool is_split = false;     ///< its four bytes are in split_
    bool atomics = false;      ///< the readers are atomic operations
    std::int32_t write_line = 0;
    std::int32_t read_line = 0;
  };
  struct Reader {
    std::uint16_t thread = 0;
    Time time = 0;
  };
  struct Visit {
    Access access;
    std::uint32_t thread;
    std::uint32_t address;
    std::int32_t line;
  };

  /// The usual case, without a call: whole words, written before the last full barrier or by the
  /// same thread, and not read since by those a write would have to wait for. False: not the usual
  /// case, look closer. Says nothing about words that it has passed before one that is not.
  bool check_quickly(Access access, std::uint32_t address, std::uint32_t bytes,
                     std::uint32_t thread, std::int32_t line) {
    if (lists_readers_ || ((address | bytes) & 3U) != 0 || access == Access::atomic) return false;
    const Time now = ordering_.now(thread);
    Cell* cell = &cells_[(address - kSharedBegin) / 4];
    for (Cell* const end = cell + bytes / 4; cell != end; ++cell) {
      const bool fits = access == Access::read ? read_quickly(*cell, thread, now, line)
                                               : write_quickly(*cell, thread, now, line);
      if (!fits) return false;
    }
    return true;
  }
  bool read_quickly(Cell& cell, std::uint32_t thread, Time now, std::int32_t line) {
    const bool is_written =
        cell.written - ordering_.begin() - 1 < ordering_.floor() - ordering_.begin() ||
        (cell.writer == thread && cell.written > ordering_.floor() && cell.written < kOutside);
    if (!is_written || cell.is_split || cell.atomics) return false;
    const bool is_only = cell.read <= ordering_.floor() || cell.reader == thread;
    if (!is_only && cell.reader != kManyReaders) return false;
    if (is_only) {
      cell.reader = static_cast<std::uint16_t>(thread);
      cell.read = now;
    } else if (cell.read < now) {
      cell.read = now;
    }
    cell.read_line = line;
    return true;
  }
  bool write_quickly(Cell& cell, std::uint32_t thread, Time now, std::int32_t line) {
    const bool is_free =
        cell.written <= ordering_.floor() || (cell.writer == thread && cell.written < kOutside);
    const bool is_unread = cell.read <= ordering_.floor() || cell.reader == thread;
    if (!is_free || !is_unread || cell.is_split || cell.atomics) return false;
    cell.written = now;
    cell.writer = static_cast<std::uint16_t>(thread);
    cell.write_line = line;
    cell.read = 0;
    return true;
  }

  void reset_cells();
  void check(Access access, std::uint32_t address, std::uint32_t bytes, std::uint32_t thread,
             const Instruction* instruction);
  /// Calls function(cell, address) for the cells of a range; splits those it covers in part.
  template <class Function>
  void for_each_cell(std::uint32_t address, std::uint32_t bytes, Function function);
  void split(std::uint32_t word);
  void visit(Cell& cell, const Visit& visit);
  void check_state(const Cell& cell, const Visit& visit) const;
  void check_order(const Cell& cell, const Visit& visit) const;
  void record(Cell& cell, const Visit& visit);
  void record_reader(Cell& cell, const Visit& visit);
  [[nodiscard]] bool readers_before(const Cell& cell, std::uint32_t thread) const;

  [[noreturn]] void outside(std::uint32_t address, std::uint32_t bytes) const;
  [[noreturn]] void race(const Cell& cell, bool with_writer, const Visit& visit) const;
  [[nodiscard]] std::string place(std::uint32_t address) const;

  std::uint32_t size_ = 0;
  bool checks_ = true;
  bool detect_races_ = true;
  bool detect_uninitialised_ = true;
  bool lists_readers_ = false;
  std::vector<std::byte> bytes_;
  std::vector<Cell> cells_;
  std::vector<Cell> split_;
  std::unordered_map<const Cell*, std::vector<Reader>> readers_;
  std::vector<SharedVariable> variables_;
  Ordering ordering_;
};

}  // namespace assay::ptx_device
