#pragma once
/// A CUDA device as kernels see it: memory, streams and typed launches, each handle owned by one
/// object. Everything goes through a DriverTable (driver.h).
///
/// Errors: assay::Error, naming the call and what it was made for.
#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cuda/driver.h"
#include "kernels/cuda/entry_name.h"

namespace assay::cuda {

class ChoiceBook;

/// What was found out of a device when it was opened.
struct DeviceFacts {
  std::string name;
  std::string uuid;            ///< "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
  int compute_capability = 0;  ///< 80 for 8.0
  int multiprocessors = 0;
  std::int64_t l2_cache_bytes = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t max_shared_memory_per_block_bytes = 0;  ///< with opt-in
};

/// The family whose image holds that entry: "attention_forward" of "attention_forward_bf16_64"; for
/// what is in no image, the text up to its first blank. So "gemm" of a library's product.
[[nodiscard]] std::string family_of(std::string_view launch);

/// Asks the driver, with no context made. Errors: check_error naming the call.
[[nodiscard]] DeviceFacts read_device_facts(const DriverTable& driver, int ordinal);

/// One device with its primary context retained (cuBLASLt and NCCL work in that one), made current
/// in the thread that opens it; other threads call make_current(). Families' images are loaded
/// when a kernel of theirs is first asked for.
class Device {
 public:
  Device(const DriverTable& driver, int ordinal);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void make_current() const;
  [[nodiscard]] const DriverTable& driver() const { return driver_; }
  [[nodiscard]] int ordinal() const { return device_; }
  [[nodiscard]] ContextHandle context() const { return context_; }
  /// Lets copies of this device, which is current, reach `peer` over the link between them, where
  /// there is one; copies between others go through the host's memory. Returns whether there is.
  bool enable_peer_access(const Device& peer) const;
  [[nodiscard]] const DeviceFacts& facts() const { return facts_; }
  /// Where choices are shared with other devices and processes; it outlives the device. Null:
  /// each choice is made anew.
  void share_choices(ChoiceBook* book) { choice_book_ = book; }
  [[nodiscard]] ChoiceBook* choice_book() const { return choice_book_; }
  /// The entry of that name. Errors: check_error where no image has it, or the driver refuses the
  /// image: then the line says which driver is there and what the image needs.
  [[nodiscard]] FunctionHandle kernel(std::string_view entry);

 private:
  [[nodiscard]] ModuleHandle module_of(std::string_view entry);

  const DriverTable& driver_;
  DeviceOrdinal device_ = 0;
  ContextHandle context_ = nullptr;
  DeviceFacts facts_;
  ChoiceBook* choice_book_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, ModuleHandle, std::less<>> modules_;
  std::map<std::string, FunctionHandle, std::less<>> kernels_;
};

class Event;

/// Told of each kernel that a stream is given, just before and just after; for profiles. `name` is
/// the kernel's entry, or "gemm …" with the operation for a library's product.
struct LaunchObserver {
  std::function<void(std::string_view name)> before;
  std::function<void()> after;
};

/// An ordered queue of work on a device.
class Stream {
 public:
  explicit Stream(Device& device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] Device& device() const { return device_; }
  [[nodiscard]] StreamHandle handle() const { return handle_; }
  void synchronize() const;
  /// What is enqueued from here on begins after `event`, which may be another device's.
  void wait_for(const Event& event) const;
  /// From here on; null: nobody. The observer outlives the stream or the next call.
  void observe(const LaunchObserver* observer) { observer_ = observer; }
  [[nodiscard]] const LaunchObserver* observer() const { return observer_; }

 private:
  Device& device_;
  StreamHandle handle_ = nullptr;
  const LaunchObserver* observer_ = nullptr;
};

/// A launch, for the stream's observer: from the making of this object to end(), which is not
/// called where the launch failed. Both may throw what the observer throws.
class LaunchSpan {
 public:
  LaunchSpan(const Stream& stream, std::string_view name) : observer_(stream.observer()) {
    if (observer_ != nullptr) observer_->before(name);
  }
  void end() const {
    if (observer_ != nullptr) observer_->after();
  }

