#include "results/test_key.h"

#include <algorithm>

namespace assay {

bool signed_by_test_key(const Certificate& certificate) {
  const std::vector<std::string>& keys = certificate.key_ids;
  return certificate.verified_key_id == kTestKeyId ||
         std::find(keys.begin(), keys.end(), kTestKeyId) != keys.end();
}

}  // namespace assay
