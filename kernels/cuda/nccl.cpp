#include "kernels/cuda/nccl.h"

#include <fmt/format.h>

#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "kernels/cuda/release.h"
#include "kernels/cuda/shared_library.h"

namespace assay::cuda::nccl {
namespace {

/// Tells whoever watches (release.h) of a call that ends a rank or a group and failed.
void note_ended(const Table& table, Result result, std::string_view call) noexcept {
  try {
    check(table, result, call);
  } catch (const std::exception& error) {
    note_release(error.what());
  }
}

}  // namespace

std::size_t bytes_of(DataType type) {
  switch (type) {
    case DataType::int8:
    case DataType::uint8:
      return 1;
    case DataType::fp16:
    case DataType::bf16:
      return 2;
    case DataType::int32:
    case DataType::uint32:
    case DataType::fp32:
      return 4;
    case DataType::int64:
    case DataType::uint64:
    case DataType::fp64:
      return 8;
  }
  throw input_error("no such data type", fmt::format("{}", static_cast<int>(type)));
}

const Table& system_library(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, Table> open;
  const std::lock_guard lock(mutex);
  const auto found = open.find(name);
  if (found != open.end()) return found->second;
  return open
      .emplace(name, open_table<Table>({name}, "NCCL",
                                       "install NCCL 2.14 or later where the loader finds it"))
      .first->second;
}

void check(const Table& table, Result result, std::string_view call,
           CommunicatorHandle communicator, const std::string& where) {
  if (result == kSuccess) return;
  const char* const text = table.get_error_string(result);
  const char* const detail = table.get_last_error(communicator);
  throw check_error(
      fmt::format("{} failed: {}{}{}", call,
                  text != nullptr ? std::string(text) : fmt::format("result {}", result),
                  detail != nullptr && *detail != '\0' ? ": " : "",
                  detail != nullptr ? detail : ""),
      where);
}

std::string version_text(const Table& table) {
  int version = 0;
  check(table, table.get_version(&version), "ncclGetVersion");
  // 10000 × major + 100 × minor + patch since 2.9.
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

Group::Group(const Table& table) : table_(table) {
  check(table, table.group_start(), "ncclGroupStart");
}

Group::~Group() {
  if (is_open_) note_ended(table_, table_.group_end(), "ncclGroupEnd");
}

void Group::end() {
  is_open_ = false;
  check(table_, table_.group_end(), "ncclGroupEnd");
}

Communicator::~Communicator() {
  if (handle_ == nullptr) return;
  if (has_failed_ || std::uncaught_exceptions() > 0) {
    abort();
  } else {
    note_ended(*table_, table_->communicator_destroy(handle_), "ncclCommDestroy");
  }
}

Communicator::Communicator(Communicator&& other) noexcept
    : table_(other.table_),
      handle_(other.handle_.exchange(nullptr)),
      ranks_(other.ranks_),
      rank_(other.rank_),
      has_failed_(other.has_failed_) {}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(table_, other.table_);
  handle_ = other.handle_.exchange(handle_);
  std::swap(ranks_, other.ranks_);
  std::swap(rank_, other.rank_);
  std::swap(has_failed_, other.has_failed_);
  return *this;
}

void Communicator::check_call(Result result, std::string_view call) {
  if (result == kSuccess) return;
  has_failed_ = true;
  check(*table_, result, call, handle_, fmt::format("rank {} of {}", rank_, ranks_));
}

void Communicator::all_reduce(const Stream& stream, const void* from, void* to, std::size_t count,
                              DataType type, Reduction reduction) {
  check_call(table_->all_reduce(from, to, count, type, reduction, handle_, stream.handle()),
             "ncclAllReduce");
}

void Communicator::all_gather(const Stream& stream, const void* from, void* to, std::size_t count,
                              DataType type) {
  check_call(table_->all_gather(from, to, count, type, handle_, stream.handle()), "ncclAllGather");
}

void Communicator::reduce_scatter(const Stream& stream, const void* from, void* to,
                                  std::size_t count, DataType type, Reduction reduction) {
  check_call(table_->reduce_scatter(from, to, count, type, reduction, handle_, stream.handle()),
             "ncclReduceScatter");
}

void Communicator::all_to_all(const Stream& stream, const void* from, void* to, std::size_t count,
                              DataType type) {
  const std::size_t part_bytes = count * bytes_of(type);
  Group group(*table_);
  for (int peer = 0; peer < ranks_; ++peer) {
    const std::size_t offset = static_cast<std::size_t>(peer) * part_bytes;
    send(stream, static_cast<const std::byte*>(from) + offset, count, type, peer);
    receive(stream, static_cast<std::byte*>(to) + offset, count, type, peer);
  }
  group.end();
}

void Communicator::send(const Stream& stream, const void* from, std::size_t count, DataType type,
                        int peer) {
  check_call(table_->send(from, count, type, peer, handle_, stream.handle()), "ncclSend");
}

void Communicator::receive(const Stream& stream, void* to, std::size_t count, DataType type,
                           int peer) {
  check_call(table_->receive(to, count, type, peer, handle_, stream.handle()), "ncclRecv");
}

void Communicator::check_async_error() {
  Result error = kSuccess;
  check_call(table_->communicator_get_async_error(handle_, &error), "ncclCommGetAsyncError");
  if (error != kInProgress) check_call(error, "an operation queued earlier");
}

void Communicator::abort() noexcept {
  const CommunicatorHandle handle = handle_.exchange(nullptr);
  if (handle != nullptr) {
    note_ended(*table_, table_->communicator_abort(handle), "ncclCommAbort");
  }
}

std::vector<Communicator> make_communicators(const Table& table, std::span<const int> ordinals) {
  std::vector<CommunicatorHandle> handles(ordinals.size(), nullptr);
  const int ranks = static_cast<int>(ordinals.size());
  check(table, table.communicator_init_all(handles.data(), ranks, ordinals.data()),
        "ncclCommInitAll");
  std::vector<Communicator> all;
  all.reserve(handles.size());
  for (int rank = 0; rank < ranks; ++rank) {
    all.push_back(Communicator(table, handles[static_cast<std::size_t>(rank)], ranks, rank));
  }
  return all;
}

}  // namespace assay::cuda::nccl
