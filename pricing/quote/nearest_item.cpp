#include "pricing/quote/nearest_item.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace assay::pricing {

NearestItem nearest_item(const Job& job, const Basket& basket) {
  std::vector<const BasketItem*> items;
  for (const BasketItem& item : basket.items) {
    if ((item.model.experts > 0) == job.experts) items.push_back(&item);
  }
  NearestItem nearest;
  nearest.other_kind = items.empty();
  if (items.empty()) {
    for (const BasketItem& item : basket.items) items.push_back(&item);
  }
  double narrowest = 0.0;
  double widest = 0.0;
  std::int64_t longest = 0;
  for (const BasketItem* item : items) {
    const auto width = static_cast<double>(item->model.width);
    const double distance = std::abs(std::log(job.width / width));
    if (nearest.name.empty() || distance < nearest.distance) {
      nearest.name = item->name;
      nearest.width = width;
      nearest.distance = distance;
    }
    narrowest = narrowest == 0.0 ? width : std::min(narrowest, width);
    widest = std::max(widest, width);
    longest = std::max(longest, item->model.sequence);
  }
  nearest.beyond_sizes =
      job.width * std::numbers::sqrt2 < narrowest || job.width > widest * std::numbers::sqrt2;
  nearest.longer_sequence = job.model && job.model->model.sequence > longest;
  return nearest;
}

}  // namespace assay::pricing
