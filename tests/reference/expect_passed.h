#pragma once
/// Expects every check of an output against its definition to have passed.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/workload.h"

namespace assay {

inline void expect_passed(const std::vector<Check>& checks) {
  for (const Check& check : checks) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
}

}  // namespace assay
