#pragma once
/// The machine behind the driver table: devices with their memory, contexts, modules, streams and
/// events, and what the driver's calls do to them. A call that does not succeed throws Refusal.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ptx_device/architecture.h"
#include "ptx_device/device.h"
#include "ptx_device/global_memory.h"
#include "ptx_device/instruction.h"
#include "ptx_device/module.h"

namespace assay::ptx_device {

class Machine {
 public:
  explicit Machine(const Options& options);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const Architecture& architecture() const { return architecture_; }

  // Errors.
  /// Throws what a dead context answers to each call.
  void require_alive() const;
  /// Remembers what a call was refused for; a fault kills the context.
  void note(cuda::Result result, const std::string& text, bool is_fault);
  /// What was noted last for a code; null for nothing.
  [[nodiscard]] const char* text_of(cuda::Result result) const;
  [[nodiscard]] std::string last_fault() const { return fault_; }

  // Devices and contexts.
  void initialise() { initialised_ = true; }
  void require_device(cuda::DeviceOrdinal device) const;
  cuda::ContextHandle retain(cuda::DeviceOrdinal device);
  void release(cuda::DeviceOrdinal device);
  void set_current(cuda::ContextHandle context);
  /// Each device reaches each other one.
  void enable_peer_access(cuda::ContextHandle peer);

  // Modules.
  cuda::ModuleHandle load(const void* image);
  void unload(cuda::ModuleHandle module);
  cuda::FunctionHandle function(cuda::ModuleHandle module, const char* name);
  int attribute(cuda::FunctionAttribute attribute, cuda::FunctionHandle function);
  void set_attribute(cuda::FunctionHandle function, cuda::FunctionAttribute attribute, int value);
  void launch(cuda::FunctionHandle function, const std::array<unsigned, 3>& grid,
              const std::array<unsigned, 3>& block, unsigned shared_bytes,
              cuda::StreamHandle stream, void** parameters);

  // Memory.
  std::size_t free_bytes() const;
  cuda::DevicePointer allocate(std::size_t bytes);
  void free(cuda::DevicePointer pointer);
  void copy_to_device(cuda::DevicePointer to, const void* from, std::size_t bytes,
                      cuda::StreamHandle stream);
  void copy_to_host(void* to, cuda::DevicePointer from, std::size_t bytes,
                    cuda::StreamHandle stream);
  void fill(cuda::DevicePointer to, unsigned char value, std::size_t bytes,
            cuda::StreamHandle stream);
  void copy_peer(cuda::DevicePointer to, cuda::ContextHandle to_context, cuda::DevicePointer from,
                 cuda::ContextHandle from_context, std::size_t bytes, cuda::StreamHandle stream);
  void* allocate_host(std::size_t bytes);
  void free_host(void* pointer);

  // Streams and events.
  cuda::StreamHandle create_stream();
  void destroy(cuda::StreamHandle stream);
  void require_stream(cuda::StreamHandle stream);
  void synchronise(cuda::StreamHandle stream);
  cuda::EventHandle create_event();
  void destroy(cuda::EventHandle event);
  void record(cuda::EventHandle event, cuda::StreamHandle stream);
  void wait_for(cuda::EventHandle event);
  float milliseconds_between(cuda::EventHandle first, cuda::EventHandle second);

  // For host versions of libraries (library.h).
  [[nodiscard]] std::optional<int> current_device() const;
  [[nodiscard]] std::optional<int> device_of(cuda::StreamHandle stream) const;
  [[nodiscard]] std::byte* device_bytes(int device, cuda::DevicePointer pointer,
                                        std::size_t bytes) const;