 private:
  const LaunchObserver* observer_;
};

/// A point in a stream's time.
class Event {
 public:
  explicit Event(Device& device);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(const Stream& stream) const;
  void synchronize() const;
  /// Seconds from `earlier` to this event; both have happened.
  [[nodiscard]] double seconds_since(const Event& earlier) const;
  [[nodiscard]] EventHandle handle() const { return handle_; }

 private:
  Device& device_;
  EventHandle handle_ = nullptr;
};

/// Untyped device memory, not initialised; freed with its owner.
class Memory {
 public:
  Memory() = default;
  Memory(Device& device, std::size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  [[nodiscard]] DevicePointer pointer() const { return pointer_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Device* device_ = nullptr;
  DevicePointer pointer_ = 0;
  std::size_t bytes_ = 0;
};

/// What an allocation can still be given. Errors: check_error.
[[nodiscard]] std::size_t free_memory_bytes(const Device& device);

/// Host memory that a device copies from and to at the link's full rate, on its own; the device
/// outlives it.
class PinnedMemory {
 public:
  PinnedMemory(Device& device, std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Device& device_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Between two devices, ordered on the stream, which is of either.
void copy_between(const Stream& stream, DevicePointer to, const Device& to_device,
                  DevicePointer from, const Device& from_device, std::size_t bytes);

/// Ordered on the stream; where the host memory is pageable, a copy returns when it is staged (to
/// the device) or done (to the host); where it is pinned, when it is enqueued.
void copy_to_device(const Stream& stream, DevicePointer to, const void* from, std::size_t bytes);
void copy_to_host(const Stream& stream, void* to, DevicePointer from, std::size_t bytes);
void fill_bytes(const Stream& stream, DevicePointer to, unsigned char value, std::size_t bytes);

/// Device memory of n elements of T.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device& device, std::size_t n) : memory_(device, n * sizeof(T)), size_(n) {}
  /// A copy of `values`.
  Buffer(const Stream& stream, std::span<const T> values) : Buffer(stream.device(), values.size()) {
    copy_to_device(stream, memory_.pointer(), values.data(), values.size_bytes());
  }
  Buffer(const Stream& stream, const std::vector<T>& values)
      : Buffer(stream, std::span<const T>(values)) {}

  /// A device address: kernels' operands carry it, the host never follows it.
  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(memory_.pointer()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  void fill_zero(const Stream& stream) const {
    fill_bytes(stream, memory_.pointer(), 0, size_ * sizeof(T));
  }
  [[nodiscard]] std::vector<T> to_host(const Stream& stream) const {
    std::vector<T> values(size_);
    copy_to_host(stream, values.data(), memory_.pointer(), size_ * sizeof(T));
    stream.synchronize();
    return values;
  }

 private:
  Memory memory_;
  std::size_t size_ = 0;
};

struct Extent {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
};

/// Blocks, threads of a block, and dynamic shared memory of a launch.
struct Geometry {
  Extent grid;
  Extent block;
  unsigned shared_bytes = 0;
};

/// Launches `entry` with parameters already laid out as the entry declares them.
void launch_entry(const Stream& stream, std::string_view entry, const Geometry& geometry,
                  std::span<void*> parameters);

/// launch<norm_layernorm_forward_bf16>(stream, geometry, shape, operands): the entry is declared in
/// a header that device and host code share, so a wrong type doesn't compile.
template <auto* Entry>
struct Launch;
template <class... P, void (*Entry)(P...)>
struct Launch<Entry> {
  static void run(const Stream& stream, const Geometry& geometry, P... parameters) {
    static_assert((std::is_trivially_copyable_v<P> && ...));
    std::array<void*, sizeof...(P)> addresses{&parameters...};
    launch_entry(stream, entry_name<Entry>(), geometry, addresses);
  }
};
template <auto* Entry, class... Arguments>
void launch(const Stream& stream, const Geometry& geometry, const Arguments&... arguments) {
  Launch<Entry>::run(stream, geometry, arguments...);
}

/// ⌈n / d⌉ as a grid's extent.
[[nodiscard]] constexpr unsigned blocks_for(std::int64_t n, std::int64_t d) {
  return static_cast<unsigned>((n + d - 1) / d);
}

}  // namespace assay::cuda
