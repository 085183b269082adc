#include "ptx/host_nccl_reduce.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "kernels/bf16.h"
#include "kernels/fp16.h"

namespace assay::host_nccl {
namespace {

using cuda::nccl::DataType;
using cuda::nccl::Reduction;

template <class T>
auto widen(T value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else {
    return to_float(value);
  }
}
template <class T, class Wide>
T narrow(Wide value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<T>(value);
  } else {
    return from_float<T>(value);
  }
}

template <class T>
T combine(T a, T b, Reduction reduction) {
  const auto x = widen(a);
  const auto y = widen(b);
  switch (reduction) {
    case Reduction::sum:
    case Reduction::average:
      return narrow<T>(x + y);
    case Reduction::product:
      return narrow<T>(x * y);
    case Reduction::maximum:
      return narrow<T>(std::max(x, y));
    case Reduction::minimum:
      return narrow<T>(std::min(x, y));
  }
  throw input_error("no such reduction", std::to_string(static_cast<int>(reduction)));
}

template <class T>
std::vector<std::byte> reduce_as(const std::vector<const std::byte*>& parts, std::size_t count,
                                 Reduction reduction) {
  std::vector<std::byte> result(count * sizeof(T));
  for (std::size_t i = 0; i < count; ++i) {
    const auto element = [&](const std::byte* part) {
      T value;
      std::memcpy(&value, part + i * sizeof(T), sizeof(T));
      return value;
    };
    T total = element(parts.front());
    for (std::size_t rank = 1; rank < parts.size(); ++rank) {
      total = combine(total, element(parts[rank]), reduction);
    }
    if (reduction == Reduction::average) {
      using Wide = decltype(widen(total));
      total = narrow<T>(widen(total) / static_cast<Wide>(parts.size()));
    }
    std::memcpy(result.data() + i * sizeof(T), &total, sizeof(T));
  }
  return result;
}

}  // namespace

std::vector<std::byte> reduce(const std::vector<const std::byte*>& parts, std::size_t count,
                              DataType type, Reduction reduction) {
  switch (type) {
    case DataType::int8:
      return reduce_as<std::int8_t>(parts, count, reduction);
    case DataType::uint8:
      return reduce_as<std::uint8_t>(parts, count, reduction);
    case DataType::int32:
      return reduce_as<std::int32_t>(parts, count, reduction);
    case DataType::uint32:
      return reduce_as<std::uint32_t>(parts, count, reduction);
    case DataType::int64:
      return reduce_as<std::int64_t>(parts, count, reduction);
    case DataType::uint64:
      return reduce_as<std::uint64_t>(parts, count, reduction);
    case DataType::fp16:
      return reduce_as<Fp16>(parts, count, reduction);
    case DataType::fp32:
      return reduce_as<float>(parts, count, reduction);
    case DataType::fp64:
      return reduce_as<double>(parts, count, reduction);
    case DataType::bf16:
      return reduce_as<Bf16>(parts, count, reduction);
  }
  throw input_error("no such data type", std::to_string(static_cast<int>(type)));
}

}  // namespace assay::host_nccl
