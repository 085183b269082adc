/// The links' workloads on several functional devices: what they move is what their definitions
/// say, wrong outputs are seen, and an error at each entry of NCCL's table is told by name.
#include "kernels/links/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "kernels/cuda/device.h"
#include "kernels/registry.h"
#include "ptx/host_nccl.h"
#include "ptx_device/device.h"
#include "support/fault_injection.h"

namespace assay::links {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kBytes = 4096;

/// Runs body on the stream of one of several functional devices and expects nothing left behind.
template <class Body>
void on_device(int devices, int ordinal, const Body& body) {
  ptx_device::Options options;
  options.device_count = devices;
  ptx_device::configure(options);
  // A call that is left out keeps its partner waiting.
  host_nccl::configure({.patience = std::chrono::milliseconds(100)});
  {
    cuda::Device device(ptx_device::driver(), ordinal);
    cuda::Stream stream(device);
    body(stream);
  }
  EXPECT_THAT(ptx_device::leaks(), IsEmpty());
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
}

/// What verify() found after two iterations.
std::vector<Check> checks_of(const Workload& workload, cuda::Stream& stream) {
  const Instance instance = workload.on_cuda(stream, InputKey{7});
  instance.iterate();
  instance.iterate();
  return instance.verify();
}

void expect_right(const Workload& workload, int ordinal) {
  SCOPED_TRACE(workload.name);
  on_device(workload.devices, ordinal, [&](cuda::Stream& stream) {
    for (const Check& check : checks_of(workload, stream)) {
      EXPECT_TRUE(check.passed()) << check.name << ": " << check.error;
    }
    const Instance idle = workload.on_cuda(stream, InputKey{7});
    for (const Check& check : idle.verify()) EXPECT_FALSE(check.passed()) << "nothing was moved";
  });
}

TEST(Links, EachMovesWhatItsDefinitionSays) {
  for (const HostCopy operation :
       {HostCopy::host_to_device, HostCopy::device_to_host, HostCopy::both_ways}) {
    expect_right(host_copy_workload(operation, kBytes), 0);
  }
  expect_right(peer_copy_workload(0, 2, kBytes), 1);
  expect_right(peer_copy_workload(2, 0, kBytes), 2);
  for (const Collective operation : {Collective::all_reduce, Collective::all_gather,
                                     Collective::reduce_scatter, Collective::all_to_all}) {
    for (const int devices : {2, 4}) {
      expect_right(collective_workload(operation, devices, kBytes, &host_nccl::library()), 1);
    }
  }
}

TEST(Links, SayHowManyDevicesTheyNeed) {
  const Workload* const workload = find_workload("links/all_reduce/devices8_bytes1048576/fp32");
  ASSERT_NE(workload, nullptr);
  EXPECT_EQ(unavailable_on(*workload, CudaTarget{90, nullptr, 8}), std::nullopt);
  EXPECT_EQ(unavailable_on(*workload, CudaTarget{90, nullptr, 4}),
            "it needs 8 devices; the driver offers 4");
  EXPECT_EQ(unavailable_on(*workload, CpuDevice{}), "no CPU implementation");
}

TEST(Links, AnErrorAtEachEntryOfNcclIsToldByName) {
  using Faults = FaultInjection<cuda::nccl::Table>;
  const auto run = [] {
    std::string told = "nothing";
    on_device(2, 0, [&](cuda::Stream& stream) {
      try {
        for (const Collective operation : {Collective::all_reduce, Collective::all_gather,
                                           Collective::reduce_scatter, Collective::all_to_all}) {
          checks_of(collective_workload(operation, 2, kBytes, &Faults::table()), stream);
        }
      } catch (const Error& error) {
        told = error.what();
      }
    });
    return told;
  };
  Faults::begin(host_nccl::library());
  EXPECT_EQ(run(), "nothing");
  const std::map<std::string, int> calls = Faults::calls();
  EXPECT_EQ(calls.size(), 11U);
  for (const auto& [name, count] : calls) {
    for (const int call : std::set<int>{1, count}) {
      SCOPED_TRACE(name + " call " + std::to_string(call));
      Faults::begin(host_nccl::library(), {name, call, cuda::nccl::kSystemError});
      const std::string told = run();
      EXPECT_TRUE(Faults::has_failed());
      if (name != "ncclCommDestroy") {
        EXPECT_THAT(told, HasSubstr(name + " failed: system error"));
      }
    }
  }
}

}  // namespace
}  // namespace assay::links
