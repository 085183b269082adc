#include "ptx/ptxrun_driver.h"

#include <ptxrun.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ptx_device/architecture.h"
#include "ptx_device/fatbin.h"

namespace assay::ptxrun {
namespace {

using cuda::Result;

struct LoadedModule {
  ptx::Module module;
};

struct Function {
  LoadedModule* owner = nullptr;
  std::string name;
};

struct Allocation {
  std::unique_ptr<std::byte[]> storage;
  std::size_t bytes = 0;
  void* begin = nullptr;
};

/// The driver's ABI has no user pointer, so the machine behind the table is one per process.
struct Machine {
  ptx_device::Options options;
  ptx_device::Counters counters;
  std::string fault;
  std::vector<std::unique_ptr<LoadedModule>> modules;
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::map<cuda::DevicePointer, Allocation> allocations;
};

Machine& machine() {
  static Machine instance;
  return instance;
}

constexpr std::size_t kGuardBytes = 256;

Result initialise(unsigned) {
  return cuda::kSuccess;
}
Result driver_get_version(int* version) {
  *version = machine().options.driver_version;
  return cuda::kSuccess;
}
Result get_error_name(Result, const char** name) {
  *name = "ptxrun";
  return cuda::kSuccess;
}
Result get_error_string(Result, const char** text) {
  *text = machine().fault.c_str();
  return cuda::kSuccess;
}
Result device_get_count(int* count) {
  *count = 1;
  return cuda::kSuccess;
}
Result device_get(cuda::DeviceOrdinal* device, int ordinal) {
  *device = ordinal;
  return ordinal == 0 ? cuda::kSuccess : cuda::kInvalidDevice;
}
Result device_get_name(char* name, int length, cuda::DeviceOrdinal) {
  std::strncpy(name, "ptxrun", static_cast<std::size_t>(length));
  return cuda::kSuccess;
}
Result device_get_uuid(cuda::Uuid* uuid, cuda::DeviceOrdinal) {
  *uuid = {};
  return cuda::kSuccess;
}
Result device_get_attribute(int* value, cuda::DeviceAttribute attribute, cuda::DeviceOrdinal) {
  const int architecture = machine().options.architecture;
  switch (attribute) {
    case cuda::DeviceAttribute::compute_capability_major:
      *value = architecture / 10;
      return cuda::kSuccess;
    case cuda::DeviceAttribute::compute_capability_minor:
      *value = architecture % 10;
      return cuda::kSuccess;
    case cuda::DeviceAttribute::multiprocessors:
      *value = 108;
      return cuda::kSuccess;
    case cuda::DeviceAttribute::max_shared_memory_per_block_optin:
      *value = ptx_device::architecture_of(architecture).shared_per_block_optin;
      return cuda::kSuccess;
    default:
      *value = 1024;
      return cuda::kSuccess;
  }
}
Result device_total_memory(std::size_t* bytes, cuda::DeviceOrdinal) {
  *bytes = machine().options.memory_bytes;
  return cuda::kSuccess;
}
Result primary_context_retain(cuda::ContextHandle* context, cuda::DeviceOrdinal) {
  *context = reinterpret_cast<cuda::ContextHandle>(&machine());
  return cuda::kSuccess;
}
Result primary_context_release(cuda::DeviceOrdinal) {
  return cuda::kSuccess;
}
Result context_set_current(cuda::ContextHandle) {
  return cuda::kSuccess;
}

Result device_can_access_peer(int* can, cuda::DeviceOrdinal, cuda::DeviceOrdinal) {
  *can = 0;  // there is one device
  return cuda::kSuccess;
}
Result context_enable_peer_access(cuda::ContextHandle, unsigned) {
  return cuda::kInvalidDevice;
}

Result module_load_data(cuda::ModuleHandle* module, const void* image) {
  Machine& m = machine();
  const std::string text = ptx_device::select_ptx(image, m.options.architecture).text;
  auto loaded = std::make_unique<LoadedModule>(LoadedModule{ptx::Module::load(text)});
  for (const auto& [pointer, allocation] : m.allocations) {
    loaded->module.memory().add(allocation.begin, allocation.bytes);
  }
  *module = reinterpret_cast<cuda::ModuleHandle>(loaded.get());
  m.modules.push_back(std::move(loaded));
  return cuda::kSuccess;
}
Result module_unload(cuda::ModuleHandle module) {
  Machine& m = machine();
  std::erase_if(m.functions, [&](const auto& entry) {
    return entry.second->owner == reinterpret_cast<LoadedModule*>(module);
  });
  std::erase_if(m.modules, [&](const auto& loaded) {
    return loaded.get() == reinterpret_cast<LoadedModule*>(module);
  });
  return cuda::kSuccess;
}
Result module_get_function(cuda::FunctionHandle* function, cuda::ModuleHandle module,
                           const char* name) {
  auto& slot = machine().functions[name];
  slot = std::make_unique<Function>(Function{reinterpret_cast<LoadedModule*>(module), name});
  try {
    static_cast<void>(slot->owner->module.entry(name));
  } catch (const ptx::UsageError&) {
    return cuda::kNotFound;
  }
  *function = reinterpret_cast<cuda::FunctionHandle>(slot.get());
  return cuda::kSuccess;
}
Result function_get_attribute(int* value, cuda::FunctionAttribute attribute,
                              cuda::FunctionHandle function) {
  const auto* f = reinterpret_cast<const Function*>(function);
  *value = attribute == cuda::FunctionAttribute::shared_size_bytes
               ? static_cast<int>(f->owner->module.entry(f->name).staticShared)
               : 0;
  return cuda::kSuccess;
}
Result function_set_attribute(cuda::FunctionHandle, cuda::FunctionAttribute, int) {
  return cuda::kSuccess;
}

ptx::Options run_options(const ptx_device::Options& options) {
  ptx::Options run;
  run.order = options.order == ptx_device::Order::forward   ? ptx::Order::Forward
              : options.order == ptx_device::Order::reverse ? ptx::Order::Reverse
                                                            : ptx::Order::Random;
  run.seed = options.seed;
  run.races = options.detect_races;
  run.uninit = options.detect_uninitialised;
  run.workers = options.workers;
  run.maxInstructions = options.instruction_limit;
  return run;
}

void count(const ptx::Stats& stats) {
  ptx_device::Counters& counters = machine().counters;
  counters.instructions += stats.instructions;
  counters.global_read_bytes += stats.globalRead;
  counters.global_written_bytes += stats.globalWritten;
  counters.shared_read_bytes += stats.sharedRead;
  counters.shared_written_bytes += stats.sharedWritten;
  counters.local_bytes += stats.localBytes;
  counters.atomics += stats.atomics;
  counters.flops += stats.fmaFlops + stats.otherFlops;
  counters.tensor_flops += stats.mmaFlops;
  counters.barriers += stats.barriers;
  counters.blocks += stats.blocks;
  counters.threads += stats.threads;
  ++counters.launches;
}

Result launch_kernel(cuda::FunctionHandle function, unsigned grid_x, unsigned grid_y,
                     unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                     unsigned shared_bytes, cuda::StreamHandle, void** parameters, void**) {
  const auto* f = reinterpret_cast<const Function*>(function);
  ptx::Args arguments;
  std::size_t i = 0;
  for (const ptx::ParamInfo& parameter : f->owner->module.entry(f->name).params) {
    const auto* bytes = static_cast<const std::uint8_t*>(parameters[i++]);
    arguments.v.emplace_back(bytes, bytes + parameter.size);
  }
  try {
    count(f->owner->module.launch(f->name, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z},
                                  shared_bytes, arguments, run_options(machine().options)));
  } catch (const std::exception& fault) {
    machine().fault = fault.what();
    return cuda::kLaunchFailed;
  }
  return cuda::kSuccess;
}

Result memory_allocate(cuda::DevicePointer* pointer, std::size_t bytes) {
  Machine& m = machine();
  Allocation allocation;
  allocation.storage = std::make_unique<std::byte[]>(bytes + 3 * kGuardBytes);
  allocation.bytes = bytes;
  void* begin = allocation.storage.get() + kGuardBytes;
  std::size_t space = bytes + kGuardBytes;
  allocation.begin = std::align(kGuardBytes, bytes, begin, space);
  std::memset(allocation.begin, 0xA5, bytes);
  *pointer = reinterpret_cast<cuda::DevicePointer>(allocation.begin);
  for (const auto& loaded : m.modules) loaded->module.memory().add(allocation.begin, bytes);
  m.allocations[*pointer] = std::move(allocation);
  return cuda::kSuccess;
}
Result memory_free(cuda::DevicePointer pointer) {
  Machine& m = machine();
  const auto found = m.allocations.find(pointer);
  if (found == m.allocations.end()) return cuda::kInvalidValue;
  for (const auto& loaded : m.modules) loaded->module.memory().remove(found->second.begin);
  m.allocations.erase(found);
  return cuda::kSuccess;
}
Result host_memory_allocate(void** pointer, std::size_t bytes, unsigned) {
  *pointer = std::malloc(bytes);
  return *pointer == nullptr ? cuda::kOutOfMemory : cuda::kSuccess;
}
Result host_memory_free(void* pointer) {
  std::free(pointer);
  return cuda::kSuccess;
}
Result copy_peer_async(cuda::DevicePointer to, cuda::ContextHandle, cuda::DevicePointer from,
                       cuda::ContextHandle, std::size_t bytes, cuda::StreamHandle) {
  std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return cuda::kSuccess;
}
Result copy_to_device_async(cuda::DevicePointer to, const void* from, std::size_t bytes,
                            cuda::StreamHandle) {
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return cuda::kSuccess;
}
Result copy_to_host_async(void* to, cuda::DevicePointer from, std::size_t bytes,
                          cuda::StreamHandle) {
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return cuda::kSuccess;
}
Result memory_set_8_async(cuda::DevicePointer to, unsigned char value, std::size_t bytes,
                          cuda::StreamHandle) {
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return cuda::kSuccess;
}
Result stream_create(cuda::StreamHandle* stream, unsigned) {
  *stream = reinterpret_cast<cuda::StreamHandle>(&machine());
  return cuda::kSuccess;
}
Result stream_destroy(cuda::StreamHandle) {
  return cuda::kSuccess;
}
Result stream_synchronize(cuda::StreamHandle) {
  return cuda::kSuccess;
}
Result event_create(cuda::EventHandle* event, unsigned) {
  *event = reinterpret_cast<cuda::EventHandle>(&machine());
  return cuda::kSuccess;
}
Result event_destroy(cuda::EventHandle) {
  return cuda::kSuccess;
}
Result event_record(cuda::EventHandle, cuda::StreamHandle) {
  return cuda::kSuccess;
}
Result event_synchronize(cuda::EventHandle) {
  return cuda::kSuccess;
}
Result event_elapsed_time(float*, cuda::EventHandle, cuda::EventHandle) {
  return cuda::kNotSupported;  // an executor has no time
}
/// Queues and graphs are the functional device's subject; the executor runs kernels.
template <class... Arguments>
Result unsupported(Arguments...) {
  return cuda::kNotSupported;
}

}  // namespace

const cuda::DriverTable& driver() {
  static const cuda::DriverTable kTable = {
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
      .memory_get_info = unsupported,
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
      .stream_wait_event = unsupported,
      .stream_begin_capture = unsupported,
      .stream_end_capture = unsupported,
      .event_create = event_create,
      .event_destroy = event_destroy,
      .event_record = event_record,
      .event_synchronize = event_synchronize,
      .event_elapsed_time = event_elapsed_time,
      .graph_instantiate = unsupported,
      .graph_launch = unsupported,
      .graph_executable_destroy = unsupported,
      .graph_destroy = unsupported,
  };
  return kTable;
}

void configure(const ptx_device::Options& options) {
  machine() = Machine{};
  machine().options = options;
}

ptx_device::Counters take_counters() {
  return std::exchange(machine().counters, {});
}

}  // namespace assay::ptxrun
