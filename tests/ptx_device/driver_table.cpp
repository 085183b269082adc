/// The driver's calls: each a function of the driver's ABI around a member of Machine.
#include <malloc.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "ptx_device/decode.h"
#include "ptx_device/device.h"
#include "ptx_device/error_names.h"
#include "ptx_device/fatbin.h"
#include "ptx_device/fault.h"
#include "ptx_device/library.h"
#include "ptx_device/machine.h"
#include "ptx_device/parser.h"

namespace assay::ptx_device {

namespace {

using cuda::Result;

struct Process {
  std::mutex mutex;
  std::unique_ptr<Machine> machine = std::make_unique<Machine>(Options{});
};
Process& process() {
  static Process the_process;
  return the_process;
}

/// action(machine) as a driver call: errors become codes.
template <class Action>
Result call(Action action) {
  Process& state = process();
  const std::lock_guard lock(state.mutex);
  Machine& machine = *state.machine;
  try {
    machine.require_alive();
    action(machine);
    return cuda::kSuccess;
  } catch (const Fault& fault) {
    machine.note(fault.result(), fault.what(), true);
    return fault.result();
  } catch (const Refusal& refusal) {
    machine.note(refusal.result(), refusal.what(), false);
    return refusal.result();
  } catch (const std::bad_alloc&) {
    machine.note(cuda::kOutOfMemory, "the host has no memory left", false);
    return cuda::kOutOfMemory;
  }
}

/// call(), where the result goes to *out.
template <class T, class Action>
Result call_for(T* out, Action action) {
  return call([&](Machine& machine) {
    if (out == nullptr) throw Refusal(cuda::kInvalidValue, "no place for the result");
    *out = action(machine);
  });
}

Result initialise(unsigned flags) {
  return call([&](Machine& machine) {
    if (flags != 0) throw Refusal(cuda::kInvalidValue, "flags must be 0");
    machine.initialise();
  });
}
Result driver_get_version(int* version) {
  return call_for(version, [](Machine& machine) { return machine.options().driver_version; });
}

/// These two work on a dead context too.
Result get_error_name(Result error, const char** name) {
  if (name == nullptr) return cuda::kInvalidValue;
  *name = error_name(error);
  return *name == nullptr ? cuda::kInvalidValue : cuda::kSuccess;
}
Result get_error_string(Result error, const char** text) {
  if (text == nullptr) return cuda::kInvalidValue;
  Process& state = process();
  const std::lock_guard lock(state.mutex);
  const char* noted = state.machine->text_of(error);
  *text = noted != nullptr ? noted : error_text(error);
  return *text == nullptr ? cuda::kInvalidValue : cuda::kSuccess;
}

Result device_get_count(int* count) {
  return call_for(count, [](Machine& machine) { return machine.options().device_count; });
}
Result device_get(cuda::DeviceOrdinal* device, int ordinal) {
  return call_for(device, [&](Machine& machine) {
    machine.require_device(ordinal);
    return ordinal;
  });
}
Result device_get_name(char* name, int length, cuda::DeviceOrdinal device) {
  return call([&](Machine& machine) {
    machine.require_device(device);
    if (name == nullptr || length <= 0) throw Refusal(cuda::kInvalidValue, "no place for a name");
    const std::string text =
        std::string("Functional device (") + machine.architecture().product + ")";
    const std::size_t count =
        std::min<std::size_t>(text.size(), static_cast<std::size_t>(length) - 1);
    std::memcpy(name, text.data(), count);
    name[count] = '\0';
  });
}
Result device_get_uuid(cuda::Uuid* uuid, cuda::DeviceOrdinal device) {
  return call_for(uuid, [&](Machine& machine) {
    machine.require_device(device);
    cuda::Uuid result{};
    std::memcpy(result.bytes, "functional-dev", 14);
    result.bytes[15] = static_cast<unsigned char>(device);
    return result;
  });
}
Result device_get_attribute(int* value, cuda::DeviceAttribute attribute,
                            cuda::DeviceOrdinal device) {
  return call_for(value, [&](Machine& machine) {
    machine.require_device(device);
    return attribute_of(machine.architecture(), attribute);
  });
}
Result device_total_memory(std::size_t* bytes, cuda::DeviceOrdinal device) {
  return call_for(bytes, [&](Machine& machine) {
    machine.require_device(device);
    return machine.options().memory_bytes;
  });
}
Result primary_context_retain(cuda::ContextHandle* context, cuda::DeviceOrdinal device) {
  return call_for(context, [&](Machine& machine) { return machine.retain(device); });
}
Result primary_context_release(cuda::DeviceOrdinal device) {
  return call([&](Machine& machine) { machine.release(device); });
}
Result context_set_current(cuda::ContextHandle context) {
  return call([&](Machine& machine) { machine.set_current(context); });
}

Result device_can_access_peer(int* can, cuda::DeviceOrdinal device, cuda::DeviceOrdinal peer) {
  return call_for(can, [&](Machine& machine) {
    machine.require_device(device);
    machine.require_device(peer);
    return device == peer ? 0 : 1;
  });
}
Result context_enable_peer_access(cuda::ContextHandle peer, unsigned flags) {
  return call([&](Machine& machine) {
    if (flags != 0) throw Refusal(cuda::kInvalidValue, "flags must be 0");
    machine.enable_peer_access(peer);
  });
}

Result module_load_data(cuda::ModuleHandle* module, const void* image) {
  return call_for(module, [&](Machine& machine) { return machine.load(image); });
}
Result module_unload(cuda::ModuleHandle module) {
  return call([&](Machine& machine) { machine.unload(module); });
}
Result module_get_function(cuda::FunctionHandle* function, cuda::ModuleHandle module,
                           const char* name) {
  return call_for(function, [&](Machine& machine) { return machine.function(module, name); });
}
Result function_get_attribute(int* value, cuda::FunctionAttribute attribute,
                              cuda::FunctionHandle function) {
  return call_for(value, [&](Machine& machine) { return machine.attribute(attribute, function); });
}
Result function_set_attribute(cuda::FunctionHandle function, cuda::FunctionAttribute attribute,
                              int value) {
  return call([&](Machine& machine) { machine.set_attribute(function, attribute, value); });
}
Result launch_kernel(cuda::FunctionHandle function, unsigned grid_x, unsigned grid_y,
                     unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                     unsigned shared_bytes, cuda::StreamHandle stream, void** parameters,
                     void** extra) {
  return call([&](Machine& machine) {
    if (extra != nullptr) {
      throw Refusal(cuda::kNotSupported, "parameters in a buffer (extra) are not supported");
    }
    machine.launch(function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes,
                   stream, parameters);
  });
}

Result memory_get_info(std::size_t* free_bytes, std::size_t* total_bytes) {
  return call([&](Machine& machine) {
    if (free_bytes == nullptr || total_bytes == nullptr) {
      throw Refusal(cuda::kInvalidValue, "no place for the result");
    }
    *free_bytes = machine.free_bytes();
    *total_bytes = machine.options().memory_bytes;
  });
}
Result memory_allocate(cuda::DevicePointer* pointer, std::size_t bytes) {
  return call_for(pointer, [&](Machine& machine) { return machine.allocate(bytes); });
}
Result memory_free(cuda::DevicePointer pointer) {
  return call([&](Machine& machine) { machine.free(pointer); });
}
Result host_memory_allocate(void** pointer, std::size_t bytes, unsigned) {
  return call_for(pointer, [&](Machine& machine) { return machine.allocate_host(bytes); });
}
Result host_memory_free(void* pointer) {
  return call([&](Machine& machine) { machine.free_host(pointer); });
}
Result copy_peer_async(cuda::DevicePointer to, cuda::ContextHandle to_context,
                       cuda::DevicePointer from, cuda::ContextHandle from_context,
                       std::size_t bytes, cuda::StreamHandle stream) {
  return call([&](Machine& machine) {
    machine.copy_peer(to, to_context, from, from_context, bytes, stream);
  });
}
Result copy_to_device_async(cuda::DevicePointer to, const void* from, std::size_t bytes,
                            cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.copy_to_device(to, from, bytes, stream); });
}
Result copy_to_host_async(void* to, cuda::DevicePointer from, std::size_t bytes,
                          cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.copy_to_host(to, from, bytes, stream); });
}
Result memory_set_8_async(cuda::DevicePointer to, unsigned char value, std::size_t bytes,
                          cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.fill(to, value, bytes, stream); });
}

