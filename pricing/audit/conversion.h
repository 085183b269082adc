#pragma once
/// A posted price as CNY per CU, ex VAT, through the certificate of its SKU. h is what an hour of
/// one device costs, in CNY ex VAT:
///
///   card              h = price / hours of the unit
///   node              h = price / (hours · devices)
///   nameplate P       h = price · P_nameplate / hours, so CNY/CU = price / (24 · K_cert / P) a day
///   CU                h = price · K_cert: a device-hour is credited with K_cert CU
///   training token i  h = price · 3.6e18 · T_i / FLOPs per token, T_i in PFLOP/s
///
/// Against a ceiling the price stands as h / K_cert, against cost as h / K. What is not stated
/// (VAT, precision or sparsity of P) gives one conversion for each admissible reading.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/audit/tariff.h"
#include "pricing/rational.h"
#include "results/certificate.h"
#include "results/edition/peaks.h"

namespace assay::pricing {

/// A nameplate that sellers count by.
struct Nameplate {
  std::string precision;
  bool sparse = false;
  Rational pflops;
};

/// What a certificate says of one device, exactly as its shortest decimals.
struct DeviceConversion {
  Rational k_cu_per_h;
  Rational k_cert_cu_per_h;
  std::string k_cert_text;                          ///< rounded, as arithmetic shows it
  std::map<std::string, Rational> tokens_per_hour;  ///< by basket item
  std::vector<Nameplate> nameplates;                ///< empty: not in the peak table
};

/// P of a device by the peak table: its row has the driver's name, or is the SKU. The sparse figure
/// is twice the dense one on parts with 2:4 sparsity (compute capability 8.0 on).
[[nodiscard]] std::vector<Nameplate> nameplates_of(const PeakTable& table,
                                                   const std::string& device);

/// Errors: input_error where K or K_cert is missing or not above 0.
[[nodiscard]] DeviceConversion device_conversion(const Certificate& certificate,
                                                 const PeakTable& peaks, const std::string& where);

struct Conversion {
  Rational vat_rate;                     ///< that it includes; 0: none
  const Nameplate* nameplate = nullptr;  ///< of the device, for a price per P
  Rational ceiling_side;                 ///< h / K_cert, CNY/CU
  Rational cost_side;                    ///< h / K, CNY/CU
};

/// "3.2 x 0.989400 P (fp16 dense) / 24 h = ... CNY/h / K_cert 0.32 = ... CNY/CU"; `cny_per_cu` is
/// the reading's ceiling side, rounded.
[[nodiscard]] std::string arithmetic_text(const Tariff& tariff, const DeviceConversion& device,
                                          const Conversion& reading, std::string_view cny_per_cu);

struct Converted {
  std::vector<Conversion> readings;  ///< one for each admissible reading; empty: not comparable
  std::string reason;                ///< why it is not comparable
};

/// `vat_rates`: those that a price of unstated basis may include, 0 among them.
/// The readings point into `device`.
[[nodiscard]] Converted convert(const Tariff& tariff, const DeviceConversion& device,
                                const std::vector<Rational>& vat_rates);

/// All prices posted the same way (unit, devices, configuration, VAT, precision, sparsity) convert
/// by the same factors, so these are worked out once: the readings of a price of 1 CNY.
[[nodiscard]] Converted convert_one_cny(const Tariff& tariff, const DeviceConversion& device,
                                        const std::vector<Rational>& vat_rates);
[[nodiscard]] std::vector<Conversion> scaled(const std::vector<Conversion>& of_one_cny,
                                             const Rational& cny);

}  // namespace assay::pricing
