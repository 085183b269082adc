#pragma once
/// The CUDA driver API as a table of functions. libcuda fills it at run time, so nothing here is
/// linked to CUDA and the same program runs on a laptop without it; the functional device of the
/// tests is a second filling of the same table.
///
/// Only the calls that Assay makes are declared, with the driver's own ABI: types and prototypes
/// are those of cuda.h since CUDA 11.8 (tests/ptx/driver_abi_test.cpp compares them with the
/// toolkit's header where one is at hand). Members are named after the calls: memory_allocate is
/// cuMemAlloc.
///
/// Errors: every call returns a Result; check() turns one that is not success into assay::Error.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace assay::cuda {

using Result = int;
inline constexpr Result kSuccess = 0;
inline constexpr Result kInvalidValue = 1;
inline constexpr Result kOutOfMemory = 2;
inline constexpr Result kNoDevice = 100;
inline constexpr Result kInvalidDevice = 101;
inline constexpr Result kInvalidImage = 200;
inline constexpr Result kInvalidContext = 201;
inline constexpr Result kNoBinaryForGpu = 209;
inline constexpr Result kInvalidPtx = 218;
inline constexpr Result kUnsupportedPtxVersion = 222;
inline constexpr Result kInvalidHandle = 400;
inline constexpr Result kNotFound = 500;
inline constexpr Result kIllegalAddress = 700;
inline constexpr Result kLaunchOutOfResources = 701;
inline constexpr Result kMisalignedAddress = 716;
inline constexpr Result kPeerAccessAlreadyEnabled = 704;
inline constexpr Result kLaunchFailed = 719;
inline constexpr Result kNotSupported = 801;
inline constexpr Result kCaptureUnsupported = 900;
inline constexpr Result kCaptureInvalidated = 901;
inline constexpr Result kCaptureMerge = 902;
inline constexpr Result kCaptureUnmatched = 903;
inline constexpr Result kCaptureUnjoined = 904;
inline constexpr Result kCaptureIsolation = 905;
inline constexpr Result kCaptureImplicit = 906;
inline constexpr Result kCapturedEvent = 907;
inline constexpr Result kCaptureWrongThread = 908;

using DeviceOrdinal = int;
using DevicePointer = unsigned long long;
using ContextHandle = struct CUctx_st*;
using ModuleHandle = struct CUmod_st*;
using FunctionHandle = struct CUfunc_st*;
using StreamHandle = struct CUstream_st*;
using EventHandle = struct CUevent_st*;
using GraphHandle = struct CUgraph_st*;
using GraphExecutableHandle = struct CUgraphExec_st*;

struct Uuid {
  unsigned char bytes[16];
};

/// CUdevice_attribute: what Assay asks of a device.
enum class DeviceAttribute : int {
  max_threads_per_block = 1,
  max_shared_memory_per_block = 8,
  multiprocessors = 16,
  l2_cache_bytes = 38,
  compute_capability_major = 75,
  compute_capability_minor = 76,
  max_shared_memory_per_multiprocessor = 81,
  max_registers_per_multiprocessor = 82,
  max_shared_memory_per_block_optin = 97,
};

/// CUfunction_attribute.
enum class FunctionAttribute : int {
  max_threads_per_block = 0,
  shared_size_bytes = 1,
  local_size_bytes = 3,
  registers = 4,
  max_dynamic_shared_size_bytes = 8,
};

inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventDefault = 0;
inline constexpr unsigned kEventWithoutTiming = 2;
/// CUstreamCaptureMode: calls that can't be captured are refused in the capturing thread only.
inline constexpr int kCaptureThreadLocal = 1;

struct DriverTable {
  Result (*initialise)(unsigned flags);
  Result (*driver_get_version)(int* version);
  Result (*get_error_name)(Result error, const char** name);
  Result (*get_error_string)(Result error, const char** text);

  Result (*device_get_count)(int* count);
  Result (*device_get)(DeviceOrdinal* device, int ordinal);
  Result (*device_get_name)(char* name, int length, DeviceOrdinal device);
  Result (*device_get_uuid)(Uuid* uuid, DeviceOrdinal device);
  Result (*device_get_attribute)(int* value, DeviceAttribute attribute, DeviceOrdinal device);
  Result (*device_total_memory)(std::size_t* bytes, DeviceOrdinal device);
  Result (*primary_context_retain)(ContextHandle* context, DeviceOrdinal device);
  Result (*primary_context_release)(DeviceOrdinal device);
  Result (*context_set_current)(ContextHandle context);
  Result (*device_can_access_peer)(int* can, DeviceOrdinal device, DeviceOrdinal peer);
  /// Lets kernels and copies of the current context reach `peer` over the link between them.
  Result (*context_enable_peer_access)(ContextHandle peer, unsigned flags);

  Result (*module_load_data)(ModuleHandle* module, const void* image);
  Result (*module_unload)(ModuleHandle module);
  Result (*module_get_function)(FunctionHandle* function, ModuleHandle module, const char* name);
  Result (*function_get_attribute)(int* value, FunctionAttribute attribute,
                                   FunctionHandle function);
  Result (*function_set_attribute)(FunctionHandle function, FunctionAttribute attribute, int value);
  Result (*launch_kernel)(FunctionHandle function, unsigned grid_x, unsigned grid_y,
                          unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
                          unsigned shared_bytes, StreamHandle stream, void** parameters,
                          void** extra);