Result stream_create(cuda::StreamHandle* stream, unsigned flags) {
  return call_for(stream, [&](Machine& machine) {
    if (flags > cuda::kStreamNonBlocking) throw Refusal(cuda::kInvalidValue, "unknown flags");
    return machine.create_stream();
  });
}
Result stream_destroy(cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.destroy(stream); });
}
Result stream_synchronize(cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.synchronise(stream); });
}
Result stream_wait_event(cuda::StreamHandle stream, cuda::EventHandle event, unsigned flags) {
  return call([&](Machine& machine) {
    if (flags != 0) throw Refusal(cuda::kInvalidValue, "flags must be 0");
    machine.wait_for(stream, event);
  });
}
Result stream_begin_capture(cuda::StreamHandle stream, int mode) {
  return call([&](Machine& machine) { machine.begin_capture(stream, mode); });
}
Result stream_end_capture(cuda::StreamHandle stream, cuda::GraphHandle* graph) {
  if (graph != nullptr) *graph = nullptr;
  return call_for(graph, [&](Machine& machine) { return machine.end_capture(stream); });
}
Result event_create(cuda::EventHandle* event, unsigned) {
  return call_for(event, [](Machine& machine) { return machine.create_event(); });
}
Result event_destroy(cuda::EventHandle event) {
  return call([&](Machine& machine) { machine.destroy(event); });
}
Result event_record(cuda::EventHandle event, cuda::StreamHandle stream) {
  return call([&](Machine& machine) { machine.record(event, stream); });
}
Result event_synchronize(cuda::EventHandle event) {
  return call([&](Machine& machine) { machine.wait_for(event); });
}
Result event_elapsed_time(float* milliseconds, cuda::EventHandle first, cuda::EventHandle second) {
  return call_for(milliseconds,
                  [&](Machine& machine) { return machine.milliseconds_between(first, second); });
}

