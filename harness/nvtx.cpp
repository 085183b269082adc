#include "harness/nvtx.h"

#ifdef ASSAY_NVTX
#include <nvtx3/nvToolsExt.h>
#endif

namespace assay::harness::nvtx {

#ifdef ASSAY_NVTX
bool is_available() {
  return true;
}
void push(const std::string& name) {
  nvtxRangePushA(name.c_str());
}
void pop() {
  nvtxRangePop();
}
#else
bool is_available() {
  return false;
}
void push(const std::string&) {}
void pop() {}
#endif

}  // namespace assay::harness::nvtx
