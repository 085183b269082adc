#pragma once
/// Everything a certificate says that can be computed, derived from the raw samples of a result by
/// the rules of one edition. `assay certify` writes it, `assay verify` derives it again.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results/edition/compute_unit.h"
#include "results/result.h"
#include "results/stated.h"

namespace assay {

/// One workload, over the processes that ran it.
struct ItemFigures {
  std::string workload;
  std::string family;
  std::string kind;         ///< "training_step" or "kernel"
  std::string basket_item;  ///< empty for what is not scored
  double share = 0.0;       ///< of the basket; 0 for what is not scored
  std::int64_t flops = 0;
  std::int64_t bytes = 0;
  std::string precision;
  /// Delivered PFLOP/s of each process. Training steps: FLOPs over wall time of the whole window.
  /// Kernels: by the median sample.
  std::vector<double> process_pflops;
  double pflops = 0.0;  ///< unweighted mean over processes
  Stated<double> gigabytes_per_s;
  /// Standard uncertainty within processes: batch means, or the median's interval for a kernel.
  /// Both 0 where a process has a single sample, which a flag says.
  double within_relative = 0.0;
  double within_degrees = 0.0;
  double between_relative = 0.0;                                ///< s/√n over processes
  double median_s = 0.0, p5_s = 0.0, p95_s = 0.0, mad_s = 0.0;  ///< of one iteration
  double drift_relative = 0.0;     ///< Theil-Sen slope times window, over the median; worst process
  double effective_samples = 0.0;  ///< smallest over processes
  double mean_over_median = 0.0;
  bool converged = false;  ///< recorded as such, and derived again from the samples
  Stated<double> first_loss;
  Stated<double> final_loss;
  std::vector<std::string> failures;  ///< loss gate, output checks; empty = valid
  std::vector<std::string> flags;     ///< for an auditor's eye
  Stated<double> energy_j_per_iteration;
  Stated<double> power_w;
};

struct BudgetLine {
  std::string name;
  std::string type;                   ///< "A" or "B" (GUM)
  double u_cu_per_h = 0.0;            ///< contribution to u_c(K)
  Stated<double> degrees_of_freedom;  ///< missing = infinite
  std::string source;
};

struct Mfu {
  Stated<double> nominal;         ///< to the printed dense peak
  Stated<double> clock_adjusted;  ///< to units × measured clock × FLOP per clock
  Stated<double> measured;        ///< to the best product of the same precision in the same run
  Stated<double> palm_nominal;    ///< PaLM's FLOP count to the nominal peak
};

/// One device of several (many_devices.h).
struct DeviceFigures {
  std::string id;
  Stated<std::string> uuid;
  std::vector<double> process_cu_per_h;
  Stated<double> k_cu_per_h;
  Stated<double> u_c_cu_per_h;
  std::map<std::string, double> item_pflops;  ///< of the basket's items that have a figure
  /// "equal" where its hashes of weights equal those of most devices of its kind, else which don't.
  Stated<std::string> weights;
  std::vector<std::string> failures;
};

/// Several devices loaded at once, each rated in the windows that they have in common.
struct ManyDevices {
  std::vector<DeviceFigures> devices;
  std::string slowest_device;  ///< empty where not all are rated
  /// The shortest common window over the longest window of the same item.
  Stated<double> common_window_share;
  Stated<double> u_c_sum_cu_per_h;
  Stated<double> expanded_sum_cu_per_h;
  Stated<double> k_sum_cert_cu_per_h;  ///< the lower end, as K_cert is of K
  std::vector<double> process_gang_cu_per_h;
  Stated<double> u_c_gang_cu_per_h;
  Stated<double> expanded_gang_cu_per_h;
  Stated<double> k_gang_cert_cu_per_h;
  Stated<double> u_c_eta;
  Stated<double> expanded_eta;
};

struct Assessment {
  std::string edition;
  std::string grade;                    ///< "indicative" or "certified"
  std::vector<std::string> shortfalls;  ///< why not certified
  std::vector<std::string> audit_flags;
  std::vector<ItemFigures> items;    ///< basket items in the basket's order
  std::vector<ItemFigures> kernels;  ///< all other workloads, in the order they first ran
  std::vector<double> process_cu_per_h;
  Stated<double> k_cu_per_h;  ///< K of one device
  std::vector<BudgetLine> budget;
  Stated<double> u_c_cu_per_h;
  Stated<double> nu_eff;
  Stated<double> coverage_factor;  ///< t_0.975(ν_eff)
  Stated<double> expanded_cu_per_h;
  Stated<double> k_cert_cu_per_h;  ///< K − t_0.95(ν_eff)·u_c: what a device-hour is credited with
  Stated<double> k_sum_cu_per_h;  ///< of all devices loaded at once
  Stated<double> k_gang_cu_per_h;
  Stated<double> eta;
  Stated<double> geometric_mean_pflops;  ///< for SPEC-minded readers; never priced
  Mfu mfu;
  Stated<double> power_w;  ///< basket-weighted, loaded
  Stated<double> energy_j_per_cu;
  double clock_resolution_relative = 0.0;
  /// Where there are several. Then K and its budget are those of the mean device, and items,
  /// kernels and utilisation those of the slowest one.
  std::optional<ManyDevices> many_devices = std::nullopt;
};

/// Derives all figures, and refuses nothing that has samples: invalid workloads show in
/// ItemFigures::failures and leave K missing. For a table while measuring; a certificate is made of
/// assess(). Errors: input_error where the result can't be assessed at all.
[[nodiscard]] Assessment derive_figures(const ResultDocument& result);

/// The same of a result of one device.
[[nodiscard]] Assessment derive_device(const ResultDocument& result);

/// Derives all figures of a result that may be certified. Errors: input_error where the result
/// can't be assessed at all (no process, no samples, an edition nobody knows, a basket whose digest
/// differs); check_error where it may not be certified (incomplete, an invalid workload).
[[nodiscard]] Assessment assess(const ResultDocument& result);

}  // namespace assay
