#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/certificate.h"
#include "results/markdown_table.h"

namespace assay {
namespace {

using nlohmann::json;

std::string figure(const Stated<double>& stated, const char* unit, int digits = 4) {
  if (!stated.has_value()) return "none: " + stated.reason;
  return fmt::format("{:.{}g}{}", *stated.value, digits, unit);
}

/// A rate in CU/h with the SI prefix that suits it.
struct RateUnit {
  double scale;
  const char* name;
};

RateUnit rate_unit(double cu_per_h) {
  if (cu_per_h >= 1.0) return {1.0, "CU/h"};
  if (cu_per_h >= 1e-3) return {1e3, "mCU/h"};
  if (cu_per_h >= 1e-6) return {1e6, "µCU/h"};
  return {1e9, "nCU/h"};
}

/// K ± U, both to the second digit of U (GUM 7.2.6).
std::string interval_text(double cu_per_h, double expanded) {
  const RateUnit unit = rate_unit(cu_per_h);
  const double half_width = expanded * unit.scale;
  const int place =
      half_width > 0.0 ? std::max(0, 1 - static_cast<int>(std::floor(std::log10(half_width)))) : 3;
  return fmt::format("{:.{}f} ± {:.{}f} {}", cu_per_h * unit.scale, place, half_width, place,
                     unit.name);
}

std::string cu_text(const Stated<double>& stated, int digits = 5) {
  if (!stated.has_value()) return "none: " + stated.reason;
  const RateUnit unit = rate_unit(*stated.value);
  return fmt::format("{:#.{}g} {}", *stated.value * unit.scale, digits, unit.name);
}

std::string percent(const Stated<double>& stated) {
  if (!stated.has_value()) return "none: " + stated.reason;
  return fmt::format("{:.1f} %", 100.0 * *stated.value);
}

std::string text_of(const json& stated) {
  const json& value = stated.at("value");
  if (value.is_null()) return "none: " + stated.at("reason").get<std::string>();
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// FLOP/s with the prefix that leaves one to three digits before the point.
std::string rate_text(double pflops) {
  static constexpr const char* kUnits[] = {"MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"};
  double value = pflops * 1e9;
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < std::size(kUnits)) {
    value /= 1000.0;
    ++unit;
  }
  return fmt::format("{:#.4g} {}", value, kUnits[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds >= 1.0) return fmt::format("{:.3g} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3g} ms", 1e3 * seconds);
  return fmt::format("{:.3g} µs", 1e6 * seconds);
}

std::string head(const Certificate& certificate) {
  const Assessment& a = certificate.assessment;
  const bool certified = a.grade == "certified";
  std::string page = certified ? "# Certificate of compute: CERTIFIED\n\n"
                               : "# Certificate of compute: INDICATIVE\n\n";
  if (!certified) {
    page +=
        "> **INDICATIVE, NOT CERTIFIED.** No ledger, audit or programme may use this rate. What is "
        "short of `certified`:\n>\n";
    for (const std::string& shortfall : a.shortfalls) page += "> - " + shortfall + "\n";
    page += "\n";
  }
  return page;
}

std::string rate_section(const Certificate& certificate) {
  const Assessment& a = certificate.assessment;
  std::string page;
  if (a.k_cu_per_h.has_value() && a.expanded_cu_per_h.has_value()) {
    page += fmt::format("**K = {}** ({} {}, 95 %)",
                        interval_text(*a.k_cu_per_h.value, *a.expanded_cu_per_h.value),
                        certificate.basket.name, certificate.basket.version);
  } else if (a.k_cu_per_h.has_value()) {
    page += fmt::format("**K = {}** ({} {}), no interval", cu_text(a.k_cu_per_h),
                        certificate.basket.name, certificate.basket.version);
  } else {
    page += "**No rate**: " + a.k_cu_per_h.reason;
  }
  page += ", **K_cert = " + cu_text(a.k_cert_cu_per_h) + "**\n\n";
  page += fmt::format(
      "One CU is 3.6e18 model FLOPs of the basket's training work: one PFLOP/s, really delivered, "
      "for one hour. {} K of them an hour; it is credited with K_cert, which it "
      "exceeds "
      "with 95 % confidence, so whoever measures better is credited more. A CU of {} compares with "
      "no other basket's.\n\n",
      a.many_devices ? "All devices were loaded at once, and the mean device did"
                     : "The device did",
      certificate.basket.name);
  MarkdownTable table({"figure", "value"});
  table.add({"K", cu_text(a.k_cu_per_h)});
  table.add({"combined standard uncertainty u_c", cu_text(a.u_c_cu_per_h)});
  table.add({"effective degrees of freedom", figure(a.nu_eff, "", 3)});
  table.add({"coverage factor (95 %)", figure(a.coverage_factor, "")});
  table.add({"expanded uncertainty U", cu_text(a.expanded_cu_per_h)});
  table.add({"K_cert", cu_text(a.k_cert_cu_per_h)});
  const auto with_u = [](const Stated<double>& value, const Stated<double>& expanded) {
    return value.has_value() && expanded.has_value() ? interval_text(*value.value, *expanded.value)
                                                     : cu_text(value);
  };
  const ManyDevices* const many = a.many_devices ? &*a.many_devices : nullptr;
  table.add(
      {"sum of the devices (independent jobs)",
       many ? with_u(a.k_sum_cu_per_h, many->expanded_sum_cu_per_h) : cu_text(a.k_sum_cu_per_h)});
  table.add({"gang of the devices (one data-parallel job)",
             many ? with_u(a.k_gang_cu_per_h, many->expanded_gang_cu_per_h)
                  : cu_text(a.k_gang_cu_per_h)});
  table.add({"efficiency of the gang η", figure(a.eta, "")});
  if (many) table.add({"expanded uncertainty of η", figure(many->expanded_eta, "")});
  std::string processes;
  for (const double each : a.process_cu_per_h) {
    processes += (processes.empty() ? "" : ", ") + cu_text(Stated<double>::known(each));
  }
  table.add({"K of each process", processes.empty() ? "none" : processes});
  table.add({"geometric mean (never priced)", a.geometric_mean_pflops.has_value()
                                                  ? rate_text(*a.geometric_mean_pflops.value)
                                                  : "none: " + a.geometric_mean_pflops.reason});
  table.add({"power over the bundle", figure(a.power_w, " W")});
  table.add({"energy", figure(a.energy_j_per_cu, " J/CU")});
  return page + table.text();
}

std::string devices_section(const Assessment& a) {
  if (!a.many_devices) return {};
  const ManyDevices& many = *a.many_devices;
  MarkdownTable table({"device", "UUID", "K", "u_c", "weights"}, 2);
  for (const DeviceFigures& device : many.devices) {
    table.add({device.id, device.uuid.value.value_or("none: " + device.uuid.reason),
               cu_text(device.k_cu_per_h), cu_text(device.u_c_cu_per_h),
               device.weights.value.value_or("none: " + device.weights.reason)});
  }
  std::string page =
      "## Devices\n\nLoaded at once; what counts of each is the window that all have in common. " +
      (many.slowest_device.empty()
           ? std::string("Not all are rated.")
           : "Items, other workloads and utilisation below are those of the slowest, " +
                 many.slowest_device + ".") +
      "\n\n" + table.text();
  for (const DeviceFigures& device : many.devices) {
    for (const std::string& failure : device.failures) {
      page += "\n- " + device.id + ": " + failure;
    }
  }
  return page + "\n";
}

std::string items_section(const Assessment& a) {
  MarkdownTable items({"item", "precision", "share", "delivered", "u within", "u between", "step",
                       "drift", "loss", "converged"},
                      2);
  for (const ItemFigures& item : a.items) {
    const std::string loss =
        item.first_loss.has_value() && item.final_loss.has_value()
            ? fmt::format("{:.3f} to {:.3f}", *item.first_loss.value, *item.final_loss.value)
            : "none";
    items.add({item.basket_item, item.precision, fmt::format("{:.2f}", item.share),
               rate_text(item.pflops), fmt::format("{:.2f} %", 100.0 * item.within_relative),
               fmt::format("{:.2f} %", 100.0 * item.between_relative), seconds_text(item.median_s),
               fmt::format("{:+.2f} %", 100.0 * item.drift_relative), loss,
               item.converged ? "yes" : "no"});
  }
  std::string page = "## Scored items\n\n" + items.text();
  if (a.kernels.empty()) return page;
  MarkdownTable kernels({"workload", "precision", "rate", "bandwidth", "iteration", "converged"},
                        2);
  for (const ItemFigures& kernel : a.kernels) {
    kernels.add({kernel.workload, kernel.precision,
                 kernel.flops > 0 ? rate_text(kernel.pflops) : "-",
                 kernel.gigabytes_per_s.has_value()
                     ? fmt::format("{:.4g} GB/s", *kernel.gigabytes_per_s.value)
                     : "-",
                 seconds_text(kernel.median_s), kernel.converged ? "yes" : "no"});
  }
  return page + "\n## Other workloads\n\nThey explain the rate and do not enter it.\n\n" +
         kernels.text();
}

std::string budget_section(const Certificate& certificate) {
  const Assessment& a = certificate.assessment;
  MarkdownTable budget({"contribution", "type", "u", "degrees of freedom", "how"});
  for (const BudgetLine& line : a.budget) {
    const auto& degrees = line.degrees_of_freedom;
    budget.add({line.name, line.type,
                line.u_cu_per_h > 0.0 ? cu_text(Stated<double>::known(line.u_cu_per_h), 3) : "0",
                degrees.has_value() ? fmt::format("{:.1f}", *degrees.value) : "infinite",
                line.source});
  }
  return "## Uncertainty budget\n\n" + budget.text() + "\n" +
         certificate.predicate.at("coverage").get<std::string>() + "\n\n" +
         certificate.predicate.at("traceability").get<std::string>() + "\n";
}

std::string utilisation_section(const Certificate& certificate) {
  const Mfu& mfu = certificate.assessment.mfu;
  const json& trade = certificate.predicate.at("trade");
  MarkdownTable table({"delivered over", "share"});
  table.add({"best measured product, same precision and run", percent(mfu.measured)});
  table.add({"printed dense peak", percent(mfu.nominal)});
  table.add({"units × measured clock × FLOP per clock", percent(mfu.clock_adjusted)});
  table.add({"printed dense peak, FLOPs counted as PaLM does", percent(mfu.palm_nominal)});
  MarkdownTable nominal({"as the trade quotes it", "value"});
  nominal.add({"nominal PFLOP/s (\"P\")", text_of(trade.at("nominal_peak_pflops"))});
  if (!trade.at("nominal_peak_pflops").at("value").is_null()) {
    nominal.add({"precision", text_of(trade.at("nominal_precision"))});
    nominal.add({"basis", text_of(trade.at("nominal_basis"))});
  }
  nominal.add({"FP32 PFLOP/s", text_of(trade.at("fp32_peak_pflops"))});
  nominal.add({"availability", text_of(trade.at("availability"))});
  nominal.add({"PUE", text_of(trade.at("pue"))});
  return "## Utilisation\n\n" + table.text() + "\n" + nominal.text();
}

std::string flags_section(const Assessment& a) {
  std::string page = "## Audit flags\n\n";
  if (a.audit_flags.empty()) return page + "None.\n";
  for (const std::string& flag : a.audit_flags) page += "- " + flag + "\n";
  return page;
}

std::string item_section(const Certificate& certificate) {
  const json& item = certificate.predicate.at("item");
  const json& device = item.at("device");
  MarkdownTable table({"item tested", "as found"});
  table.add({"device", certificate.device.name});
  table.add(
      {"back end, instruction set", certificate.device.backend + ", " + certificate.device.isa});
  table.add({"units in use", fmt::format("{}", certificate.device.units)});
  table.add({"memory", fmt::format("{:.1f} GB",
                                   static_cast<double>(certificate.device.memory_bytes) * 1e-9)});
  for (const char* name : {"uuid", "serial", "firmware", "driver", "last_level_cache_bytes"}) {
    table.add({name, text_of(device.at(name))});
  }
  table.add({"devices loaded", fmt::format("{}", certificate.device_count)});
  MarkdownTable conditions({"condition", "value"});
  for (const auto& [name, stated] : certificate.predicate.at("conditions").items()) {
    conditions.add({name, text_of(stated)});
  }
  for (const auto& [name, value] : certificate.predicate.at("environment").items()) {
    conditions.add({name, value.get<std::string>()});
  }
  return "## Item and conditions\n\n" + certificate.predicate.at("scope").get<std::string>() +
         "\n\n" + table.text() + "\n" + conditions.text();
}

std::string identity_section(const Certificate& certificate) {
  const json& p = certificate.predicate;
  const json& tool = p.at("tool");
  MarkdownTable table({"field", "value"});
  table.add({"certificate", certificate.certificate_id});
  for (const char* name :
       {"laboratory", "accreditation", "customer", "signatory", "amends", "revocation"}) {
    table.add({name, text_of(p.at(name))});
  }
  table.add({"statement of conformity", text_of(p.at("conformity").at("statement"))});
  table.add({"measured from", p.at("measured").at("started_utc").get<std::string>()});
  table.add({"issued", certificate.issued_utc});
  table.add({"valid until", certificate.valid_until_utc});
  table.add(
      {"method", fmt::format("edition {}, suite {}, basket {} {}", certificate.assessment.edition,
                             p.at("method").at("suite").at("name").get<std::string>(),
                             certificate.basket.name, certificate.basket.version)});
  table.add({"program", fmt::format("{} {}, {}", tool.at("name").get<std::string>(),
                                    tool.at("version").get<std::string>(),
                                    tool.at("compiler").get<std::string>())});
  table.add(
      {"commit", text_of(tool.at("commit")) + (tool.at("dirty").get<bool>() ? ", dirty" : "")});
  table.add({"nonce", p.at("seeds").at("nonce").get<std::string>()});
  table.add({"SHA-256 of the result", certificate.result_digest});
  table.add({"SHA-256 of the basket", certificate.basket.digest});
  table.add({"SHA-256 of the program", tool.at("binary_sha256").get<std::string>()});
  std::string keys;
  for (const std::string& key : certificate.key_ids) keys += (keys.empty() ? "" : ", ") + key;
  table.add({"signed by key (Ed25519)", keys});
  return "## Identity and digests\n\n" + table.text() +
         "\nTo verify, with the laboratory's public key and the result document:\n\n"
         "    assay verify certificate.json --key laboratory.key.pub --result result.json\n";
}

}  // namespace

std::string certificate_markdown(const Certificate& certificate) {
  std::string page = head(certificate) + rate_section(certificate);
  const std::string devices = devices_section(certificate.assessment);
  if (!devices.empty()) page += "\n" + devices;
  for (const std::string& section :
       {items_section(certificate.assessment), budget_section(certificate),
        utilisation_section(certificate), flags_section(certificate.assessment),
        item_section(certificate), identity_section(certificate)}) {
    page += "\n" + section;
  }
  return page;
}

}  // namespace assay
