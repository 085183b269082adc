#pragma once
/// Stands between a test and the driver it runs on: notes how kernels are launched, and runs a
/// family from another image than the embedded one where the environment names it, as
/// ASSAY_TEST_IMAGE_<family>=FILE (a fatbin or PTX text; tests/planted does). Where
/// ASSAY_TEST_COPIES names a file, what is copied to the host is appended to it, each copy as a
/// line of JSON ({"bytes": its size, "entries": [what was launched on that device before]}) and its
/// bytes: compare_executors.py holds two drivers against each other.
#include <compare>
#include <map>
#include <set>
#include <string>

#include "kernels/cuda/driver.h"

namespace assay::cuda_test {

/// What of a launch decides how many blocks fit on a multiprocessor.
struct BlockShape {
  unsigned threads = 0;
  unsigned dynamic_shared_bytes = 0;
  friend auto operator<=>(const BlockShape&, const BlockShape&) = default;
};

/// The shapes that each entry was launched in.
using Launches = std::map<std::string, std::set<BlockShape>>;

/// A table that passes every call on to `inner`, a fresh device. One per process, as the functional
/// device is: a later call changes what the former table passes on to.
[[nodiscard]] const cuda::DriverTable& observed(const cuda::DriverTable& inner);

/// What was launched through observed() since the last call, and forgets it.
[[nodiscard]] Launches take_launches();

/// The same for another reader: each of the two has what was launched since its own last call.
[[nodiscard]] Launches take_all_launches();

}  // namespace assay::cuda_test
