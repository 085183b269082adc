/// The driver table's own declarations against the toolkit's header: sizes of parameters, and
/// values of constants. Compiles or not; there is little to run.
#include <cuda.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>

#include "kernels/cuda/driver.h"

namespace assay::cuda {
namespace {

/// Whether two functions are called in the same way: equally many parameters of the same sizes,
/// pointers where the other has pointers.
template <class Ours, class Theirs>
constexpr bool kSameCall = false;
template <class A, class B>
constexpr bool kSameParameter = sizeof(A) == sizeof(B) &&
                                (std::is_pointer_v<A> == std::is_pointer_v<B>);
template <class R1, class... P1, class R2, class... P2>
requires(sizeof...(P1) == sizeof...(P2)) constexpr bool kSameCall<R1 (*)(P1...), R2 (*)(P2...)> =
    sizeof(R1) == sizeof(R2) && (kSameParameter<P1, P2> && ...);

static_assert(kSameCall<decltype(DriverTable::initialise), decltype(&cuInit)>);
static_assert(kSameCall<decltype(DriverTable::driver_get_version), decltype(&cuDriverGetVersion)>);
static_assert(kSameCall<decltype(DriverTable::get_error_name), decltype(&cuGetErrorName)>);
static_assert(kSameCall<decltype(DriverTable::get_error_string), decltype(&cuGetErrorString)>);
static_assert(kSameCall<decltype(DriverTable::device_get_count), decltype(&cuDeviceGetCount)>);
static_assert(kSameCall<decltype(DriverTable::device_get), decltype(&cuDeviceGet)>);
static_assert(kSameCall<decltype(DriverTable::device_get_name), decltype(&cuDeviceGetName)>);
static_assert(kSameCall<decltype(DriverTable::device_get_uuid), decltype(&cuDeviceGetUuid)>);
static_assert(
    kSameCall<decltype(DriverTable::device_get_attribute), decltype(&cuDeviceGetAttribute)>);
static_assert(kSameCall<decltype(DriverTable::device_total_memory), decltype(&cuDeviceTotalMem)>);
static_assert(
    kSameCall<decltype(DriverTable::primary_context_retain), decltype(&cuDevicePrimaryCtxRetain)>);
static_assert(kSameCall<decltype(DriverTable::primary_context_release),
                        decltype(&cuDevicePrimaryCtxRelease)>);
static_assert(kSameCall<decltype(DriverTable::context_set_current), decltype(&cuCtxSetCurrent)>);
static_assert(
    kSameCall<decltype(DriverTable::device_can_access_peer), decltype(&cuDeviceCanAccessPeer)>);
static_assert(
    kSameCall<decltype(DriverTable::context_enable_peer_access), decltype(&cuCtxEnablePeerAccess)>);
static_assert(kSameCall<decltype(DriverTable::host_memory_allocate), decltype(&cuMemHostAlloc)>);
static_assert(kSameCall<decltype(DriverTable::host_memory_free), decltype(&cuMemFreeHost)>);
static_assert(kSameCall<decltype(DriverTable::copy_peer_async), decltype(&cuMemcpyPeerAsync)>);
static_assert(kSameCall<decltype(DriverTable::module_load_data), decltype(&cuModuleLoadData)>);
static_assert(kSameCall<decltype(DriverTable::module_unload), decltype(&cuModuleUnload)>);
static_assert(
    kSameCall<decltype(DriverTable::module_get_function), decltype(&cuModuleGetFunction)>);
static_assert(
    kSameCall<decltype(DriverTable::function_get_attribute), decltype(&cuFuncGetAttribute)>);
static_assert(
    kSameCall<decltype(DriverTable::function_set_attribute), decltype(&cuFuncSetAttribute)>);
static_assert(kSameCall<decltype(DriverTable::launch_kernel), decltype(&cuLaunchKernel)>);
static_assert(kSameCall<decltype(DriverTable::memory_get_info), decltype(&cuMemGetInfo)>);
static_assert(kSameCall<decltype(DriverTable::memory_allocate), decltype(&cuMemAlloc)>);
static_assert(kSameCall<decltype(DriverTable::memory_free), decltype(&cuMemFree)>);
static_assert(kSameCall<decltype(DriverTable::copy_to_device_async), decltype(&cuMemcpyHtoDAsync)>);
static_assert(kSameCall<decltype(DriverTable::copy_to_host_async), decltype(&cuMemcpyDtoHAsync)>);
static_assert(kSameCall<decltype(DriverTable::memory_set_8_async), decltype(&cuMemsetD8Async)>);
static_assert(kSameCall<decltype(DriverTable::stream_create), decltype(&cuStreamCreate)>);
static_assert(kSameCall<decltype(DriverTable::stream_destroy), decltype(&cuStreamDestroy)>);
static_assert(kSameCall<decltype(DriverTable::stream_synchronize), decltype(&cuStreamSynchronize)>);
static_assert(kSameCall<decltype(DriverTable::event_create), decltype(&cuEventCreate)>);
static_assert(kSameCall<decltype(DriverTable::event_destroy), decltype(&cuEventDestroy)>);
static_assert(kSameCall<decltype(DriverTable::event_record), decltype(&cuEventRecord)>);
static_assert(kSameCall<decltype(DriverTable::event_synchronize), decltype(&cuEventSynchronize)>);
static_assert(kSameCall<decltype(DriverTable::event_elapsed_time), decltype(&cuEventElapsedTime)>);

static_assert(kSameCall<decltype(DriverTable::stream_wait_event), decltype(&cuStreamWaitEvent)>);
static_assert(
    kSameCall<decltype(DriverTable::stream_begin_capture), decltype(&cuStreamBeginCapture)>);
static_assert(kSameCall<decltype(DriverTable::stream_end_capture), decltype(&cuStreamEndCapture)>);
static_assert(
    kSameCall<decltype(DriverTable::graph_instantiate), decltype(&cuGraphInstantiateWithFlags)>);
static_assert(kSameCall<decltype(DriverTable::graph_launch), decltype(&cuGraphLaunch)>);
static_assert(
    kSameCall<decltype(DriverTable::graph_executable_destroy), decltype(&cuGraphExecDestroy)>);
static_assert(kSameCall<decltype(DriverTable::graph_destroy), decltype(&cuGraphDestroy)>);

static_assert(kSuccess == CUDA_SUCCESS);
static_assert(kInvalidValue == CUDA_ERROR_INVALID_VALUE);
static_assert(kOutOfMemory == CUDA_ERROR_OUT_OF_MEMORY);
static_assert(kNoDevice == CUDA_ERROR_NO_DEVICE);
static_assert(kInvalidDevice == CUDA_ERROR_INVALID_DEVICE);
static_assert(kInvalidImage == CUDA_ERROR_INVALID_IMAGE);
static_assert(kInvalidContext == CUDA_ERROR_INVALID_CONTEXT);
static_assert(kNoBinaryForGpu == CUDA_ERROR_NO_BINARY_FOR_GPU);
static_assert(kInvalidPtx == CUDA_ERROR_INVALID_PTX);
static_assert(kUnsupportedPtxVersion == CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
static_assert(kPeerAccessAlreadyEnabled == CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
static_assert(kInvalidHandle == CUDA_ERROR_INVALID_HANDLE);
static_assert(kNotFound == CUDA_ERROR_NOT_FOUND);
static_assert(kIllegalAddress == CUDA_ERROR_ILLEGAL_ADDRESS);
static_assert(kLaunchOutOfResources == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
static_assert(kMisalignedAddress == CUDA_ERROR_MISALIGNED_ADDRESS);
static_assert(kLaunchFailed == CUDA_ERROR_LAUNCH_FAILED);
static_assert(kNotSupported == CUDA_ERROR_NOT_SUPPORTED);
static_assert(kCaptureUnsupported == CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
static_assert(kCaptureInvalidated == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
static_assert(kCaptureMerge == CUDA_ERROR_STREAM_CAPTURE_MERGE);
static_assert(kCaptureUnmatched == CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
static_assert(kCaptureUnjoined == CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
static_assert(kCaptureIsolation == CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
static_assert(kCaptureImplicit == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
static_assert(kCapturedEvent == CUDA_ERROR_CAPTURED_EVENT);
static_assert(kCaptureWrongThread == CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
static_assert(kEventWithoutTiming == CU_EVENT_DISABLE_TIMING);
static_assert(kCaptureThreadLocal == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
static_assert(kStreamNonBlocking == CU_STREAM_NON_BLOCKING);
static_assert(kEventDefault == CU_EVENT_DEFAULT);

template <class Ours, class Theirs>
constexpr bool same(Ours ours, Theirs theirs) {
  return static_cast<int>(ours) == static_cast<int>(theirs);
}
static_assert(same(DeviceAttribute::max_threads_per_block,
                   CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
static_assert(same(DeviceAttribute::max_shared_memory_per_block,
                   CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK));
static_assert(same(DeviceAttribute::multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
static_assert(same(DeviceAttribute::l2_cache_bytes, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
static_assert(same(DeviceAttribute::compute_capability_major,
                   CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
static_assert(same(DeviceAttribute::compute_capability_minor,
                   CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
static_assert(same(DeviceAttribute::max_shared_memory_per_multiprocessor,
                   CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR));
static_assert(same(DeviceAttribute::max_registers_per_multiprocessor,
                   CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR));
static_assert(same(DeviceAttribute::max_shared_memory_per_block_optin,
                   CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
static_assert(same(FunctionAttribute::max_threads_per_block,
                   CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK));
static_assert(same(FunctionAttribute::shared_size_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES));
static_assert(same(FunctionAttribute::local_size_bytes, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES));
static_assert(same(FunctionAttribute::registers, CU_FUNC_ATTRIBUTE_NUM_REGS));
static_assert(same(FunctionAttribute::max_dynamic_shared_size_bytes,
                   CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES));

TEST(DriverAbi, EachEntryHasItsOwnName) {
  DriverTable table{};
  std::set<std::string> names;
  std::size_t entries = 0;
  for_each_entry(table, [&](const char* name, auto&) {
    names.insert(name);
    ++entries;
  });
  EXPECT_EQ(names.size(), entries);
  // Each member is visited: the table has nothing but pointers.
  EXPECT_EQ(entries * sizeof(void*), sizeof(DriverTable));
}

}  // namespace
}  // namespace assay::cuda
