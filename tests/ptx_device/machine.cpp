#include "ptx_device/machine.h"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <utility>

#include "ptx_device/address_space.h"
#include "ptx_device/cubin.h"
#include "ptx_device/decode.h"
#include "ptx_device/fatbin.h"
#include "ptx_device/fault.h"
#include "ptx_device/launch.h"
#include "ptx_device/parser.h"

namespace assay::ptx_device {

namespace {

/// The PTX ISA version that came with each CUDA release (PTX ISA, "Release History").
constexpr std::pair<int, int> kPtxOfDriver[] = {
    {11080, 78}, {12000, 80}, {12010, 81}, {12020, 82}, {12030, 83}, {12040, 84},
    {12050, 85}, {12070, 86}, {12080, 87}, {12090, 88}, {13000, 90}, {13010, 91},
};

int newest_ptx(int driver_version) {
  int ptx = 0;
  for (const auto& [driver, version] : kPtxOfDriver) {
    if (driver <= driver_version) ptx = version;
  }
  return ptx;
}

/// Which context a thread has current. A new machine has a new generation, so that what was current
/// on the old one is not on this one.
struct Current {
  std::uint64_t generation = 0;
  int device = 0;
};
thread_local Current current_context;

std::uint64_t next_generation() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Machine::Machine(const Options& options)
    : options_(options),
      architecture_(architecture_of(options.architecture)),
      generation_(next_generation()) {
  for (int device = 0; device < options.device_count; ++device) {
    const std::uint64_t first = kGlobalBegin + static_cast<std::uint64_t>(device) * kDeviceSpan;
    devices_.push_back(
        std::make_unique<Device>(Device{GlobalMemory(first, options.memory_bytes), 0, 0, {}}));
  }
}

// Errors.

void Machine::require_alive() const {
  if (dead_ != cuda::kSuccess) throw Refusal(dead_, fault_);
}

void Machine::note(cuda::Result result, const std::string& text, bool is_fault) {
  texts_[result] = text;
  if (!is_fault) return;
  dead_ = result;
  fault_ = text;
}

const char* Machine::text_of(cuda::Result result) const {
  const auto found = texts_.find(result);
  return found == texts_.end() ? nullptr : found->second.c_str();
}

// Devices and contexts.

void Machine::require_device(cuda::DeviceOrdinal device) const {
  if (!initialised_) throw Refusal(kNotInitialised, "initialise has not been called");
  if (device < 0 || device >= options_.device_count) {
    throw Refusal(cuda::kInvalidDevice,
                  fmt::format("device {} of {}", device, options_.device_count));
  }
}

cuda::ContextHandle Machine::retain(cuda::DeviceOrdinal device) {
  require_device(device);
  Device& retained = *devices_[static_cast<std::size_t>(device)];
  ++retained.retained;
  return reinterpret_cast<cuda::ContextHandle>(&retained.handle);
}

void Machine::release(cuda::DeviceOrdinal device) {
  require_device(device);
  int& retained = devices_[static_cast<std::size_t>(device)]->retained;
  if (retained == 0) {
    throw Refusal(cuda::kInvalidContext, "the primary context is not retained");
  }
  --retained;
}

int Machine::device_of_context(cuda::ContextHandle context) const {
  for (std::size_t device = 0; device < devices_.size(); ++device) {
    if (reinterpret_cast<cuda::ContextHandle>(&devices_[device]->handle) == context &&
        devices_[device]->retained > 0) {
      return static_cast<int>(device);
    }
  }
  throw Refusal(cuda::kInvalidContext, "the context is not one that is retained");
}

void Machine::set_current(cuda::ContextHandle context) {
  if (context == nullptr) {
    current_context = {};
  } else {
    current_context = {generation_, device_of_context(context)};
  }
}

void Machine::enable_peer_access(cuda::ContextHandle peer) {
  const int device = current();
  const int other = device_of_context(peer);
  if (other == device) throw Refusal(cuda::kInvalidDevice, "a device is no peer of its own");
  if (!devices_[static_cast<std::size_t>(device)]->peers.insert(other).second) {
    throw Refusal(cuda::kPeerAccessAlreadyEnabled, "the peer is reachable already");
  }
}

int Machine::current() const {
  const std::optional<int> device = current_device();
  if (!device) throw Refusal(cuda::kInvalidContext, "no context is current in this thread");
  return *device;
}

// Modules.

cuda::ModuleHandle Machine::load(const void* image) {
  const int device = current();
  refuse_capture("loading a module");
  if (image == nullptr) throw Refusal(cuda::kInvalidValue, "no image");
  const PtxImage ptx = select_ptx(image, options_.architecture);
  auto module = std::make_unique<LoadedModule>();
  module->device = device;
  module->parsed = parse(ptx.text);
  if (module->parsed.architecture > options_.architecture) {
    throw Refusal(cuda::kNoBinaryForGpu,
                  fmt::format("PTX for sm_{} does not run on sm_{}", module->parsed.architecture,
                              options_.architecture));
  }
  const int newest = newest_ptx(options_.driver_version);
  if (module->parsed.version > newest) {
    throw Refusal(cuda::kUnsupportedPtxVersion,
                  fmt::format("PTX {}.{}; a driver of CUDA {}.{} knows up to {}.{}",
                              module->parsed.version / 10, module->parsed.version % 10,
                              options_.driver_version / 1000, options_.driver_version % 1000 / 10,
                              newest / 10, newest % 10));
  }
  module->registers = registers_of(ptx.cubin);
  place_variables(*module);
  auto* const handle = module.get();
  modules_.emplace(handle, std::move(module));
  return reinterpret_cast<cuda::ModuleHandle>(handle);
}

void Machine::place_variables(LoadedModule& module) {
  GlobalMemory& memory = devices_[static_cast<std::size_t>(module.device)]->memory;
  for (const Variable& variable : module.parsed.variables) {
    const bool is_constant = variable.space == Space::constant;
    if (variable.space != Space::global && !is_constant) continue;
    module.addresses[variable.name] = memory.allocate(variable.bytes, variable.name, is_constant);
  }
  for (const Variable& variable : module.parsed.variables) write_initial(module, variable);
}

/// Variables without an initialiser are zero.
void Machine::write_initial(const LoadedModule& module, const Variable& variable) {
  const auto address = module.addresses.find(variable.name);
  if (address == module.addresses.end() || variable.bytes == 0) return;
  const GlobalMemory& memory = devices_[static_cast<std::size_t>(module.device)]->memory;
  std::byte* bytes = memory.range(address->second, variable.bytes);
  std::memset(bytes, 0, variable.bytes);
  std::memcpy(bytes, variable.initial.data(),
              std::min<std::size_t>(variable.bytes, variable.initial.size()));
  for (const AddressInitialiser& initial : variable.addresses) {
    const auto target = module.addresses.find(initial.symbol);
    if (target == module.addresses.end()) {
      throw Refusal(cuda::kInvalidPtx, fmt::format("PTX line {}: the address of '{}' is not known",
                                                   variable.line, initial.symbol));
    }
    const std::uint64_t value = target->second + static_cast<std::uint64_t>(initial.addend);
    std::memcpy(bytes + initial.offset, &value, sizeof value);
  }
}

Machine::LoadedModule& Machine::module_of(cuda::ModuleHandle handle) {
  const auto found = modules_.find(handle);
  if (found == modules_.end()) throw Refusal(cuda::kInvalidHandle, "this is no loaded module");
  return *found->second;
}

void Machine::unload(cuda::ModuleHandle handle) {
  current();
  refuse_capture("unloading a module");
  LoadedModule& module = module_of(handle);
  GlobalMemory& memory = devices_[static_cast<std::size_t>(module.device)]->memory;
  for (const auto& [name, address] : module.addresses) memory.free(address);
  modules_.erase(handle);
}

cuda::FunctionHandle Machine::function(cuda::ModuleHandle handle, const char* name) {
  current();
  LoadedModule& module = module_of(handle);
  if (name == nullptr) throw Refusal(cuda::kInvalidValue, "no name");
  const Function* parsed = module.parsed.function_named(name);
  if (parsed == nullptr || !parsed->is_entry) {
    throw Refusal(cuda::kNotFound, fmt::format("the module has no kernel {}", name));
  }
  std::unique_ptr<LoadedFunction>& function = module.functions[name];
  if (function == nullptr) {
    auto made = std::make_unique<LoadedFunction>();
    made->module = &module;
    made->program = decode(module.parsed, *parsed, module.addresses);
    KernelLimits& limits = made->limits;
    limits.static_shared_bytes = static_cast<int>(made->program.static_shared_bytes);
    limits.maximum_dynamic_shared_bytes = kSharedPerBlock - limits.static_shared_bytes;
    limits.maximum_threads = parsed->maximum_threads;
    limits.required_threads = parsed->required_threads;
    const auto registers = module.registers.find(name);
    if (registers != module.registers.end()) limits.registers = registers->second;
    if (limits.static_shared_bytes > kSharedPerBlock) {
      throw Refusal(cuda::kInvalidPtx,
                    fmt::format("kernel {}: {} bytes of static shared memory; at most {}", name,
                                limits.static_shared_bytes, kSharedPerBlock));
    }
    function = std::move(made);
  }
  return reinterpret_cast<cuda::FunctionHandle>(function.get());
}

Machine::LoadedFunction& Machine::function_of(cuda::FunctionHandle handle) {
  for (const auto& [module_handle, module] : modules_) {
    for (const auto& [name, function] : module->functions) {
      if (static_cast<void*>(function.get()) == static_cast<void*>(handle)) return *function;
    }
  }
  throw Refusal(cuda::kInvalidHandle, "this is no kernel of a loaded module");
}

int Machine::attribute(cuda::FunctionAttribute attribute, cuda::FunctionHandle handle) {
  const LoadedFunction& function = function_of(handle);
  const auto& threads = function.limits.maximum_threads;
  switch (attribute) {
    case cuda::FunctionAttribute::max_threads_per_block:
      return threads[0] == 0 ? kThreadsPerBlock
                             : static_cast<int>(threads[0] * threads[1] * threads[2]);
    case cuda::FunctionAttribute::shared_size_bytes:
      return function.limits.static_shared_bytes;
    case cuda::FunctionAttribute::local_size_bytes:
      return static_cast<int>(function.program.functions.front().local_bytes);
    case cuda::FunctionAttribute::registers:
      return function.limits.registers;
    case cuda::FunctionAttribute::max_dynamic_shared_size_bytes:
      return function.limits.maximum_dynamic_shared_bytes;
  }
  throw Refusal(cuda::kInvalidValue,
                fmt::format("function attribute {} is not known", static_cast<int>(attribute)));
}

void Machine::set_attribute(cuda::FunctionHandle handle, cuda::FunctionAttribute attribute,
                            int value) {
  LoadedFunction& function = function_of(handle);
  if (attribute != cuda::FunctionAttribute::max_dynamic_shared_size_bytes) {
    throw Refusal(cuda::kInvalidValue,
                  fmt::format("function attribute {} cannot be set", static_cast<int>(attribute)));
  }
  const int most = architecture_.shared_per_block_optin - function.limits.static_shared_bytes;
  if (value < 0 || value > most) {
    throw Refusal(
        cuda::kInvalidValue,
        fmt::format("{} bytes of dynamic shared memory; beside {} static ones sm_{} has "
                    "{} for a block",
                    value, function.limits.static_shared_bytes, architecture_.number, most));
  }
  function.limits.maximum_dynamic_shared_bytes = value;
}

std::vector<std::byte> Machine::gather_parameters(const Program& program, void** parameters) {
  std::vector<std::byte> bytes(program.parameters_size);
  const std::size_t count = program.parameter_offsets.size();
  if (count > 0 && parameters == nullptr) {
    throw Refusal(cuda::kInvalidValue, "the kernel has parameters, the launch none");
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (parameters[k] == nullptr) {
      throw Refusal(cuda::kInvalidValue, fmt::format("parameter {} is a null pointer", k));
    }
    std::memcpy(bytes.data() + program.parameter_offsets[k], parameters[k],
                program.parameter_bytes[k]);
  }
  return bytes;
}

void Machine::launch(cuda::FunctionHandle handle, const std::array<unsigned, 3>& grid,
                     const std::array<unsigned, 3>& block, unsigned shared_bytes,
                     cuda::StreamHandle stream, void** parameters) {
  const int device = current();
  const LoadedFunction& function = function_of(handle);
  if (function.module->device != device) {
    throw Refusal(cuda::kInvalidHandle, "the kernel was loaded in another context");
  }
  require_stream(stream);
  check_launch(architecture_, function.limits, grid, block, shared_bytes);
  Launch launch;
  launch.memory = &devices_[static_cast<std::size_t>(device)]->memory;
  launch.options = &options_;
  launch.grid = grid;
  launch.block = block;
  launch.dynamic_shared_bytes = shared_bytes;
  launch.multiprocessors = static_cast<std::uint32_t>(architecture_.multiprocessors);
  launch.parameters = gather_parameters(function.program, parameters);
  enqueue(stream, [this, handle, launch]() mutable {
    const LoadedFunction& loaded = function_of(handle);
    launch.program = &loaded.program;
    launch.module = &loaded.module->parsed;
    const Counters counted = execute(launch);
    counters_ += counted;
  });
}

// Memory.

std::size_t Machine::free_bytes() const {
  return devices_[static_cast<std::size_t>(current())]->memory.free_bytes();
}

cuda::DevicePointer Machine::allocate(std::size_t bytes) {
  const int device = current();
  refuse_capture("an allocation");
  if (bytes == 0) throw Refusal(cuda::kInvalidValue, "an allocation of no bytes");
  return devices_[static_cast<std::size_t>(device)]->memory.allocate(bytes);
}

void Machine::free(cuda::DevicePointer pointer) {
  const int device = current();
  if (pointer == 0) return;
  refuse_capture("freeing memory");
  devices_[static_cast<std::size_t>(device)]->memory.free(pointer);
}

void Machine::copy_to_device(cuda::DevicePointer to, const void* from, std::size_t bytes,
                             cuda::StreamHandle stream) {
  if (bytes == 0) return;
  GlobalMemory& memory = devices_[static_cast<std::size_t>(current())]->memory;
  static_cast<void>(memory.range(to, bytes));
  enqueue(stream, [=, &memory] { std::memcpy(memory.range(to, bytes), from, bytes); });
}

void Machine::copy_to_host(void* to, cuda::DevicePointer from, std::size_t bytes,
                           cuda::StreamHandle stream) {
  if (bytes == 0) return;
  GlobalMemory& memory = devices_[static_cast<std::size_t>(current())]->memory;
  static_cast<void>(memory.range(from, bytes));
  enqueue(stream, [=, &memory] { std::memcpy(to, memory.range(from, bytes), bytes); });
}

void Machine::fill(cuda::DevicePointer to, unsigned char value, std::size_t bytes,
                   cuda::StreamHandle stream) {
  if (bytes == 0) return;
  GlobalMemory& memory = devices_[static_cast<std::size_t>(current())]->memory;
  static_cast<void>(memory.range(to, bytes));
  enqueue(stream, [=, &memory] { std::memset(memory.range(to, bytes), value, bytes); });
}

void Machine::copy_peer(cuda::DevicePointer to, cuda::ContextHandle to_context,
                        cuda::DevicePointer from, cuda::ContextHandle from_context,
                        std::size_t bytes, cuda::StreamHandle stream) {
  current();
  GlobalMemory& target = devices_[static_cast<std::size_t>(device_of_context(to_context))]->memory;
  GlobalMemory& source =
      devices_[static_cast<std::size_t>(device_of_context(from_context))]->memory;
  static_cast<void>(target.range(to, bytes));
  static_cast<void>(source.range(from, bytes));
  enqueue(stream, [=, &target, &source] {
    std::memcpy(target.range(to, bytes), source.range(from, bytes), bytes);
  });
}

void* Machine::allocate_host(std::size_t bytes) {
  current();
  if (bytes == 0) throw Refusal(cuda::kInvalidValue, "an allocation of no bytes");
  auto memory = std::make_unique<std::byte[]>(bytes);
  void* const pointer = memory.get();
  host_memory_.emplace(pointer, std::move(memory));
  return pointer;
}

void Machine::free_host(void* pointer) {
  if (host_memory_.erase(pointer) == 0) {
    throw Refusal(cuda::kInvalidValue, "this is no pinned memory");
  }
}

// Streams and events.

cuda::StreamHandle Machine::create_stream() {
  auto stream = std::make_unique<Stream>();
  stream->device = current();
  auto* const handle = stream.get();
  streams_.emplace(handle, std::move(stream));
  return reinterpret_cast<cuda::StreamHandle>(handle);
}

void Machine::destroy(cuda::StreamHandle handle) {
  const auto found = streams_.find(handle);
  if (handle == nullptr || found == streams_.end()) {
    throw Refusal(cuda::kInvalidHandle, "this is no stream");
  }
  if (found->second->capture != nullptr) refuse_capture("destroying a stream of the capture");
  streams_.erase(found);
}

/// The null stream is there always, and nothing here.
Machine::Stream* Machine::stream_of(cuda::StreamHandle stream) {
  const int device = current();
  if (stream == nullptr) return nullptr;
  const auto found = streams_.find(stream);
  if (found == streams_.end()) throw Refusal(cuda::kInvalidHandle, "this is no stream");
  if (found->second->device != device) {
    throw Refusal(cuda::kInvalidHandle, "the stream was made in another context");
  }
  return found->second.get();
}

void Machine::require_stream(cuda::StreamHandle stream) {
  stream_of(stream);
}

cuda::EventHandle Machine::create_event() {
  auto event = std::make_unique<Event>();
  event->device = current();
  auto* const handle = event.get();
  events_.emplace(handle, std::move(event));
  return reinterpret_cast<cuda::EventHandle>(handle);
}

Machine::Event& Machine::event_of(cuda::EventHandle handle) {
  const auto found = events_.find(handle);
  if (found == events_.end()) throw Refusal(cuda::kInvalidHandle, "this is no event");
  return *found->second;
}

void Machine::destroy(cuda::EventHandle handle) {
  event_of(handle);
  events_.erase(handle);
}

float Machine::milliseconds_between(cuda::EventHandle first, cuda::EventHandle second) {
  const Event& from = event_of(first);
  const Event& to = event_of(second);
  if (from.capture != nullptr || to.capture != nullptr) {
    throw Refusal(cuda::kCapturedEvent, "an event of a capture has no time");
  }
  if (!from.time || !to.time) {
    throw Refusal(cuda::kInvalidHandle, "an event has not been recorded");
  }
  return std::chrono::duration<float, std::milli>(*to.time - *from.time).count();
}

// For host versions of libraries.

std::optional<int> Machine::current_device() const {
  const bool is_set = current_context.generation == generation_;
  if (!is_set || devices_[static_cast<std::size_t>(current_context.device)]->retained == 0) {
    return std::nullopt;
  }
  return current_context.device;
}

std::optional<int> Machine::device_of(cuda::StreamHandle stream) const {
  if (stream == nullptr) return current_device();
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return std::nullopt;
  return found->second->device;
}

std::byte* Machine::device_bytes(int device, cuda::DevicePointer pointer, std::size_t bytes) const {
  try {
    return devices_.at(static_cast<std::size_t>(device))->memory.range(pointer, bytes);
  } catch (const Refusal&) {
    return nullptr;
  }
}

// For tests.

Counters Machine::take_counters() {
  return std::exchange(counters_, {});
}

std::vector<std::string> Machine::leaks() const {
  std::vector<std::string> lines;
  for (const auto& device : devices_) {
    for (std::string& line : device->memory.leaks()) lines.push_back(std::move(line));
    if (device->retained > 0) {
      lines.push_back(fmt::format("a primary context retained {} times", device->retained));
    }
  }
  for (std::size_t k = 0; k < streams_.size(); ++k) lines.emplace_back("a stream");
  for (std::size_t k = 0; k < events_.size(); ++k) lines.emplace_back("an event");
  for (std::size_t k = 0; k < captures_.size(); ++k)
    lines.emplace_back("a capture that never ended");
  for (std::size_t k = 0; k < graphs_.size(); ++k) lines.emplace_back("a graph");
  for (std::size_t k = 0; k < executables_.size(); ++k) lines.emplace_back("an executable graph");
  for (std::size_t k = 0; k < host_memory_.size(); ++k) lines.emplace_back("pinned memory");
  for (const auto& [handle, module] : modules_) {
    lines.push_back(fmt::format("a module of {} functions", module->parsed.functions.size()));
  }
  return lines;
}

}  // namespace assay::ptx_device
