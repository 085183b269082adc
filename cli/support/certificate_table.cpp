#include "support/certificate_table.h"

#include <fmt/format.h>

#include "support/table.h"

namespace assay::cli {
namespace {

std::string figure(const Stated<double>& value, const std::string& unit) {
  return value.value ? significant(*value.value, 4) + ' ' + unit : "none: " + value.reason;
}

std::string percent(const Stated<double>& share) {
  return share.value ? fmt::format("{:.1f} %", *share.value * 100.0) : "none: " + share.reason;
}

}  // namespace

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
  figures.add({"K, CU rate", figure(a.k_cu_per_h, "CU/h")});
  figures.add({"u_c(K)", figure(a.u_c_cu_per_h, "CU/h")});
  figures.add({"ν_eff", figure(a.nu_eff, "")});
  figures.add({"U, coverage 95 %", figure(a.expanded_cu_per_h, "CU/h")});
  figures.add({"K_cert, credited", figure(a.k_cert_cu_per_h, "CU/h")});
  figures.add({"MFU to the measured product", percent(a.mfu.measured)});
  figures.add({"MFU to the printed peak", percent(a.mfu.nominal)});
  std::string text = items.text() + '\n' + figures.text();
  if (a.grade != "certified") {
    text += "\nINDICATIVE, not certified:\n";
    for (const std::string& shortfall : a.shortfalls) text += "  - " + shortfall + '\n';
  }
  for (const std::string& flag : a.audit_flags) text += "  flag: " + flag + '\n';
  return text;
}

}  // namespace assay::cli
