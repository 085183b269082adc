#pragma once
/// Whether a table's entry has the shape of a library's call: the same result and parameters, where
/// pointers are pointers and enumerations are 32-bit integers.
#include <type_traits>

namespace assay::abi {

template <class T>
constexpr auto shape() {
  if constexpr (std::is_pointer_v<T>) {
    return std::type_identity<void*>{};
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(sizeof(T) == sizeof(int));
    return std::type_identity<int>{};
  } else {
    return std::type_identity<T>{};
  }
}
template <class T>
using Shape = typename decltype(shape<T>())::type;

template <class F>
struct ShapeOfCall;
template <class R, class... P>
struct ShapeOfCall<R (*)(P...)> {
  using type = Shape<R>(Shape<P>...);
};
template <class Entry, class Call>
constexpr bool same_shape =
    std::is_same_v<typename ShapeOfCall<Entry>::type, typename ShapeOfCall<Call>::type>;

/// Our value (an enumerator or a constant) and the library's.
constexpr bool same(auto ours, auto theirs) {
  return static_cast<unsigned long long>(ours) == static_cast<unsigned long long>(theirs);
}

}  // namespace assay::abi
