/// NCCL's table and the owners around it, on the host's version of the library and several
/// functional devices: the arithmetic, ranks by threads and by groups, what is refused, and an
/// error at each entry.
#include "kernels/cuda/nccl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>

#include "base/error.h"
#include "kernels/bf16.h"
#include "ptx/host_nccl.h"
#include "ptx_device/device.h"
#include "support/fault_injection.h"

namespace assay::cuda::nccl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Several functional devices, each with a stream.
struct Node {
  explicit Node(int n, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    ptx_device::Options options;
    options.device_count = n;
    ptx_device::configure(options);
    host_nccl::configure({.patience = patience});
    for (int i = 0; i < n; ++i) {
      ordinals.push_back(i);
      devices.push_back(std::make_unique<Device>(ptx_device::driver(), i));
      streams.push_back(std::make_unique<Stream>(*devices.back()));
    }
  }
  ~Node() {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      devices[i]->make_current();
      streams[i].reset();
    }
  }

  /// A buffer on each device, filled by value(rank, i).
  template <class T>
  std::vector<Buffer<T>> filled(std::size_t n, const std::function<T(int, std::size_t)>& value) {
    std::vector<Buffer<T>> all;
    for (std::size_t r = 0; r < devices.size(); ++r) {
      devices[r]->make_current();
      std::vector<T> values(n);
      for (std::size_t i = 0; i < n; ++i) values[i] = value(static_cast<int>(r), i);
      all.emplace_back(*streams[r], values);
    }
    return all;
  }
  template <class T>
  std::vector<T> on_host(const std::vector<Buffer<T>>& all, std::size_t rank) {
    devices[rank]->make_current();
    return all[rank].to_host(*streams[rank]);
  }
  /// Frees buffers with their devices current.
  template <class T>
  void free(std::vector<Buffer<T>>& all) {
    for (std::size_t r = 0; r < all.size(); ++r) {
      devices[r]->make_current();
      all[r] = {};
    }
  }

  std::vector<int> ordinals;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::unique_ptr<Stream>> streams;
};

float sample(int rank, std::size_t i) {
  return 0.5F + static_cast<float>(rank) * 3.0F + static_cast<float>(i) * 0.25F;
}

