#include "kernels/cuda/device.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "kernels/cuda/images.h"
#include "kernels/cuda/release.h"

namespace assay::cuda {
namespace {

std::string uuid_text(const Uuid& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", uuid.bytes[i]);
  }
  return text;
}

/// The image whose family's name begins the entry's, or null; "cross_entropy_…" is not of a family
/// "cross".
const Image* find_image(std::string_view entry) {
  const Image* best = nullptr;
  for (const Image& image : images()) {
    const bool begins =
        entry.starts_with(image.family) && entry.substr(image.family.size()).starts_with('_');
    if (begins && (best == nullptr || image.family.size() > best->family.size())) best = &image;
  }
  return best;
}

const Image& image_of(std::string_view entry) {
  const Image* const best = find_image(entry);
  if (best == nullptr) {
    throw check_error(
        images().empty() ? "this build carries no CUDA kernels" : "no image holds this CUDA kernel",
        std::string(entry), "build with ASSAY_NVCC set to an nvcc");
  }
  return *best;
}

/// For an error that has its own cause to tell, which a version that can't be had must not hide.
std::string version_text(const DriverTable& driver) {
  int version = 0;
  const Result result = driver.driver_get_version(&version);
  if (result != kSuccess) return fmt::format("no known version (cuDriverGetVersion: {})", result);
  return fmt::format("CUDA {}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

std::string family_of(std::string_view launch) {
  const Image* const image = find_image(launch);
  return std::string(image != nullptr ? image->family : launch.substr(0, launch.find(' ')));
}

DeviceFacts read_device_facts(const DriverTable& driver, int ordinal) {
  const auto call = [&](Result result, const char* name) {
    check(driver, result, name, fmt::format("CUDA device {}", ordinal));
  };
  call(driver.initialise(0), "cuInit");
  DeviceOrdinal device = 0;
  call(driver.device_get(&device, ordinal), "cuDeviceGet");
  const auto attribute = [&](DeviceAttribute which) {
    int value = 0;
    call(driver.device_get_attribute(&value, which, device), "cuDeviceGetAttribute");
    return value;
  };
  std::array<char, 256> name{};
  call(driver.device_get_name(name.data(), name.size(), device), "cuDeviceGetName");
  Uuid uuid{};
  call(driver.device_get_uuid(&uuid, device), "cuDeviceGetUuid");
  std::size_t memory_bytes = 0;
  call(driver.device_total_memory(&memory_bytes, device), "cuDeviceTotalMem");
  return {.name = name.data(),
          .uuid = uuid_text(uuid),
          .compute_capability = 10 * attribute(DeviceAttribute::compute_capability_major) +
                                attribute(DeviceAttribute::compute_capability_minor),
          .multiprocessors = attribute(DeviceAttribute::multiprocessors),
          .l2_cache_bytes = attribute(DeviceAttribute::l2_cache_bytes),
          .memory_bytes = static_cast<std::int64_t>(memory_bytes),
          .max_shared_memory_per_block_bytes =
              attribute(DeviceAttribute::max_shared_memory_per_block_optin)};
}

Device::Device(const DriverTable& driver, int ordinal)
    : driver_(driver), facts_(read_device_facts(driver, ordinal)) {
  const auto call = [&](Result result, const char* name) {
    check(driver_, result, name, facts_.name);
  };
  call(driver_.device_get(&device_, ordinal), "cuDeviceGet");
  call(driver_.primary_context_retain(&context_, device_), "cuDevicePrimaryCtxRetain");
  const Result current = driver_.context_set_current(context_);
  if (current != kSuccess) {
    note_release(driver_, driver_.primary_context_release(device_), "cuDevicePrimaryCtxRelease",
                 facts_.name);
    call(current, "cuCtxSetCurrent");
  }
}

Device::~Device() {
  for (const auto& [family, module] : modules_) {
    note_release(driver_, driver_.module_unload(module), "cuModuleUnload", family);
  }
  note_release(driver_, driver_.primary_context_release(device_), "cuDevicePrimaryCtxRelease",
               facts_.name);
}

void Device::make_current() const {
  check(driver_, driver_.context_set_current(context_), "cuCtxSetCurrent", facts_.name);
}

bool Device::enable_peer_access(const Device& peer) const {
  int can = 0;
  check(driver_, driver_.device_can_access_peer(&can, device_, peer.device_),
        "cuDeviceCanAccessPeer", facts_.name);
  if (can == 0) return false;
  const Result result = driver_.context_enable_peer_access(peer.context_, 0);
  if (result != kPeerAccessAlreadyEnabled) {
    check(driver_, result, "cuCtxEnablePeerAccess", facts_.name);
  }
  return true;
}

ModuleHandle Device::module_of(std::string_view entry) {
  const Image& image = image_of(entry);
  const auto found = modules_.find(image.family);
  if (found != modules_.end()) return found->second;
  ModuleHandle module = nullptr;
  const Result result = driver_.module_load_data(&module, image.fatbin.data());
  if (result == kUnsupportedPtxVersion || result == kNoBinaryForGpu) {
    throw check_error(
        fmt::format("the driver, of {}, refuses kernels made by {} on compute capability {}.{}",
                    version_text(driver_), images_compiler(), facts_.compute_capability / 10,
                    facts_.compute_capability % 10),
        facts_.name,
        "install a newer driver, or build with an older nvcc (ASSAY_NVCC) or for this "
        "architecture (ASSAY_CUDA_ARCHITECTURES)");
  }
  check(driver_, result, "cuModuleLoadData", std::string(image.family));
  modules_.emplace(image.family, module);
  return module;
}

FunctionHandle Device::kernel(std::string_view entry) {
  const std::lock_guard lock(mutex_);
  const auto found = kernels_.find(entry);
  if (found != kernels_.end()) return found->second;
  const std::string name(entry);
  FunctionHandle function = nullptr;
  check(driver_, driver_.module_get_function(&function, module_of(entry), name.c_str()),
        "cuModuleGetFunction", name);
  // Shared memory beyond the 48 KiB that every device grants must be asked for.
  int fixed = 0;
  check(driver_,
        driver_.function_get_attribute(&fixed, FunctionAttribute::shared_size_bytes, function),
        "cuFuncGetAttribute", name);
  check(driver_,
        driver_.function_set_attribute(
            function, FunctionAttribute::max_dynamic_shared_size_bytes,
            static_cast<int>(facts_.max_shared_memory_per_block_bytes) - fixed),
        "cuFuncSetAttribute", name);
  kernels_.emplace(name, function);
  return function;
}

Stream::Stream(Device& device) : device_(device) {
  check(device.driver(), device.driver().stream_create(&handle_, kStreamNonBlocking),
        "cuStreamCreate", device.facts().name);
}
Stream::~Stream() {
  note_release(device_.driver(), device_.driver().stream_destroy(handle_), "cuStreamDestroy",
               device_.facts().name);
}
void Stream::synchronize() const {
  check(device_.driver(), device_.driver().stream_synchronize(handle_), "cuStreamSynchronize",
        device_.facts().name);
}

void Stream::wait_for(const Event& event) const {
  check(device_.driver(), device_.driver().stream_wait_event(handle_, event.handle(), 0),
        "cuStreamWaitEvent", device_.facts().name);
}

Event::Event(Device& device) : device_(device) {
  check(device.driver(), device.driver().event_create(&handle_, kEventDefault), "cuEventCreate",
        device.facts().name);
}
Event::~Event() {
  note_release(device_.driver(), device_.driver().event_destroy(handle_), "cuEventDestroy",
               device_.facts().name);
}
void Event::record(const Stream& stream) const {
  check(device_.driver(), device_.driver().event_record(handle_, stream.handle()), "cuEventRecord",
        device_.facts().name);
}
void Event::synchronize() const {
  check(device_.driver(), device_.driver().event_synchronize(handle_), "cuEventSynchronize",
        device_.facts().name);
}
double Event::seconds_since(const Event& earlier) const {
  float milliseconds = 0.0F;
  check(device_.driver(),
        device_.driver().event_elapsed_time(&milliseconds, earlier.handle_, handle_),
        "cuEventElapsedTime", device_.facts().name);
  return 1e-3 * static_cast<double>(milliseconds);
}

Memory::Memory(Device& device, std::size_t bytes) : device_(&device), bytes_(bytes) {
  if (bytes == 0) return;  // the driver refuses an allocation of nothing
  check(device.driver(), device.driver().memory_allocate(&pointer_, bytes), "cuMemAlloc",
        fmt::format("{} bytes on {}", bytes, device.facts().name));
}
Memory::~Memory() {
  if (pointer_ == 0) return;
  note_release(device_->driver(), device_->driver().memory_free(pointer_), "cuMemFree",
               device_->facts().name);
}
Memory::Memory(Memory&& other) noexcept
    : device_(other.device_),
      pointer_(std::exchange(other.pointer_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(pointer_, other.pointer_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

std::size_t free_memory_bytes(const Device& device) {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  check(device.driver(), device.driver().memory_get_info(&free_bytes, &total_bytes), "cuMemGetInfo",
        device.facts().name);
  return free_bytes;
}

PinnedMemory::PinnedMemory(Device& device, std::size_t bytes) : device_(device), bytes_(bytes) {
  check(device.driver(), device.driver().host_memory_allocate(&data_, bytes, 0), "cuMemHostAlloc",
        fmt::format("{} bytes for {}", bytes, device.facts().name));
}
PinnedMemory::~PinnedMemory() {
  note_release(device_.driver(), device_.driver().host_memory_free(data_), "cuMemFreeHost",
               device_.facts().name);
}

void copy_between(const Stream& stream, DevicePointer to, const Device& to_device,
                  DevicePointer from, const Device& from_device, std::size_t bytes) {
  const DriverTable& driver = stream.device().driver();
  check(driver,
        driver.copy_peer_async(to, to_device.context(), from, from_device.context(), bytes,
                               stream.handle()),
        "cuMemcpyPeerAsync", stream.device().facts().name);
}

void copy_to_device(const Stream& stream, DevicePointer to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  const DriverTable& driver = stream.device().driver();
  check(driver, driver.copy_to_device_async(to, from, bytes, stream.handle()), "cuMemcpyHtoDAsync",
        stream.device().facts().name);
}

void copy_to_host(const Stream& stream, void* to, DevicePointer from, std::size_t bytes) {
  if (bytes == 0) return;
  const DriverTable& driver = stream.device().driver();
  check(driver, driver.copy_to_host_async(to, from, bytes, stream.handle()), "cuMemcpyDtoHAsync",
        stream.device().facts().name);
}

void fill_bytes(const Stream& stream, DevicePointer to, unsigned char value, std::size_t bytes) {
  if (bytes == 0) return;
  const DriverTable& driver = stream.device().driver();
  check(driver, driver.memory_set_8_async(to, value, bytes, stream.handle()), "cuMemsetD8Async",
        stream.device().facts().name);
}

void launch_entry(const Stream& stream, std::string_view entry, const Geometry& geometry,
                  std::span<void*> parameters) {
  Device& device = stream.device();
  const LaunchSpan span(stream, entry);
  const auto& [grid, block, shared_bytes] = geometry;
  check(device.driver(),
        device.driver().launch_kernel(device.kernel(entry), grid.x, grid.y, grid.z, block.x,
                                      block.y, block.z, shared_bytes, stream.handle(),
                                      parameters.data(), nullptr),
        "cuLaunchKernel", std::string(entry));
  span.end();
}

}  // namespace assay::cuda
