#pragma once
/// The test key: its private half is public (tests/support/test.key), so anybody can sign with it.
/// It signs certificates of simulated results for tests and examples, and everything derived from
/// such a certificate says so.
#include <string>
#include <vector>

#include "results/certificate.h"

namespace assay {

/// keys.h's id of tests/support/test.key.pub.
inline constexpr const char* kTestKeyId =
    "34b173b3e44b0d95fa2738bf3770f1401a8a248da56c40ffade42a34f4083f72";

inline constexpr const char* kTestKeyWarning =
    "the certificate is of simulated results and signed by the TEST KEY, which anybody has: no "
    "laboratory stands behind it";

/// Whether the test key is among the signatures' keys, verified or not.
[[nodiscard]] bool signed_by_test_key(const Certificate& certificate);

}  // namespace assay
