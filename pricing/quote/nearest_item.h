#pragma once
/// Which item of the basket stands for a job: how fast a device trains hangs on how wide its
/// matrix products are and on whether tokens are dispatched to experts.
///
///   distance = |ln(width of the job / width of the item)|, over the basket's items of the job's
///   kind (dense, or mixture of experts); the widths are those of the residual stream
///
/// A factor of √2 beyond the narrowest or widest item of that kind is still within the basket's
/// sizes.
#include <string>
#include <vector>

#include "pricing/quote/job.h"
#include "results/edition/basket.h"

namespace assay::pricing {

struct NearestItem {
  std::string name;
  double width = 0.0;
  double distance = 0.0;
  bool beyond_sizes = false;     ///< of the basket's items of that kind
  bool longer_sequence = false;  ///< than any item's: attention takes a larger share
  bool other_kind = false;       ///< the basket has no item of the job's kind
};

/// Of equal distances, the first of the basket. `job` is not one of compute units.
[[nodiscard]] NearestItem nearest_item(const Job& job, const Basket& basket);

}  // namespace assay::pricing