Result graph_instantiate(cuda::GraphExecutableHandle* executable, cuda::GraphHandle graph,
                         unsigned long long flags) {
  return call_for(executable, [&](Machine& machine) {
    if (flags != 0) throw Refusal(cuda::kNotSupported, "flags of graphs are not supported");
    return machine.instantiate(graph);
  });
}
Result graph_launch(cuda::GraphExecutableHandle executable, cuda::StreamHandle stream) {
  std::shared_ptr<const std::vector<Machine::GraphWork>> all;
  const Result found =
      call_for(&all, [&](Machine& machine) { return machine.work_of(executable, stream); });
  if (found != cuda::kSuccess) return found;
  for (const Machine::GraphWork& piece : *all) {
    if (piece.is_of_library) {
      piece.work();
      continue;
    }
    const Result done = call([&](Machine&) { piece.work(); });
    if (done != cuda::kSuccess) return done;
  }
  return cuda::kSuccess;
}
Result graph_executable_destroy(cuda::GraphExecutableHandle executable) {
  return call([&](Machine& machine) { machine.destroy(executable); });
}
Result graph_destroy(cuda::GraphHandle graph) {
  return call([&](Machine& machine) { machine.destroy(graph); });
}

}  // namespace

const cuda::DriverTable& driver() {
  static constexpr cuda::DriverTable kTable = {
      .initialise = initialise,
      .driver_get_version = driver_get_version,
      .get_error_name = get_error_name,
      .get_error_string = get_error_string,
      .device_get_count = device_get_count,
      .device_get = device_get,
      .device_get_name = device_get_name,
      .device_get_uuid = device_get_uuid,
      .device_get_attribute = device_get_attribute,
      .device_total_memory = device_total_memory,
      .primary_context_retain = primary_context_retain,
      .primary_context_release = primary_context_release,
      .context_set_current = context_set_current,
      .device_can_access_peer = device_can_access_peer,
      .context_enable_peer_access = context_enable_peer_access,
      .module_load_data = module_load_data,
      .module_unload = module_unload,
      .module_get_function = module_get_function,
      .function_get_attribute = function_get_attribute,
      .function_set_attribute = function_set_attribute,
      .launch_kernel = launch_kernel,
      .memory_get_info = memory_get_info,
      .memory_allocate = memory_allocate,
      .memory_free = memory_free,
      .host_memory_allocate = host_memory_allocate,
      .host_memory_free = host_memory_free,
      .copy_to_device_async = copy_to_device_async,
      .copy_to_host_async = copy_to_host_async,
      .copy_peer_async = copy_peer_async,
      .memory_set_8_async = memory_set_8_async,
      .stream_create = stream_create,
      .stream_destroy = stream_destroy,
      .stream_synchronize = stream_synchronize,
      .stream_wait_event = stream_wait_event,
      .stream_begin_capture = stream_begin_capture,
      .stream_end_capture = stream_end_capture,
      .event_create = event_create,
      .event_destroy = event_destroy,
      .event_record = event_record,
      .event_synchronize = event_synchronize,
      .event_elapsed_time = event_elapsed_time,
      .graph_instantiate = graph_instantiate,
      .graph_launch = graph_launch,
      .graph_executable_destroy = graph_executable_destroy,
      .graph_destroy = graph_destroy,
  };
  return kTable;
}

