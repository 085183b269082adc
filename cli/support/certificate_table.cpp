#include "support/certificate_table.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/table.h"

namespace assay::cli {
namespace {

std::string figure(const Stated<double>& value, const std::string& unit) {
  return value.value ? significant(*value.value, 4) + ' ' + unit : "none: " + value.reason;
}

std::string percent(const Stated<double>& share) {
  return share.value ? fmt::format("{:.1f} %", *share.value * 100.0) : "none: " + share.reason;
}

/// A list for a terminal; the whole of a long one stands in the certificate.
std::string bullets(const std::vector<std::string>& lines) {
  constexpr std::size_t kLinesMax = 8;
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < kLinesMax; ++i) text += "  - " + lines[i] + '\n';
  if (lines.size() > kLinesMax) {
    text += fmt::format("  - and {} more, see the certificate\n", lines.size() - kLinesMax);
  }
  return text;
}

}  // namespace

std::string cu_rate(const Stated<double>& value) {
  if (!value.value || std::abs(*value.value) >= 0.1) return figure(value, "CU/h");
  return significant(*value.value * 1e6, 4) + " µCU/h";
}

std::string certificate_table(const Certificate& certificate) {
  const Assessment& a = certificate.assessment;
  Table items({{"item"},
               {"precision"},
               {"share", Align::right},
               {"delivered", Align::right},
               {"u within", Align::right},
               {"u between", Align::right},
               {"drift", Align::right},
               {"final loss", Align::right}});
  const auto add = [&items](const ItemFigures& item, const std::string& label,
                            const std::string& share) {
    items.add({label, item.precision, share, with_prefix(item.pflops * 1e15) + "FLOP/s",
               fmt::format("{:.2f} %", item.within_relative * 100.0),
               fmt::format("{:.2f} %", item.between_relative * 100.0),
               fmt::format("{:+.2f} %", item.drift_relative * 100.0),
               item.final_loss.value ? fmt::format("{:.3f}", *item.final_loss.value) : "-"});
  };
  for (const ItemFigures& item : a.items) {
    add(item, item.basket_item, fmt::format("{:.2f}", item.share));
  }
  for (const ItemFigures& item : a.kernels) add(item, item.workload, "-");

  Table figures({{"figure"}, {"value"}});
  figures.add({"grade", a.grade});
  figures.add({"basket", certificate.basket.name + " " + certificate.basket.version});
  figures.add({"device", certificate.device.name + " (" + certificate.device.isa + ")"});
  figures.add({"K, CU rate", cu_rate(a.k_cu_per_h)});
  figures.add({"u_c(K)", cu_rate(a.u_c_cu_per_h)});
  figures.add({"ν_eff", a.nu_eff.value ? significant(*a.nu_eff.value, 3) : figure(a.nu_eff, "")});
  figures.add({"U, coverage 95 %", cu_rate(a.expanded_cu_per_h)});
  figures.add({"K_cert, credited", cu_rate(a.k_cert_cu_per_h)});
  if (a.many_devices) {
    figures.add({fmt::format("K_sum of {} devices, independent jobs", certificate.device_count),
                 cu_rate(a.k_sum_cu_per_h)});
    figures.add({"K_gang, one data-parallel job", cu_rate(a.k_gang_cu_per_h)});
    figures.add({"η of the gang", figure(a.eta, "")});
  }
  figures.add({"MFU to the measured product", percent(a.mfu.measured)});
  figures.add({"MFU to the printed peak", percent(a.mfu.nominal)});
  std::string text = items.text() + '\n' + figures.text();
  if (a.grade != "certified") {
    text += "\nINDICATIVE, not certified:\n";
    text += bullets(a.shortfalls);
  }
  if (!a.audit_flags.empty()) text += "\nFor an auditor's eye:\n" + bullets(a.audit_flags);
  return text;
}

}  // namespace assay::cli
