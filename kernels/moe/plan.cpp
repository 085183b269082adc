#include <string>

#include "base/error.h"
#include "kernels/moe/moe.h"

namespace assay::moe {

void make_plan(const Shape& shape, Plan& plan) {
  const auto choices = static_cast<std::size_t>(shape.tokens * shape.top_k);
  if (plan.expert.size() != choices) {
    throw input_error("the plan has " + std::to_string(plan.expert.size()) +
                          " chosen experts where tokens · k is " + std::to_string(choices),
                      "expert plan");
  }
  plan.slot.resize(choices);
  plan.token_of_slot.resize(choices);
  plan.offset.assign(static_cast<std::size_t>(shape.experts) + 1, 0);
  for (const std::int32_t expert : plan.expert) {
    if (expert < 0 || expert >= shape.experts) {
      throw input_error("expert " + std::to_string(expert) + " of " +
                            std::to_string(shape.experts) + " does not exist",
                        "expert plan");
    }
    ++plan.offset[static_cast<std::size_t>(expert) + 1];
  }
  for (std::size_t e = 1; e < plan.offset.size(); ++e) plan.offset[e] += plan.offset[e - 1];
  std::vector<std::int64_t> next(plan.offset.begin(), plan.offset.end() - 1);
  for (std::size_t choice = 0; choice < choices; ++choice) {
    const std::int64_t slot = next[static_cast<std::size_t>(plan.expert[choice])]++;
    plan.slot[choice] = static_cast<std::int32_t>(slot);
    plan.token_of_slot[static_cast<std::size_t>(slot)] =
        static_cast<std::int32_t>(static_cast<std::int64_t>(choice) / shape.top_k);
  }
}

}  // namespace assay::moe