std::optional<int> current_device() {
  const std::lock_guard lock(process().mutex);
  return process().machine->current_device();
}

std::optional<int> device_of(cuda::StreamHandle stream) {
  const std::lock_guard lock(process().mutex);
  return process().machine->device_of(stream);
}

std::byte* device_bytes(int device, cuda::DevicePointer pointer, std::size_t bytes) {
  const std::lock_guard lock(process().mutex);
  return process().machine->device_bytes(device, pointer, bytes);
}

void configure(const Options& options) {
  // Launches take and give back blocks of the same sizes; handed to the system and back each time,
  // their pages would be cleared each time, which is a third of small launches.
  constexpr int kKept = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kKept);
  mallopt(M_TRIM_THRESHOLD, kKept);
  Process& state = process();
  const std::lock_guard lock(state.mutex);
  state.machine = std::make_unique<Machine>(options);
}

cuda::Result enqueue(cuda::StreamHandle stream, std::function<void()> work) {
  bool is_recorded = false;
  const Result result = call_for(
      &is_recorded, [&](Machine& machine) { return machine.record_library(stream, work); });
  if (result == cuda::kSuccess && !is_recorded) work();
  return result;
}

Counters take_counters() {
  const std::lock_guard lock(process().mutex);
  return process().machine->take_counters();
}

std::string last_fault() {
  const std::lock_guard lock(process().mutex);
  return process().machine->last_fault();
}

std::vector<std::string> leaks() {
  const std::lock_guard lock(process().mutex);
  return process().machine->leaks();
}

std::vector<std::string> unsupported_instructions(const void* image, int architecture) {
  const Module module = parse(select_ptx(image, architecture).text);
  std::map<std::string, std::uint64_t> addresses;
  for (const Variable& variable : module.variables) addresses[variable.name] = 0;
  for (const Variable& variable : module.variables) {
    if (variable.space == Space::shared) addresses.erase(variable.name);
  }
  std::vector<std::string> lines;
  for (const Function& function : module.functions) {
    if (!function.is_entry || !function.is_defined) continue;
    const Program program = decode(module, function, addresses);
    lines.insert(lines.end(), program.unsupported.begin(), program.unsupported.end());
  }
  return lines;
}

}  // namespace assay::ptx_device
