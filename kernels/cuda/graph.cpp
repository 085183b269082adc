#include "kernels/cuda/graph.h"

#include "kernels/cuda/release.h"

namespace assay::cuda {
namespace {

/// Destroys a graph that nothing will be made of, because of an error that is thrown.
void drop(const Device& device, GraphHandle graph) {
  if (graph == nullptr) return;
  note_release(device.driver(), device.driver().graph_destroy(graph), "cuGraphDestroy",
               device.facts().name);
}

/// Ends the capture; a graph without its capture's success is none.
GraphHandle recorded(const Stream& stream, const std::function<void()>& record) {
  const DriverTable& driver = stream.device().driver();
  const std::string& where = stream.device().facts().name;
  check(driver, driver.stream_begin_capture(stream.handle(), kCaptureThreadLocal),
        "cuStreamBeginCapture", where);
  GraphHandle graph = nullptr;
  try {
    record();
  } catch (...) {
    // What was thrown may have ended the capture; then this call says so.
    note_release(driver, driver.stream_end_capture(stream.handle(), &graph), "cuStreamEndCapture",
                 where);
    drop(stream.device(), graph);
    throw;
  }
  const Result ended = driver.stream_end_capture(stream.handle(), &graph);
  if (ended != kSuccess) drop(stream.device(), graph);
  check(driver, ended, "cuStreamEndCapture", where);
  return graph;
}

}  // namespace

Graph::Graph(const Stream& stream, const std::function<void()>& record)
    : device_(&stream.device()) {
  const DriverTable& driver = device_->driver();
  const GraphHandle graph = recorded(stream, record);
  const Result result = driver.graph_instantiate(&executable_, graph, 0);
  const Result destroyed = driver.graph_destroy(graph);
  if (result != kSuccess) {
    note_release(driver, destroyed, "cuGraphDestroy", device_->facts().name);
  }
  check(driver, result, "cuGraphInstantiateWithFlags", device_->facts().name);
  if (destroyed == kSuccess) return;
  note_release(driver, driver.graph_executable_destroy(executable_), "cuGraphExecDestroy",
               device_->facts().name);
  check(driver, destroyed, "cuGraphDestroy", device_->facts().name);
}

Graph::~Graph() {
  if (executable_ == nullptr) return;
  note_release(device_->driver(), device_->driver().graph_executable_destroy(executable_),
               "cuGraphExecDestroy", device_->facts().name);
}
Graph::Graph(Graph&& other) noexcept
    : device_(other.device_), executable_(std::exchange(other.executable_, nullptr)) {}
Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(executable_, other.executable_);
  return *this;
}

void Graph::launch(const Stream& stream) const {
  check(device_->driver(), device_->driver().graph_launch(executable_, stream.handle()),
        "cuGraphLaunch", device_->facts().name);
}

Dependency::Dependency(Device& device) : device_(device) {
  check(device.driver(), device.driver().event_create(&event_, kEventWithoutTiming),
        "cuEventCreate", device.facts().name);
}
Dependency::~Dependency() {
  note_release(device_.driver(), device_.driver().event_destroy(event_), "cuEventDestroy",
               device_.facts().name);
}

void Dependency::order(const Stream& earlier, const Stream& later) const {
  const DriverTable& driver = device_.driver();
  check(driver, driver.event_record(event_, earlier.handle()), "cuEventRecord",
        device_.facts().name);
  check(driver, driver.stream_wait_event(later.handle(), event_, 0), "cuStreamWaitEvent",
        device_.facts().name);
}

}  // namespace assay::cuda
