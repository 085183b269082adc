/// Machine: captures of streams, and the graphs they become. Work is kept in the order of the
/// calls, which is one of the orders that the streams' events allow.
#include <algorithm>
#include <thread>
#include <utility>

#include "ptx_device/fault.h"
#include "ptx_device/machine.h"

namespace assay::ptx_device {

struct Machine::Capture {
  std::thread::id thread = std::this_thread::get_id();
  Stream* origin = nullptr;
  std::vector<Stream*> streams;  ///< the origin, and those that its events brought in
  std::vector<GraphWork> work;
  bool is_invalid = false;
};

/// Refuses what no thread may do while it captures; the capture is spoilt, as a driver's is.
void Machine::refuse_capture(const char* what) {
  for (const auto& capture : captures_) {
    if (capture->thread != std::this_thread::get_id()) continue;
    capture->is_invalid = true;
    throw Refusal(cuda::kCaptureUnsupported,
                  std::string(what) + " while this thread captures a stream");
  }
}

/// Whether the stream is being captured, and so has the work.
bool Machine::add_to_capture(cuda::StreamHandle handle, GraphWork work) {
  Stream* const stream = stream_of(handle);
  if (stream == nullptr) {
    for (const auto& capture : captures_) {
      if (capture->thread != std::this_thread::get_id()) continue;
      capture->is_invalid = true;
      throw Refusal(cuda::kCaptureImplicit, "the null stream would wait for a captured stream");
    }
    return false;
  }
  if (stream->capture == nullptr) return false;
  if (stream->capture->is_invalid) {
    throw Refusal(cuda::kCaptureInvalidated, "an earlier call spoilt the capture");
  }
  stream->capture->work.push_back(std::move(work));
  stream->after[stream] = ++stream->recorded;
  return true;
}

void Machine::enqueue(cuda::StreamHandle stream, std::function<void()> work) {
  if (!add_to_capture(stream, {work})) work();
}

bool Machine::record_library(cuda::StreamHandle stream, std::function<void()> work) {
  // Whoever calls a library may have any device's context current.
  const auto found = streams_.find(stream);
  if (found != streams_.end() && found->second->capture == nullptr) return false;
  return add_to_capture(stream, {std::move(work), true});
}

void Machine::synchronise(cuda::StreamHandle handle) {
  const Stream* const stream = stream_of(handle);
  if (stream == nullptr || stream->capture == nullptr) return;
  stream->capture->is_invalid = true;
  throw Refusal(cuda::kCaptureUnsupported, "the stream is being captured");
}

void Machine::record(cuda::EventHandle handle, cuda::StreamHandle stream_handle) {
  Event& event = event_of(handle);
  const Stream* const stream = stream_of(stream_handle);
  if (event.device != current()) {
    throw Refusal(cuda::kInvalidHandle, "the event was made in another context");
  }
  event.capture = stream == nullptr ? nullptr : stream->capture;
  if (event.capture != nullptr) {
    event.after = stream->after;
    event.time.reset();
  } else {
    event.time = std::chrono::steady_clock::now();
  }
}

void Machine::wait_for(cuda::EventHandle handle) {
  const Event& event = event_of(handle);
  if (event.capture == nullptr) return;
  event.capture->is_invalid = true;
  throw Refusal(cuda::kCapturedEvent, "the event was recorded in a capture");
}

void Machine::wait_for(cuda::StreamHandle stream_handle, cuda::EventHandle handle) {
  Stream* const stream = stream_of(stream_handle);
  const Event& event = event_of(handle);
  const bool captures = stream != nullptr && stream->capture != nullptr;
  if (event.capture == nullptr) {
    if (!captures || !event.time) return;
    stream->capture->is_invalid = true;
    throw Refusal(cuda::kCaptureIsolation, "a captured stream would wait for work outside");
  }
  if (stream == nullptr) throw Refusal(cuda::kCaptureImplicit, "the null stream can't be captured");
  if (captures && stream->capture != event.capture) {
    stream->capture->is_invalid = true;
    event.capture->is_invalid = true;
    throw Refusal(cuda::kCaptureMerge, "the event is of another capture");
  }
  if (!captures) {
    const bool ended =
        std::find(captures_.begin(), captures_.end(), event.capture) == captures_.end();
    if (ended) throw Refusal(cuda::kCapturedEvent, "the event's capture has ended");
    stream->capture = event.capture;
    stream->recorded = 0;
    stream->after.clear();
    stream->capture->streams.push_back(stream);
  }
  add_reach(stream->after, event.after);
}

void Machine::add_reach(Reach& to, const Reach& from) {
  for (const auto& [stream, recorded] : from) to[stream] = std::max(to[stream], recorded);
}

void Machine::begin_capture(cuda::StreamHandle handle, int mode) {
  Stream* const stream = stream_of(handle);
  if (stream == nullptr) {
    throw Refusal(cuda::kCaptureUnsupported, "the null stream can't be captured");
  }
  if (mode != cuda::kCaptureThreadLocal) {
    throw Refusal(cuda::kNotSupported, "only thread-local capture is supported");
  }
  if (stream->capture != nullptr) throw Refusal(cuda::kInvalidValue, "the stream is captured");
  auto capture = std::make_shared<Capture>();
  capture->origin = stream;
  capture->streams.push_back(stream);
  stream->capture = capture;
  stream->recorded = 0;
  stream->after.clear();
  captures_.push_back(std::move(capture));
}

/// Its streams are free again.
void Machine::finish(const std::shared_ptr<Capture>& capture) {
  for (Stream* const stream : capture->streams) stream->capture = nullptr;
}

cuda::GraphHandle Machine::end_capture(cuda::StreamHandle handle) {
  const Stream* const stream = stream_of(handle);
  if (stream == nullptr || stream->capture == nullptr) {
    throw Refusal(cuda::kInvalidValue, "the stream is not being captured");
  }
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->thread != std::this_thread::get_id()) {
    throw Refusal(cuda::kCaptureWrongThread, "another thread began the capture");
  }
  if (capture->origin != stream) {
    capture->is_invalid = true;
    throw Refusal(cuda::kCaptureUnmatched, "the capture began in another stream");
  }
  captures_.erase(std::find(captures_.begin(), captures_.end(), capture));
  const auto is_joined = [&](const Stream* joined) {
    const auto reach = stream->after.find(joined);
    return joined->recorded == 0 ||
           (reach != stream->after.end() && reach->second == joined->recorded);
  };
  const bool all_joined = std::all_of(capture->streams.begin(), capture->streams.end(), is_joined);
  finish(capture);
  if (capture->is_invalid) {
    throw Refusal(cuda::kCaptureInvalidated, "an earlier call spoilt the capture");
  }
  if (!all_joined) {
    throw Refusal(cuda::kCaptureUnjoined,
                  "a stream's last work is nothing that the first waits for");
  }
  auto graph = std::make_unique<Graph>(Graph{
      stream->device, std::make_shared<const std::vector<GraphWork>>(std::move(capture->work))});
  auto* const made = graph.get();
  graphs_.emplace(made, std::move(graph));
  return reinterpret_cast<cuda::GraphHandle>(made);
}

