#pragma once
/// An independent executor of PTX behind the driver table, where the build was given its path
/// (ASSAY_PTXRUN): a second opinion on the functional device. It understands the same options and
/// counts the same way; the functional device's header explains both.
#include "kernels/cuda/driver.h"
#include "ptx_device/device.h"

namespace assay::ptxrun {

[[nodiscard]] const cuda::DriverTable& driver();
void configure(const ptx_device::Options& options);
[[nodiscard]] ptx_device::Counters take_counters();

}  // namespace assay::ptxrun