TEST(Nccl, EachCollectiveOfOneThreadIsWhatItsDefinitionSays) {
  constexpr std::size_t kRanks = 3;
  constexpr std::size_t kCount = 5;
  Node node(kRanks);
  {
    auto ranks = make_communicators(host_nccl::library(), node.ordinals);
    auto from = node.filled<float>(kRanks * kCount, sample);
    auto reduced = node.filled<float>(kRanks * kCount, sample);
    auto gathered = node.filled<float>(kRanks * kCount, sample);
    auto scattered = node.filled<float>(kCount, sample);
    auto exchanged = node.filled<float>(kRanks * kCount, sample);
    const auto each = [&](const std::function<void(std::size_t)>& call) {
      Group group(host_nccl::library());
      for (std::size_t r = 0; r < kRanks; ++r) call(r);
      group.end();
    };
    each([&](std::size_t r) {
      ranks[r].all_reduce(*node.streams[r], from[r].data(), reduced[r].data(), kRanks * kCount,
                          DataType::fp32);
    });
    each([&](std::size_t r) {
      ranks[r].all_gather(*node.streams[r], from[r].data(), gathered[r].data(), kCount,
                          DataType::fp32);
    });
    each([&](std::size_t r) {
      ranks[r].reduce_scatter(*node.streams[r], from[r].data(), scattered[r].data(), kCount,
                              DataType::fp32, Reduction::average);
    });
    each([&](std::size_t r) {
      ranks[r].all_to_all(*node.streams[r], from[r].data(), exchanged[r].data(), kCount,
                          DataType::fp32);
    });
    const auto sum = [](std::size_t i) { return sample(0, i) + sample(1, i) + sample(2, i); };
    for (std::size_t r = 0; r < kRanks; ++r) {
      const int rank = static_cast<int>(r);
      const auto all = node.on_host(reduced, r);
      const auto gather = node.on_host(gathered, r);
      const auto exchange = node.on_host(exchanged, r);
      const auto scatter = node.on_host(scattered, r);
      for (std::size_t i = 0; i < kRanks * kCount; ++i) {
        const int source = static_cast<int>(i / kCount);
        EXPECT_EQ(all[i], sum(i));
        EXPECT_EQ(gather[i], sample(source, i % kCount));
        EXPECT_EQ(exchange[i], sample(source, r * kCount + i % kCount)) << rank << ' ' << i;
      }
      for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(scatter[i], sum(r * kCount + i) / 3.0F);
    }
    for (auto* buffers : {&from, &reduced, &gathered, &scattered, &exchanged}) node.free(*buffers);
  }
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

TEST(Nccl, RanksInThreadsReduceInPlaceInBf16) {
  constexpr int kRanks = 2;
  constexpr std::size_t kCount = 64;
  Node node(kRanks);
  const Table& table = host_nccl::library();
  auto values = node.filled<Bf16>(
      kCount, [](int rank, std::size_t i) { return to_bf16(sample(rank, i) * 1.01F); });
  auto ranks = make_communicators(table, node.ordinals);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kRanks; ++rank) {
    threads.emplace_back([&, rank] {
      const auto r = static_cast<std::size_t>(rank);
      node.devices[r]->make_current();
      Communicator communicator = std::move(ranks[r]);
      for (int repeat = 0; repeat < 3; ++repeat) {
        communicator.all_reduce(*node.streams[r], values[r].data(), values[r].data(), kCount,
                                DataType::bf16, Reduction::maximum);
        communicator.all_reduce(*node.streams[r], values[r].data(), values[r].data(), kCount,
                                DataType::bf16);
      }
      communicator.check_async_error();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto first = node.on_host(values, 0);
  const auto second = node.on_host(values, 1);
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(first[i].bits, second[i].bits);
    EXPECT_EQ(to_float(first[i]), 8.0F * to_float(to_bf16(sample(1, i) * 1.01F)));
  }
  node.free(values);
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Nccl, WhatWouldHangIsToldByName) {
  Node node(2, std::chrono::milliseconds(50));
  const Table& table = host_nccl::library();
  auto values = node.filled<float>(4, sample);
  {
    auto ranks = make_communicators(table, node.ordinals);
    const std::string alone = message_of([&] {
      ranks[0].all_reduce(*node.streams[0], values[0].data(), values[0].data(), 4, DataType::fp32);
    });
    EXPECT_THAT(alone, HasSubstr("rank 0 waits in vain for rank 1 in all-reduce"));
    EXPECT_THAT(alone, HasSubstr("ncclAllReduce failed: invalid usage"));
  }
  {
    auto ranks = make_communicators(table, node.ordinals);
    const std::string different = message_of([&] {
      Group group(table);
      for (std::size_t r = 0; r < 2; ++r) {
        ranks[r].all_reduce(*node.streams[r], values[r].data(), values[r].data(), 4 - r,
                            DataType::fp32);
      }
      group.end();
    });
    EXPECT_THAT(different, HasSubstr("ncclGroupEnd failed: invalid usage: ranks disagree"));
  }
  node.free(values);
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

TEST(Nccl, RefusesWhatTheLibraryRefuses) {
  Node node(2);
  const Table& table = host_nccl::library();
  auto values = node.filled<float>(4, sample);
  const std::vector<int> twice = {0, 0};
  EXPECT_THAT(message_of([&] { static_cast<void>(make_communicators(table, twice)); }),
              HasSubstr("a device twice"));
  {
    auto ranks = make_communicators(table, node.ordinals);
    EXPECT_THAT(message_of([&] {
                  ranks[0].all_reduce(*node.streams[1], values[0].data(), values[0].data(), 4,
                                      DataType::fp32);
                }),
                HasSubstr("the stream is on another device"));
    EXPECT_THAT(message_of([&] {
                  ranks[0].all_reduce(*node.streams[0], values[1].data(), values[0].data(), 4,
                                      DataType::fp32);
                }),
                HasSubstr("memory that the rank's device doesn't have"));
    EXPECT_THAT(message_of([&] {
                  ranks[0].all_gather(*node.streams[0], values[0].data(), values[0].data(), 4,
                                      DataType::fp32);
                }),
                HasSubstr("memory that the rank's device doesn't have"))
        << "room for one rank's part only";
    EXPECT_THAT(message_of([&] {
                  ranks[0].send(*node.streams[0], values[0].data(), 4, DataType::fp32, 2);
                }),
                HasSubstr("no such peer"));
  }
  EXPECT_EQ(table.group_end(), kInvalidUsage);
  node.free(values);
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

TEST(Nccl, AnAsyncErrorIsToldAndTheRankIsAborted) {
  Node node(1);
  host_nccl::configure({.async_error = kRemoteError});
  {
    auto ranks = make_communicators(host_nccl::library(), node.ordinals);
    EXPECT_THAT(message_of([&] { ranks[0].check_async_error(); }), HasSubstr("remote error"));
  }
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

TEST(Nccl, NamesItsVersionAndAMissingLibrary) {
  host_nccl::configure({});
  EXPECT_EQ(version_text(host_nccl::library()), "2.28.3");
  EXPECT_THAT(message_of([] { static_cast<void>(system_library("libnccl-none.so")); }),
              HasSubstr("no NCCL on this machine"));
}

/// Calls every entry that can fail, several times: ranks by a thread each and by one thread.
void use_everything(const Table& table) {
  Node node(2, std::chrono::milliseconds(250));
  auto values = node.filled<float>(8, sample);
  auto results = node.filled<float>(8, sample);
  // What one rank is told may be the other's end, so all are kept.
  std::string errors;
  std::mutex mutex;
  const auto guarded = [&](const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      const std::lock_guard lock(mutex);
      errors += error.line() + '\n';
    }
  };
  guarded([&] {
    static_cast<void>(version_text(table));
    auto ranks = make_communicators(table, node.ordinals);
    for (int repeat = 0; repeat < 2; ++repeat) {
      Group group(table);
      for (std::size_t r = 0; r < 2; ++r) {
        const Stream& stream = *node.streams[r];
        float* const from = values[r].data();
        float* const to = results[r].data();
        ranks[r].all_reduce(stream, from, to, 8, DataType::fp32);
        ranks[r].all_gather(stream, from, to, 4, DataType::fp32);
        ranks[r].reduce_scatter(stream, from, to, 4, DataType::fp32);
        ranks[r].all_to_all(stream, from, to, 4, DataType::fp32);
      }
      group.end();
      for (Communicator& rank : ranks) rank.check_async_error();
    }
    ranks[0].abort();
  });
  guarded([&] {
    auto ranks = make_communicators(table, node.ordinals);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        guarded([&] {
          const auto r = static_cast<std::size_t>(rank);
          node.devices[r]->make_current();
          Communicator communicator = std::move(ranks[r]);
          communicator.all_reduce(*node.streams[r], values[r].data(), results[r].data(), 8,
                                  DataType::fp32);
        });
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  node.free(values);
  node.free(results);
  if (!errors.empty()) throw check_error(errors);
}

TEST(Nccl, AnErrorAtEachEntryIsNamedAndLeavesNothingBehind) {
  using Faults = FaultInjection<Table>;
  Faults::begin(host_nccl::library());
  use_everything(Faults::table());
  const std::map<std::string, int> calls = Faults::calls();
  EXPECT_EQ(calls.size(), 12) << "each entry but the two that tell texts";
  // Owners end their ranks as they go; nobody is there to be told.
  const auto is_silent = [](const std::string& name) {
    return name == "ncclCommDestroy" || name == "ncclCommAbort";
  };
  for (const auto& [name, count] : calls) {
    for (const int call : std::set<int>{1, count}) {
      SCOPED_TRACE(name + " call " + std::to_string(call));
      Faults::begin(host_nccl::library(), {name, call, kSystemError});
      const std::string told = message_of([] { use_everything(Faults::table()); });
      EXPECT_TRUE(Faults::has_failed());
      if (!is_silent(name)) {
        EXPECT_THAT(told, HasSubstr(name + " failed: system error"));
      }
      EXPECT_THAT(host_nccl::leaks(), IsEmpty());
      EXPECT_THAT(ptx_device::leaks(), IsEmpty());
    }
  }
}

}  // namespace
}  // namespace assay::cuda::nccl