cuda::GraphExecutableHandle Machine::instantiate(cuda::GraphHandle handle) {
  refuse_capture("instantiating a graph");
  const auto found = graphs_.find(handle);
  if (found == graphs_.end()) throw Refusal(cuda::kInvalidHandle, "this is no graph");
  auto executable = std::make_unique<Graph>(*found->second);
  auto* const made = executable.get();
  executables_.emplace(made, std::move(executable));
  return reinterpret_cast<cuda::GraphExecutableHandle>(made);
}

std::shared_ptr<const std::vector<Machine::GraphWork>> Machine::work_of(
    cuda::GraphExecutableHandle handle, cuda::StreamHandle stream_handle) {
  const auto found = executables_.find(handle);
  if (found == executables_.end()) throw Refusal(cuda::kInvalidHandle, "this is no graph");
  const Stream* const stream = stream_of(stream_handle);
  if (found->second->device != current()) {
    throw Refusal(cuda::kInvalidHandle, "the graph was recorded in another context");
  }
  if (stream != nullptr && stream->capture != nullptr) {
    throw Refusal(cuda::kNotSupported, "graphs inside of graphs are not supported");
  }
  return found->second->work;
}

void Machine::destroy(cuda::GraphHandle graph) {
  if (graphs_.erase(graph) == 0) throw Refusal(cuda::kInvalidHandle, "this is no graph");
}

void Machine::destroy(cuda::GraphExecutableHandle executable) {
  if (executables_.erase(executable) == 0) throw Refusal(cuda::kInvalidHandle, "this is no graph");
}

}  // namespace assay::ptx_device
