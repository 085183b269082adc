/// A call that fails while another call's failure is on its way: the first is thrown, the second is
/// told to whoever watches (kernels/cuda/release.h), and neither is lost. On functional devices,
/// through tables whose entries fail where a test says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "kernels/cuda/graph.h"
#include "kernels/cuda/nccl.h"
#include "kernels/cuda/release.h"
#include "ptx/host_nccl.h"
#include "ptx_device/device.h"

namespace assay::cuda {
namespace {

using ::testing::HasSubstr;

constexpr Result kFailure = kNotSupported;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.line();
  }
  return "nothing was thrown";
}

/// The functional device's table, anew.
DriverTable fresh_table() {
  ptx_device::configure({});
  return ptx_device::driver();
}

TEST(ErrorPaths, AContextThatCannotBeMadeCurrentIsReleased) {
  DriverTable table = fresh_table();
  table.context_set_current = [](ContextHandle) { return kFailure; };
  table.primary_context_release = [](DeviceOrdinal device) {
    ptx_device::driver().primary_context_release(device);
    return kFailure;
  };
  const ReleaseWatch watch;
  EXPECT_THAT(message_of([&] { const Device device(table, 0); }),
              HasSubstr("cuCtxSetCurrent failed"));
  EXPECT_THAT(watch.failure(), HasSubstr("cuDevicePrimaryCtxRelease failed"));
  EXPECT_TRUE(ptx_device::leaks().empty());
}

/// What refused the kernels is told even where the version isn't, which is then no "CUDA 0.0".
TEST(ErrorPaths, ADriverWhoseVersionIsNotToldRefusesKernelsAllTheSame) {
  DriverTable table = fresh_table();
  table.module_load_data = [](ModuleHandle*, const void*) { return kUnsupportedPtxVersion; };
  Device device(table, 0);
  EXPECT_THAT(message_of([&] { static_cast<void>(device.kernel("norm_column_sum")); }),
              HasSubstr("the driver, of CUDA 13.0, refuses kernels"));
  table.driver_get_version = [](int*) { return kFailure; };
  EXPECT_THAT(message_of([&] { static_cast<void>(device.kernel("norm_column_sum")); }),
              HasSubstr("of no known version (cuDriverGetVersion: 801), refuses kernels"));
}

/// A graph that comes of a failed recording is destroyed, and what that fails with is told.
class FailedGraph : public testing::Test {
 protected:
  FailedGraph() : table_(fresh_table()) {
    table_.graph_destroy = [](GraphHandle graph) {
      ptx_device::driver().graph_destroy(graph);
      return kFailure;
    };
  }

  /// The error of a graph that is made, and what the watch has heard.
  struct Told {
    std::string thrown, noted;
  };
  Told told(const std::function<void()>& record = [] {}) {
    const ReleaseWatch watch;
    Told result;
    {
      Device device(table_, 0);
      const Stream stream(device);
      result.thrown = message_of([&] { const Graph graph(stream, record); });
    }
    EXPECT_TRUE(ptx_device::leaks().empty()) << ptx_device::leaks().front();
    result.noted = watch.failure();
    return result;
  }

  DriverTable table_;
};

TEST_F(FailedGraph, BecauseOfWhatIsRecorded) {
  const Told all = told([] { throw check_error("no such kernel", "here"); });
  EXPECT_THAT(all.thrown, HasSubstr("no such kernel"));
  EXPECT_THAT(all.noted, HasSubstr("cuGraphDestroy failed"));
}

TEST_F(FailedGraph, WhoseCaptureIsNotEndedEither) {
  table_.stream_end_capture = [](StreamHandle stream, GraphHandle* graph) {
    ptx_device::driver().stream_end_capture(stream, graph);
    return kFailure;
  };
  const Told all = told([] { throw check_error("no such kernel", "here"); });
  EXPECT_THAT(all.thrown, HasSubstr("no such kernel"));
  EXPECT_THAT(all.noted, HasSubstr("cuStreamEndCapture failed"));
  const Told whole = told();
  EXPECT_THAT(whole.thrown, HasSubstr("cuStreamEndCapture failed"));
  EXPECT_THAT(whole.noted, HasSubstr("cuGraphDestroy failed"));
}

TEST_F(FailedGraph, ThatIsNotInstantiated) {
  table_.graph_instantiate = [](GraphExecutableHandle*, GraphHandle, unsigned long long) {
    return kFailure;
  };
  const Told all = told();
  EXPECT_THAT(all.thrown, HasSubstr("cuGraphInstantiateWithFlags failed"));
  EXPECT_THAT(all.noted, HasSubstr("cuGraphDestroy failed"));
}

TEST_F(FailedGraph, WhoseExecutableIsDestroyedInVain) {
  table_.graph_executable_destroy = [](GraphExecutableHandle graph) {
    ptx_device::driver().graph_executable_destroy(graph);
    return kFailure;
  };
  const Told all = told();
  EXPECT_THAT(all.thrown, HasSubstr("cuGraphDestroy failed"));
  EXPECT_THAT(all.noted, HasSubstr("cuGraphExecDestroy failed"));
}

TEST(ErrorPaths, AGroupThatAnErrorLeavesOpenIsEnded) {
  host_nccl::configure({});
  nccl::Table table = host_nccl::library();
  table.group_end = [] {
    host_nccl::library().group_end();
    return nccl::kSystemError;
  };
  const ReleaseWatch watch;
  EXPECT_THAT(message_of([&] {
                const nccl::Group group(table);
                throw check_error("no such rank", "here");
              }),
              HasSubstr("no such rank"));
  EXPECT_THAT(watch.failure(), HasSubstr("ncclGroupEnd failed: system error"));
}

}  // namespace
}  // namespace assay::cuda
