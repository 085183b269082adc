#pragma once
/// NCCL, the library of collective operations between GPUs, as a table of functions. libnccl fills
/// it at run time, as libcuda fills the driver's table (driver.h); a plain host version for tests
/// is a second filling (tests/ptx/host_nccl.h).
///
/// Only the calls that Assay makes are declared, with the library's own ABI: types, values and
/// prototypes are those of nccl.h since 2.14 (tests/ptx/nccl_abi_test.cpp compares them with the
/// header where one is at hand).
///
/// A rank is a communicator on one device, in that device's primary context. Operations are queued
/// on a stream of that device. Ranks of one process are either driven by a thread each, or by one
/// thread that puts the calls of all of them between the ends of a Group.
///
/// Errors: every call returns a Result; check() turns one that is not success into assay::Error.
#include <atomic>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/cuda/driver.h"

namespace assay::cuda::nccl {

using Result = int;
inline constexpr Result kSuccess = 0;
inline constexpr Result kUnhandledCudaError = 1;
inline constexpr Result kSystemError = 2;
inline constexpr Result kInternalError = 3;
inline constexpr Result kInvalidArgument = 4;
inline constexpr Result kInvalidUsage = 5;
inline constexpr Result kRemoteError = 6;
inline constexpr Result kInProgress = 7;

using CommunicatorHandle = struct ncclComm*;

/// ncclDataType_t.
enum class DataType : int {
  int8 = 0,
  uint8 = 1,
  int32 = 2,
  uint32 = 3,
  int64 = 4,
  uint64 = 5,
  fp16 = 6,
  fp32 = 7,
  fp64 = 8,
  bf16 = 9,
};
[[nodiscard]] std::size_t bytes_of(DataType type);

/// ncclRedOp_t.
enum class Reduction : int { sum = 0, product = 1, maximum = 2, minimum = 3, average = 4 };

struct Table {
  Result (*get_version)(int* version);
  const char* (*get_error_string)(Result result);
  const char* (*get_last_error)(CommunicatorHandle communicator);

  Result (*communicator_init_all)(CommunicatorHandle* communicators, int devices,
                                  const int* ordinals);
  Result (*communicator_get_async_error)(CommunicatorHandle communicator, Result* error);
  Result (*communicator_destroy)(CommunicatorHandle communicator);
  Result (*communicator_abort)(CommunicatorHandle communicator);

  Result (*group_start)();
  Result (*group_end)();
  Result (*all_reduce)(const void* from, void* to, std::size_t count, DataType type,
                       Reduction reduction, CommunicatorHandle communicator, StreamHandle stream);
  Result (*all_gather)(const void* from, void* to, std::size_t from_count, DataType type,
                       CommunicatorHandle communicator, StreamHandle stream);
  Result (*reduce_scatter)(const void* from, void* to, std::size_t to_count, DataType type,
                           Reduction reduction, CommunicatorHandle communicator,
                           StreamHandle stream);
  Result (*send)(const void* from, std::size_t count, DataType type, int peer,
                 CommunicatorHandle communicator, StreamHandle stream);
  Result (*receive)(void* to, std::size_t count, DataType type, int peer,
                    CommunicatorHandle communicator, StreamHandle stream);
};

/// Calls visit(library's name, entry) for each entry of the table: the one list of them.
template <class AnyTable, class Visit>
void for_each_entry(AnyTable& table, Visit visit) {
  visit("ncclGetVersion", table.get_version);
  visit("ncclGetErrorString", table.get_error_string);
  visit("ncclGetLastError", table.get_last_error);
  visit("ncclCommInitAll", table.communicator_init_all);
  visit("ncclCommGetAsyncError", table.communicator_get_async_error);
  visit("ncclCommDestroy", table.communicator_destroy);
  visit("ncclCommAbort", table.communicator_abort);
  visit("ncclGroupStart", table.group_start);
  visit("ncclGroupEnd", table.group_end);
  visit("ncclAllReduce", table.all_reduce);
  visit("ncclAllGather", table.all_gather);
  visit("ncclReduceScatter", table.reduce_scatter);
  visit("ncclSend", table.send);
  visit("ncclRecv", table.receive);
}

/// The table filled from the library, which stays open until the program ends. Errors: a missing
/// library or a missing entry is an input error that names it and the mend.
[[nodiscard]] const Table& system_library(const std::string& name = "libnccl.so.2");

/// Throws a check error "where: ncclAllReduce failed: unhandled cuda error: …" unless result is
/// success. What the library noted of its last error on `communicator` (or null) is added.
void check(const Table& table, Result result, std::string_view call,
           CommunicatorHandle communicator = nullptr, const std::string& where = {});

/// "2.28.3".
[[nodiscard]] std::string version_text(const Table& table);

/// Calls between start and end are started together; an end without errors is reached by end().
class Group {
 public:
  explicit Group(const Table& table);
  ~Group();  ///< ends what end() didn't, since an open group would swallow the thread's next calls
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  void end();

 private:
  const Table& table_;
  bool is_open_ = true;
};

/// One rank. Counts are of elements; `from` and `to` are device addresses, which may be the same
/// (all-reduce) or each other's part of this rank (all-gather: from = to + rank·count;
/// reduce-scatter: to = from + rank·count).
///
/// A rank that saw an error is aborted with its owner, not destroyed: destroying waits for the
/// others, which may never come.
class Communicator {
 public:
  ~Communicator();
  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&& other) noexcept;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int ranks() const { return ranks_; }

  /// to[i] = the reduction over ranks of from[i], i < count.
  void all_reduce(const Stream& stream, const void* from, void* to, std::size_t count,
                  DataType type, Reduction reduction = Reduction::sum);
  /// to[r·count + i] = rank r's from[i]; `to` holds ranks·count.
  void all_gather(const Stream& stream, const void* from, void* to, std::size_t count,
                  DataType type);
  /// to[i] = the reduction over ranks of from[rank·count + i]; `from` holds ranks·count.
  void reduce_scatter(const Stream& stream, const void* from, void* to, std::size_t count,
                      DataType type, Reduction reduction = Reduction::sum);
  /// to[r·count + i] = rank r's from[rank·count + i]; both hold ranks·count and don't overlap.
  void all_to_all(const Stream& stream, const void* from, void* to, std::size_t count,
                  DataType type);
  void send(const Stream& stream, const void* from, std::size_t count, DataType type, int peer);
  void receive(const Stream& stream, void* to, std::size_t count, DataType type, int peer);

  /// Throws where an operation that had been queued failed since.
  void check_async_error();
  /// Gives up what is under way on this rank, so that nobody waits for it; the rank is gone. Any
  /// thread may call it: where a rank of this process failed, the others' threads may be waiting.
  void abort() noexcept;

 private:
  friend std::vector<Communicator> make_communicators(const Table&, std::span<const int>);
  Communicator(const Table& table, CommunicatorHandle handle, int ranks, int rank)
      : table_(&table), handle_(handle), ranks_(ranks), rank_(rank) {}
  void check_call(Result result, std::string_view call);

  const Table* table_;
  std::atomic<CommunicatorHandle> handle_ = nullptr;
  int ranks_ = 0;
  int rank_ = 0;
  bool has_failed_ = false;
};

/// One rank on each of the devices, in their order, for one thread to drive by Groups, or for a
/// thread each.
[[nodiscard]] std::vector<Communicator> make_communicators(const Table& table,
                                                           std::span<const int> ordinals);

}  // namespace assay::cuda::nccl
