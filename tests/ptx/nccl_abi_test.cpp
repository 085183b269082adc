/// The table of NCCL's calls against the library's nccl.h: every prototype, structure and value
/// that kernels/cuda/nccl.h declares, compared by the compiler where the header is at hand.
#include <gtest/gtest.h>

#include "kernels/cuda/nccl.h"

#if __has_include(<nccl.h>)
#include <nccl.h>

#include "ptx/abi_shape.h"

namespace assay::cuda::nccl {
namespace {

using abi::same;
using abi::same_shape;

static_assert(same_shape<decltype(Table::get_version), decltype(&ncclGetVersion)>);
static_assert(same_shape<decltype(Table::get_error_string), decltype(&ncclGetErrorString)>);
static_assert(same_shape<decltype(Table::get_last_error), decltype(&ncclGetLastError)>);
static_assert(same_shape<decltype(Table::communicator_init_all), decltype(&ncclCommInitAll)>);
static_assert(
    same_shape<decltype(Table::communicator_get_async_error), decltype(&ncclCommGetAsyncError)>);
static_assert(same_shape<decltype(Table::communicator_destroy), decltype(&ncclCommDestroy)>);
static_assert(same_shape<decltype(Table::communicator_abort), decltype(&ncclCommAbort)>);
static_assert(same_shape<decltype(Table::group_start), decltype(&ncclGroupStart)>);
static_assert(same_shape<decltype(Table::group_end), decltype(&ncclGroupEnd)>);
static_assert(same_shape<decltype(Table::all_reduce), decltype(&ncclAllReduce)>);
static_assert(same_shape<decltype(Table::all_gather), decltype(&ncclAllGather)>);
static_assert(same_shape<decltype(Table::reduce_scatter), decltype(&ncclReduceScatter)>);
static_assert(same_shape<decltype(Table::send), decltype(&ncclSend)>);
static_assert(same_shape<decltype(Table::receive), decltype(&ncclRecv)>);

static_assert(same(kSuccess, ncclSuccess));
static_assert(same(kUnhandledCudaError, ncclUnhandledCudaError));
static_assert(same(kSystemError, ncclSystemError));
static_assert(same(kInternalError, ncclInternalError));
static_assert(same(kInvalidArgument, ncclInvalidArgument));
static_assert(same(kInvalidUsage, ncclInvalidUsage));
static_assert(same(kRemoteError, ncclRemoteError));
static_assert(same(kInProgress, ncclInProgress));

static_assert(same(DataType::int8, ncclInt8));
static_assert(same(DataType::uint8, ncclUint8));
static_assert(same(DataType::int32, ncclInt32));
static_assert(same(DataType::uint32, ncclUint32));
static_assert(same(DataType::int64, ncclInt64));
static_assert(same(DataType::uint64, ncclUint64));
static_assert(same(DataType::fp16, ncclFloat16));
static_assert(same(DataType::fp32, ncclFloat32));
static_assert(same(DataType::fp64, ncclFloat64));
static_assert(same(DataType::bf16, ncclBfloat16));

static_assert(same(Reduction::sum, ncclSum));
static_assert(same(Reduction::product, ncclProd));
static_assert(same(Reduction::maximum, ncclMax));
static_assert(same(Reduction::minimum, ncclMin));
static_assert(same(Reduction::average, ncclAvg));

TEST(NcclAbi, IsThatOfTheLibrary) {
  // The comparisons above are made by the compiler; here, that no entry was left out of them.
  std::size_t entries = 0;
  const Table table{};
  for_each_entry(table, [&](std::string_view, auto) { ++entries; });
  EXPECT_EQ(entries, 14);
  EXPECT_EQ(sizeof(Table), entries * sizeof(void*));
}

}  // namespace
}  // namespace assay::cuda::nccl
#else
TEST(NcclAbi, IsThatOfTheLibrary) {
  GTEST_SKIP() << "the library's nccl.h is not at hand";
}
#endif