  // Captures and graphs (capture.cpp).
  /// Does the work, or records it where the stream is being captured: a stream's order is the order
  /// of calls.
  void enqueue(cuda::StreamHandle stream, std::function<void()> work);
  /// Records work of a library where the stream is being captured; else it is the caller's to do.
  [[nodiscard]] bool record_library(cuda::StreamHandle stream, std::function<void()> work);
  void wait_for(cuda::StreamHandle stream, cuda::EventHandle event);
  void begin_capture(cuda::StreamHandle stream, int mode);
  cuda::GraphHandle end_capture(cuda::StreamHandle stream);
  cuda::GraphExecutableHandle instantiate(cuda::GraphHandle graph);
  /// A piece of a graph. A library's is done without the machine's lock: it calls the driver, and
  /// may wait for what another thread does.
  struct GraphWork {
    std::function<void()> work;
    bool is_of_library = false;
  };
  [[nodiscard]] std::shared_ptr<const std::vector<GraphWork>> work_of(
      cuda::GraphExecutableHandle executable, cuda::StreamHandle stream);
  void destroy(cuda::GraphHandle graph);
  void destroy(cuda::GraphExecutableHandle executable);

  // For tests.
  Counters take_counters();
  [[nodiscard]] std::vector<std::string> leaks() const;

 private:
  struct Device {
    GlobalMemory memory;
    int retained = 0;
    std::size_t handle = 0;  ///< its address is the context's handle
    std::set<int> peers;     ///< that were made reachable
  };
  struct LoadedModule;
  struct LoadedFunction {
    LoadedModule* module = nullptr;
    Program program;
    KernelLimits limits;
  };
  struct LoadedModule {
    int device = 0;
    Module parsed;
    std::map<std::string, std::uint64_t> addresses;  ///< global and constant variables
    std::map<std::string, int> registers;            ///< by kernel
    std::map<std::string, std::unique_ptr<LoadedFunction>> functions;
  };
  /// What the streams of one capture were given, in the order of calls.
  struct Capture;
  struct Stream;
  /// How far into each stream's captured work something is ordered after.
  using Reach = std::map<const Stream*, std::uint64_t>;
  struct Stream {
    int device = 0;
    std::shared_ptr<Capture> capture;
    std::uint64_t recorded = 0;  ///< pieces of work in this capture
    Reach after;
  };
  struct Event {
    int device = 0;
    std::optional<std::chrono::steady_clock::time_point> time;
    std::shared_ptr<Capture> capture;  ///< it was recorded in
    Reach after;
  };
  struct Graph {
    int device = 0;
    std::shared_ptr<const std::vector<GraphWork>> work;
  };

  /// The device of the context that is current in this thread.
  int current() const;
  /// The device of a context that is retained.
  int device_of_context(cuda::ContextHandle context) const;
  void place_variables(LoadedModule& module);
  void write_initial(const LoadedModule& module, const Variable& variable);
  LoadedModule& module_of(cuda::ModuleHandle handle);
  LoadedFunction& function_of(cuda::FunctionHandle handle);
  Stream* stream_of(cuda::StreamHandle handle);
  Event& event_of(cuda::EventHandle handle);
  void refuse_capture(const char* what);
  [[nodiscard]] bool add_to_capture(cuda::StreamHandle stream, GraphWork work);
  static void finish(const std::shared_ptr<Capture>& capture);
  static void add_reach(Reach& to, const Reach& from);
  static std::vector<std::byte> gather_parameters(const Program& program, void** parameters);

  Options options_;
  const Architecture& architecture_;
  std::uint64_t generation_;
  bool initialised_ = false;
  std::vector<std::unique_ptr<Device>> devices_;
  std::unordered_map<void*, std::unique_ptr<LoadedModule>> modules_;
  std::unordered_map<void*, std::unique_ptr<Stream>> streams_;
  std::unordered_map<void*, std::unique_ptr<Event>> events_;
  std::vector<std::shared_ptr<Capture>> captures_;  ///< not ended
  std::unordered_map<void*, std::unique_ptr<Graph>> graphs_;
  std::unordered_map<void*, std::unique_ptr<Graph>> executables_;
  std::unordered_map<void*, std::unique_ptr<std::byte[]>> host_memory_;
  Counters counters_;
  cuda::Result dead_ = cuda::kSuccess;
  std::string fault_;
  std::map<cuda::Result, std::string> texts_;
};

/// cuda.h's codes that driver.h does not name.
inline constexpr cuda::Result kNotInitialised = 3;

}  // namespace assay::ptx_device