  Result (*memory_get_info)(std::size_t* free_bytes, std::size_t* total_bytes);
  Result (*memory_allocate)(DevicePointer* pointer, std::size_t bytes);
  Result (*memory_free)(DevicePointer pointer);
  Result (*host_memory_allocate)(void** pointer, std::size_t bytes, unsigned flags);
  Result (*host_memory_free)(void* pointer);
  Result (*copy_to_device_async)(DevicePointer to, const void* from, std::size_t bytes,
                                 StreamHandle stream);
  Result (*copy_to_host_async)(void* to, DevicePointer from, std::size_t bytes,
                               StreamHandle stream);
  Result (*copy_peer_async)(DevicePointer to, ContextHandle to_context, DevicePointer from,
                            ContextHandle from_context, std::size_t bytes, StreamHandle stream);
  Result (*memory_set_8_async)(DevicePointer to, unsigned char value, std::size_t bytes,
                               StreamHandle stream);

  Result (*stream_create)(StreamHandle* stream, unsigned flags);
  Result (*stream_destroy)(StreamHandle stream);
  Result (*stream_synchronize)(StreamHandle stream);
  Result (*stream_wait_event)(StreamHandle stream, EventHandle event, unsigned flags);
  Result (*stream_begin_capture)(StreamHandle stream, int mode);
  Result (*stream_end_capture)(StreamHandle stream, GraphHandle* graph);

  Result (*event_create)(EventHandle* event, unsigned flags);
  Result (*event_destroy)(EventHandle event);
  Result (*event_record)(EventHandle event, StreamHandle stream);
  Result (*event_synchronize)(EventHandle event);
  Result (*event_elapsed_time)(float* milliseconds, EventHandle first, EventHandle second);

  Result (*graph_instantiate)(GraphExecutableHandle* executable, GraphHandle graph,
                              unsigned long long flags);
  Result (*graph_launch)(GraphExecutableHandle executable, StreamHandle stream);
  Result (*graph_executable_destroy)(GraphExecutableHandle executable);
  Result (*graph_destroy)(GraphHandle graph);
};

/// Calls visit(driver's name, entry) for each entry of the table: the one list of them.
template <class Table, class Visit>
void for_each_entry(Table& table, Visit visit) {
  visit("cuInit", table.initialise);
  visit("cuDriverGetVersion", table.driver_get_version);
  visit("cuGetErrorName", table.get_error_name);
  visit("cuGetErrorString", table.get_error_string);
  visit("cuDeviceGetCount", table.device_get_count);
  visit("cuDeviceGet", table.device_get);
  visit("cuDeviceGetName", table.device_get_name);
  visit("cuDeviceGetUuid", table.device_get_uuid);
  visit("cuDeviceGetAttribute", table.device_get_attribute);
  visit("cuDeviceTotalMem", table.device_total_memory);
  visit("cuDevicePrimaryCtxRetain", table.primary_context_retain);
  visit("cuDevicePrimaryCtxRelease", table.primary_context_release);
  visit("cuCtxSetCurrent", table.context_set_current);
  visit("cuDeviceCanAccessPeer", table.device_can_access_peer);
  visit("cuCtxEnablePeerAccess", table.context_enable_peer_access);
  visit("cuModuleLoadData", table.module_load_data);
  visit("cuModuleUnload", table.module_unload);
  visit("cuModuleGetFunction", table.module_get_function);
  visit("cuFuncGetAttribute", table.function_get_attribute);
  visit("cuFuncSetAttribute", table.function_set_attribute);
  visit("cuLaunchKernel", table.launch_kernel);
  visit("cuMemGetInfo", table.memory_get_info);
  visit("cuMemAlloc", table.memory_allocate);
  visit("cuMemFree", table.memory_free);
  visit("cuMemHostAlloc", table.host_memory_allocate);
  visit("cuMemFreeHost", table.host_memory_free);
  visit("cuMemcpyHtoDAsync", table.copy_to_device_async);
  visit("cuMemcpyDtoHAsync", table.copy_to_host_async);
  visit("cuMemcpyPeerAsync", table.copy_peer_async);
  visit("cuMemsetD8Async", table.memory_set_8_async);
  visit("cuStreamCreate", table.stream_create);
  visit("cuStreamDestroy", table.stream_destroy);
  visit("cuStreamSynchronize", table.stream_synchronize);
  visit("cuStreamWaitEvent", table.stream_wait_event);
  visit("cuStreamBeginCapture", table.stream_begin_capture);
  visit("cuStreamEndCapture", table.stream_end_capture);
  visit("cuEventCreate", table.event_create);
  visit("cuEventDestroy", table.event_destroy);
  visit("cuEventRecord", table.event_record);
  visit("cuEventSynchronize", table.event_synchronize);
  visit("cuEventElapsedTime", table.event_elapsed_time);
  visit("cuGraphInstantiateWithFlags", table.graph_instantiate);
  visit("cuGraphLaunch", table.graph_launch);
  visit("cuGraphExecDestroy", table.graph_executable_destroy);
  visit("cuGraphDestroy", table.graph_destroy);
}

/// The table filled from the driver library, which stays open until the program ends. Errors: a
/// missing library or a missing entry is an input error that names it and the mend.
[[nodiscard]] const DriverTable& system_driver(const std::string& library = "libcuda.so.1");

/// Throws a check error "where: cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY: out of memory" unless
/// result is success.
void check(const DriverTable& driver, Result result, std::string_view call,
           const std::string& where = {});

}  // namespace assay::cuda
