/// Captures and graphs on the functional device: what is recorded and replayed, and what a real
/// driver refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "ptx_device/library.h"
#include "ptx_device/test_machine.h"

namespace assay::ptx_device {
namespace {

using ::testing::ElementsAre;

class Capture : public testing::Test {
 protected:
  Capture() : machine_({}, snippet("variables.ptx")), table_(machine_.table()) {
    machine_.require(table_.stream_create(&other_, cuda::kStreamNonBlocking));
    machine_.require(table_.event_create(&event_, cuda::kEventWithoutTiming));
    machine_.require(table_.event_create(&back_, cuda::kEventWithoutTiming));
  }

  void begin() { machine_.require(table_.stream_begin_capture(stream(), kMode)); }
  cuda::StreamHandle stream() { return machine_.stream(); }
  /// Ends the capture and makes it executable.
  cuda::GraphExecutableHandle end() {
    cuda::GraphHandle graph = nullptr;
    cuda::GraphExecutableHandle executable = nullptr;
    machine_.require(table_.stream_end_capture(stream(), &graph));
    machine_.require(table_.graph_instantiate(&executable, graph, 0));
    machine_.require(table_.graph_destroy(graph));
    return executable;
  }
  /// A call that is refused with that code spoils the capture.
  void expect_spoilt(cuda::Result result, cuda::Result code) {
    EXPECT_EQ(result, code);
    cuda::GraphHandle graph = nullptr;
    EXPECT_EQ(table_.memory_set_8_async(buffer_, 1, 4, stream()), cuda::kCaptureInvalidated);
    EXPECT_EQ(table_.stream_end_capture(stream(), &graph), cuda::kCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
    machine_.require(table_.memory_set_8_async(buffer_, 1, 4, stream()));  // free again
  }

  static constexpr int kMode = cuda::kCaptureThreadLocal;
  TestMachine machine_;
  const cuda::DriverTable& table_;
  cuda::StreamHandle other_ = nullptr;
  cuda::EventHandle event_ = nullptr;
  cuda::EventHandle back_ = nullptr;
  cuda::DevicePointer buffer_ = machine_.buffer(std::vector<std::uint32_t>{5, 5, 5, 5});
};

TEST_F(Capture, RecordsAndReplaysWithTheScalarsOfTheRecording) {
  std::uint32_t index = 2;
  begin();
  machine_.require(machine_.launch("variables", {1, 1, 0}, {&buffer_, &index}));
  machine_.require(table_.memory_set_8_async(buffer_ + 8, 1, 4, stream()));
  const cuda::GraphExecutableHandle graph = end();
  EXPECT_THAT(machine_.read<std::uint32_t>(buffer_, 4), ElementsAre(5, 5, 5, 5));
  index = 0;
  machine_.require(table_.graph_launch(graph, stream()));
  EXPECT_THAT(machine_.read<std::uint32_t>(buffer_, 4),
              ElementsAre(std::bit_cast<std::uint32_t>(3.0F), 8, 0x01010101, 105));
  machine_.require(table_.memory_set_8_async(buffer_, 0, 16, stream()));
  machine_.require(table_.graph_launch(graph, other_));
  EXPECT_THAT(machine_.read<std::uint32_t>(buffer_, 4),
              ElementsAre(std::bit_cast<std::uint32_t>(3.0F), 8, 0x01010101, 105));
  machine_.require(table_.graph_executable_destroy(graph));
  EXPECT_EQ(table_.graph_launch(graph, stream()), cuda::kInvalidHandle);
}

TEST_F(Capture, RecordsTheWorkOfLibraries) {
  int done = 0;
  machine_.require(enqueue(stream(), [&] { ++done; }));
  EXPECT_EQ(done, 1);
  begin();
  // The work may call the table itself.
  machine_.require(enqueue(stream(), [&] {
    ++done;
    machine_.require(table_.memory_set_8_async(buffer_, 2, 4, nullptr));
  }));
  EXPECT_EQ(done, 1);
  const cuda::GraphExecutableHandle graph = end();
  machine_.require(table_.graph_launch(graph, stream()));
  machine_.require(table_.graph_launch(graph, stream()));
  EXPECT_EQ(done, 3);
  EXPECT_EQ(machine_.read<std::uint32_t>(buffer_, 1)[0], 0x02020202U);
  machine_.require(table_.graph_executable_destroy(graph));
}

TEST_F(Capture, TakesInStreamsThatWaitForItsEvents) {
  begin();
  machine_.require(table_.memory_set_8_async(buffer_, 1, 4, stream()));
  machine_.require(table_.event_record(event_, stream()));
  machine_.require(table_.stream_wait_event(other_, event_, 0));
  machine_.require(table_.memory_set_8_async(buffer_ + 4, 2, 4, other_));
  machine_.require(table_.event_record(back_, other_));
  machine_.require(table_.stream_wait_event(stream(), back_, 0));
  const cuda::GraphExecutableHandle graph = end();
  machine_.require(table_.graph_launch(graph, stream()));
  EXPECT_THAT(machine_.read<std::uint32_t>(buffer_, 2), ElementsAre(0x01010101, 0x02020202));
  machine_.require(table_.graph_executable_destroy(graph));
  // The other stream is its own again.
  machine_.require(table_.memory_set_8_async(buffer_, 3, 4, other_));
  EXPECT_EQ(machine_.read<std::uint32_t>(buffer_, 1)[0], 0x03030303U);
}

TEST_F(Capture, RefusesWorkThatNothingWaitsFor) {
  begin();
  machine_.require(table_.event_record(event_, stream()));
  machine_.require(table_.stream_wait_event(other_, event_, 0));
  machine_.require(table_.memory_set_8_async(buffer_, 1, 4, other_));
  machine_.require(table_.event_record(back_, other_));
  machine_.require(table_.stream_wait_event(stream(), back_, 0));
  machine_.require(table_.memory_set_8_async(buffer_, 2, 4, other_));  // after the event
  cuda::GraphHandle graph = nullptr;
  EXPECT_EQ(table_.stream_end_capture(stream(), &graph), cuda::kCaptureUnjoined);
  EXPECT_EQ(graph, nullptr);
}

TEST_F(Capture, RefusesToWaitForTheCapturedStream) {
  begin();
  expect_spoilt(table_.stream_synchronize(stream()), cuda::kCaptureUnsupported);
}

TEST_F(Capture, RefusesAllocations) {
  begin();
  cuda::DevicePointer pointer = 0;
  expect_spoilt(table_.memory_allocate(&pointer, 16), cuda::kCaptureUnsupported);
  begin();
  expect_spoilt(table_.memory_free(buffer_), cuda::kCaptureUnsupported);
}

TEST_F(Capture, RefusesToLoadModules) {
  begin();
  cuda::ModuleHandle module = nullptr;
  const std::string ptx = snippet("variables.ptx");
  expect_spoilt(table_.module_load_data(&module, ptx.c_str()), cuda::kCaptureUnsupported);
}

TEST_F(Capture, RefusesTheNullStream) {
  EXPECT_EQ(table_.stream_begin_capture(nullptr, kMode), cuda::kCaptureUnsupported);
  begin();
  expect_spoilt(table_.memory_set_8_async(buffer_, 1, 4, nullptr), cuda::kCaptureImplicit);
}

TEST_F(Capture, RefusesEventsOfOtherWork) {
  machine_.require(table_.event_record(event_, other_));
  begin();
  expect_spoilt(table_.stream_wait_event(stream(), event_, 0), cuda::kCaptureIsolation);
}

TEST_F(Capture, RefusesToWaitForItsOwnEvents) {
  begin();
  machine_.require(table_.event_record(event_, stream()));
  expect_spoilt(table_.event_synchronize(event_), cuda::kCapturedEvent);
}

TEST_F(Capture, IsOneThreads) {
  begin();
  cuda::ContextHandle context = nullptr;
  machine_.require(table_.primary_context_retain(&context, 0));
  std::thread([&] {
    cuda::GraphHandle graph = nullptr;
    cuda::DevicePointer pointer = 0;
    machine_.require(table_.context_set_current(context));
    EXPECT_EQ(table_.stream_end_capture(stream(), &graph), cuda::kCaptureWrongThread);
    machine_.require(table_.memory_allocate(&pointer, 16));  // not disturbed by the capture
    machine_.require(table_.memory_free(pointer));
  }).join();
  machine_.require(table_.graph_executable_destroy(end()));
}

TEST_F(Capture, EndsWhereItBegan) {
  cuda::GraphHandle graph = nullptr;
  EXPECT_EQ(table_.stream_end_capture(stream(), &graph), cuda::kInvalidValue);
  begin();
  EXPECT_EQ(table_.stream_begin_capture(stream(), kMode), cuda::kInvalidValue);
  machine_.require(table_.event_record(event_, stream()));
  machine_.require(table_.stream_wait_event(other_, event_, 0));
  EXPECT_EQ(table_.stream_end_capture(other_, &graph), cuda::kCaptureUnmatched);
  EXPECT_EQ(table_.stream_end_capture(stream(), &graph), cuda::kCaptureInvalidated);
}

TEST_F(Capture, CountsWhatIsLeft) {
  const auto left = [] { return testing::Contains(testing::HasSubstr("capture")); };
  begin();
  EXPECT_THAT(leaks(), left());
  cuda::GraphHandle graph = nullptr;
  machine_.require(table_.stream_end_capture(stream(), &graph));
  EXPECT_THAT(leaks(), testing::Not(left()));
  EXPECT_THAT(leaks(), testing::Contains("a graph"));
  machine_.require(table_.graph_destroy(graph));
  EXPECT_THAT(leaks(), testing::Not(testing::Contains("a graph")));
}

TEST(Memory, SaysWhatIsFree) {
  Options options;
  options.memory_bytes = 1000;
  TestMachine machine(options, snippet("calls.ptx"));
  machine.buffer(std::vector<std::uint32_t>(100));
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  machine.require(machine.table().memory_get_info(&free_bytes, &total_bytes));
  EXPECT_EQ(total_bytes, 1000U);
  EXPECT_EQ(free_bytes, 600U);
}

}  // namespace
}  // namespace assay::ptx_device
