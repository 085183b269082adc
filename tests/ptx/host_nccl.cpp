#include "ptx/host_nccl.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "ptx/host_nccl_reduce.h"
#include "ptx_device/library.h"

namespace assay::host_nccl {
namespace {

using namespace cuda::nccl;

enum class Kind { all_reduce, all_gather, reduce_scatter, send, receive };
constexpr const char* kNames[] = {"all-reduce", "all-gather", "reduce-scatter", "send", "receive"};

struct Rank;

/// One operation of one rank.
struct Request {
  Kind kind = Kind::all_reduce;
  const void* from = nullptr;
  void* to = nullptr;
  std::size_t count = 0;
  DataType type = DataType::fp32;
  Reduction reduction = Reduction::sum;
  int peer = 0;
  std::shared_ptr<Rank> rank = nullptr;  ///< lives as long as somebody waits on it
  bool is_done = false;
  Result result = kSuccess;
};

/// The ranks that were made together.
struct Clique {
  std::vector<Rank*> members;  ///< by rank; null once it has left
  bool is_broken = false;      ///< a rank was aborted, or gave up waiting

  [[nodiscard]] bool is_complete() const {
    return std::find(members.begin(), members.end(), nullptr) == members.end();
  }
};

struct Rank {
  int rank = 0;
  int device = 0;
  std::shared_ptr<Clique> clique;
  std::deque<Request*> collectives;
  std::deque<Request*> sends;
  std::deque<Request*> receives;
};

struct Library {
  std::mutex mutex;
  std::condition_variable changed;
  Options options;
  std::map<const void*, std::shared_ptr<Rank>> ranks;  ///< by handle
  std::vector<std::string> misuses;
};

Library& instance() {
  static Library library;
  return library;
}

/// What a thread has put between the ends of a group.
struct PendingGroup {
  int depth = 0;
  Result error = kSuccess;  ///< of a call within: then the end starts nothing, as with the library
  std::deque<Request> requests;
};
thread_local PendingGroup pending;
thread_local std::string last_error;

Result refuse(Result result, std::string why) {
  last_error = std::move(why);
  if (pending.depth > 0) pending.error = result;
  return result;
}

std::shared_ptr<Rank> find(CommunicatorHandle handle) {
  const auto found = instance().ranks.find(handle);
  return found == instance().ranks.end() ? nullptr : found->second;
}

std::byte* bytes_at(const Rank& rank, const void* pointer, std::size_t bytes) {
  return ptx_device::device_bytes(rank.device, reinterpret_cast<cuda::DevicePointer>(pointer),
                                  bytes);
}

/// Elements that a request reads and writes.
std::size_t elements_read(const Request& request) {
  const std::size_t ranks = request.rank->clique->members.size();
  return request.kind == Kind::reduce_scatter ? request.count * ranks
         : request.kind == Kind::receive      ? 0
                                              : request.count;
}
std::size_t elements_written(const Request& request) {
  const std::size_t ranks = request.rank->clique->members.size();
  return request.kind == Kind::all_gather ? request.count * ranks
         : request.kind == Kind::send     ? 0
                                          : request.count;
}

/// Does one collective operation, of which each rank's request is there.
void complete(const std::vector<Request*>& requests) {
  const Request& first = *requests.front();
  const std::size_t bytes = first.count * bytes_of(first.type);
  std::vector<std::byte> whole;  // reduced or gathered: what came from all ranks
  std::vector<const std::byte*> parts;
  for (const Request* request : requests) {
    parts.push_back(
        bytes_at(*request->rank, request->from, elements_read(*request) * bytes_of(first.type)));
  }
  if (first.kind == Kind::all_gather) {
    for (const std::byte* part : parts) whole.insert(whole.end(), part, part + bytes);
  } else {
    whole = reduce(parts, elements_read(first), first.type, first.reduction);
  }
  for (std::size_t rank = 0; rank < requests.size(); ++rank) {
    const Request& request = *requests[rank];
    const std::size_t offset = first.kind == Kind::reduce_scatter ? rank * bytes : 0;
    const std::size_t written = elements_written(request) * bytes_of(first.type);
    if (written > 0) {
      std::memcpy(bytes_at(*request.rank, request.to, written), whole.data() + offset, written);
    }
  }
}

bool same_operation(const Request& a, const Request& b) {
  return a.kind == b.kind && a.count == b.count && a.type == b.type && a.reduction == b.reduction;
}

void finish(const std::vector<Request*>& requests, Result result) {
  for (Request* request : requests) {
    request->is_done = true;
    request->result = result;
  }
  instance().changed.notify_all();
}

/// Does the operations that all their ranks have come to.
void progress(Clique& clique) {
  if (!clique.is_complete() || clique.is_broken) return;
  const auto has_collective = [](const Rank* rank) { return !rank->collectives.empty(); };
  while (std::all_of(clique.members.begin(), clique.members.end(), has_collective)) {
    std::vector<Request*> heads;
    for (Rank* rank : clique.members) {
      heads.push_back(rank->collectives.front());
      rank->collectives.pop_front();
    }
    const bool fit = std::all_of(heads.begin(), heads.end(), [&](const Request* head) {
      return same_operation(*head, *heads.front());
    });
    if (fit) complete(heads);
    finish(heads, fit ? kSuccess : kInvalidUsage);
  }
  for (Rank* from : clique.members) {
    for (std::size_t i = 0; i < from->sends.size();) {
      Request* const send = from->sends[i];
      auto& receives = clique.members[static_cast<std::size_t>(send->peer)]->receives;
      const auto match = std::find_if(receives.begin(), receives.end(),
                                      [&](const Request* r) { return r->peer == from->rank; });
      if (match == receives.end()) {
        ++i;
        continue;
      }
      Request* const receive = *match;
      const std::size_t bytes = send->count * bytes_of(send->type);
      const bool fit = send->count == receive->count && send->type == receive->type;
      if (fit && bytes > 0) {
        std::memcpy(bytes_at(*receive->rank, receive->to, bytes),
                    bytes_at(*from, send->from, bytes), bytes);
      }
      receives.erase(match);
      from->sends.erase(from->sends.begin() + static_cast<std::ptrdiff_t>(i));
      finish({send, receive}, fit ? kSuccess : kInvalidUsage);
    }
  }
}

/// Ranks of the clique that have not come to where `request` waits.
std::string missing(const Request& request) {
  std::string names;
  for (std::size_t rank = 0; rank < request.rank->clique->members.size(); ++rank) {
    const Rank* const member = request.rank->clique->members[rank];
    const bool is_peer = static_cast<int>(rank) == request.peer;
    const bool is_absent = request.kind == Kind::send || request.kind == Kind::receive
                               ? is_peer
                               : member == nullptr || member->collectives.empty();
    if (is_absent) names += (names.empty() ? "" : ", ") + std::to_string(rank);
  }
  return names;
}

/// Hands requests to their ranks and waits until they are done.
Result submit(std::unique_lock<std::mutex>& lock, std::deque<Request>& requests) {
  for (Request& request : requests) {
    auto& queue = request.kind == Kind::send      ? request.rank->sends
                  : request.kind == Kind::receive ? request.rank->receives
                                                  : request.rank->collectives;
    queue.push_back(&request);
  }
  for (Request& request : requests) progress(*request.rank->clique);
  const auto deadline = std::chrono::steady_clock::now() + instance().options.patience;
  Result result = kSuccess;
  for (Request& request : requests) {
    Clique& clique = *request.rank->clique;
    const bool in_time = instance().changed.wait_until(
        lock, deadline, [&] { return request.is_done || clique.is_broken; });
    if (!request.is_done) {
      result = in_time
                   ? refuse(kRemoteError, "a rank was aborted")
                   : refuse(kInvalidUsage, fmt::format("rank {} waits in vain for rank {} in {}",
                                                       request.rank->rank, missing(request),
                                                       kNames[static_cast<int>(request.kind)]));
      clique.is_broken = true;
      instance().changed.notify_all();
    } else if (request.result != kSuccess) {
      result = refuse(request.result, fmt::format("ranks disagree about {}",
                                                  kNames[static_cast<int>(request.kind)]));
    }
  }
  // What was not done must not outlive this call.
  for (Request& request : requests) {
    if (request.is_done) continue;
    for (auto* queue :
         {&request.rank->sends, &request.rank->receives, &request.rank->collectives}) {
      std::erase(*queue, &request);
    }
  }
  return result;
}

Result start(CommunicatorHandle handle, cuda::StreamHandle stream, Request request) {
  std::unique_lock lock(instance().mutex);
  request.rank = find(handle);
  if (request.rank == nullptr) return refuse(kInvalidArgument, "there is no such communicator");
  const Rank& rank = *request.rank;
  const int ranks = static_cast<int>(rank.clique->members.size());
  if (rank.clique->is_broken) return refuse(kRemoteError, "a rank was aborted");
  if (request.peer < 0 || request.peer >= ranks) return refuse(kInvalidArgument, "no such peer");
  if (ptx_device::device_of(stream) != rank.device) {
    return refuse(kInvalidArgument, "the stream is on another device than the rank");
  }
  const std::size_t size = bytes_of(request.type);
  const std::size_t read = elements_read(request) * size;
  const std::size_t written = elements_written(request) * size;
  if ((read > 0 && bytes_at(rank, request.from, read) == nullptr) ||
      (written > 0 && bytes_at(rank, request.to, written) == nullptr)) {
    return refuse(kInvalidArgument, "memory that the rank's device doesn't have");
  }
  if (pending.depth > 0) {
    pending.requests.push_back(request);
    return kSuccess;
  }
  lock.unlock();
  // In a capture it is done at each replay, and a failure is then one that came later.
  struct Outcome {
    Result result = kSuccess;
    bool is_later = false;
  };
  const auto outcome = std::make_shared<Outcome>();
  const cuda::Result enqueued = ptx_device::enqueue(stream, [request, outcome] {
    std::unique_lock working(instance().mutex);
    std::deque<Request> alone = {request};
    outcome->result = submit(working, alone);
    if (outcome->is_later && outcome->result != kSuccess) {
      instance().options.async_error = outcome->result;
    }
  });
  outcome->is_later = true;
  return enqueued == cuda::kSuccess ? outcome->result
                                    : refuse(kUnhandledCudaError, "the stream takes no work");
}

Result get_version(int* version) {
  *version = instance().options.version;
  return kSuccess;
}
const char* get_error_string(Result result) {
  static constexpr const char* kTexts[] = {
      "no error",         "unhandled cuda error", "system error", "internal error",
      "invalid argument", "invalid usage",        "remote error", "in progress"};
  return result >= 0 && result <= kInProgress ? kTexts[result] : "unknown result code";
}
const char* get_last_error(CommunicatorHandle) {
  return last_error.c_str();
}

/// The rank's handle, made and entered among its clique; null where the clique refuses it.
CommunicatorHandle join(const std::shared_ptr<Clique>& clique, int rank, int device) {
  for (const Rank* member : clique->members) {
    if (member != nullptr && member->device == device) {
      last_error = "a device twice";
      return nullptr;
    }
  }
  auto made = std::make_shared<Rank>(Rank{rank, device, clique, {}, {}, {}});
  Rank* const handle = made.get();
  clique->members[static_cast<std::size_t>(rank)] = handle;
  instance().ranks.emplace(handle, std::move(made));
  instance().changed.notify_all();
  return reinterpret_cast<CommunicatorHandle>(handle);
}

Result communicator_init_all(CommunicatorHandle* communicators, int devices, const int* ordinals) {
  const std::lock_guard lock(instance().mutex);
  if (communicators == nullptr || devices < 1) return refuse(kInvalidArgument, "no devices");
  const auto clique = std::make_shared<Clique>();
  clique->members.resize(static_cast<std::size_t>(devices));
  for (int rank = 0; rank < devices; ++rank) {
    communicators[rank] = join(clique, rank, ordinals == nullptr ? rank : ordinals[rank]);
    if (communicators[rank] != nullptr) continue;
    for (int made = 0; made < rank; ++made) instance().ranks.erase(communicators[made]);
    return kInvalidUsage;
  }
  return kSuccess;
}

Result communicator_get_async_error(CommunicatorHandle communicator, Result* error) {
  const std::lock_guard lock(instance().mutex);
  const std::shared_ptr<Rank> rank = find(communicator);
  if (rank == nullptr) return refuse(kInvalidArgument, "there is no such communicator");
  *error = rank->clique->is_broken ? kRemoteError : instance().options.async_error;
  return kSuccess;
}

/// Takes a rank out of its clique.
Result leave(CommunicatorHandle communicator, const char* call, bool breaks) {
  const std::lock_guard lock(instance().mutex);
  const std::shared_ptr<Rank> rank = find(communicator);
  if (rank == nullptr) {
    instance().misuses.push_back(std::string(call) + " of a rank that is not there");
    return refuse(kInvalidArgument, "there is no such communicator");
  }
  if (breaks) rank->clique->is_broken = true;
  rank->clique->members[static_cast<std::size_t>(rank->rank)] = nullptr;
  instance().ranks.erase(communicator);
  instance().changed.notify_all();
  return kSuccess;
}
Result communicator_destroy(CommunicatorHandle communicator) {
  return leave(communicator, "ncclCommDestroy", false);
}
Result communicator_abort(CommunicatorHandle communicator) {
  return leave(communicator, "ncclCommAbort", true);
}

Result group_start() {
  ++pending.depth;
  return kSuccess;
}
Result group_end() {
  if (pending.depth == 0) return refuse(kInvalidUsage, "the end of no group");
  if (--pending.depth > 0) return kSuccess;
  const PendingGroup group = std::exchange(pending, {});
  if (group.error != kSuccess) return group.error;
  std::deque<Request> requests = group.requests;
  std::unique_lock lock(instance().mutex);
  return submit(lock, requests);
}

Result all_reduce(const void* from, void* to, std::size_t count, DataType type, Reduction reduction,
                  CommunicatorHandle communicator, cuda::StreamHandle stream) {
  return start(communicator, stream,
               {.kind = Kind::all_reduce,
                .from = from,
                .to = to,
                .count = count,
                .type = type,
                .reduction = reduction});
}
Result all_gather(const void* from, void* to, std::size_t from_count, DataType type,
                  CommunicatorHandle communicator, cuda::StreamHandle stream) {
  return start(
      communicator, stream,
      {.kind = Kind::all_gather, .from = from, .to = to, .count = from_count, .type = type});
}
Result reduce_scatter(const void* from, void* to, std::size_t to_count, DataType type,
                      Reduction reduction, CommunicatorHandle communicator,
                      cuda::StreamHandle stream) {
  return start(communicator, stream,
               {.kind = Kind::reduce_scatter,
                .from = from,
                .to = to,
                .count = to_count,
                .type = type,
                .reduction = reduction});
}
Result send(const void* from, std::size_t count, DataType type, int peer,
            CommunicatorHandle communicator, cuda::StreamHandle stream) {
  return start(communicator, stream,
               {.kind = Kind::send, .from = from, .count = count, .type = type, .peer = peer});
}
Result receive(void* to, std::size_t count, DataType type, int peer,
               CommunicatorHandle communicator, cuda::StreamHandle stream) {
  return start(communicator, stream,
               {.kind = Kind::receive, .to = to, .count = count, .type = type, .peer = peer});
}

}  // namespace

void configure(const Options& options) {
  Library& library = instance();
  const std::lock_guard lock(library.mutex);
  library.options = options;
  library.ranks.clear();
  library.misuses.clear();
}

const Table& library() {
  static constexpr Table kTable = {
      .get_version = get_version,
      .get_error_string = get_error_string,
      .get_last_error = get_last_error,
      .communicator_init_all = communicator_init_all,
      .communicator_get_async_error = communicator_get_async_error,
      .communicator_destroy = communicator_destroy,
      .communicator_abort = communicator_abort,
      .group_start = group_start,
      .group_end = group_end,
      .all_reduce = all_reduce,
      .all_gather = all_gather,
      .reduce_scatter = reduce_scatter,
      .send = send,
      .receive = receive,
  };
  return kTable;
}

std::vector<std::string> leaks() {
  const std::lock_guard lock(instance().mutex);
  std::vector<std::string> all = instance().misuses;
  for (const auto& [handle, rank] : instance().ranks) {
    all.push_back(fmt::format("rank {} of {}", rank->rank, rank->clique->members.size()));
  }
  return all;
}

}  // namespace assay::host_nccl
