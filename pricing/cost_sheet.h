#pragma once
/// The cost sheet: what a site files about its costs for a test year. A strict document (schema
/// assay.cost-sheet v1, results/schema/cost-sheet.schema.json) in which every figure carries its
/// unit, source, date and, where it is money, its VAT basis, so that a stranger can recompute the
/// rate from it.
///
/// Money is in CNY. Figures are exact decimals; a figure may be null where it is unknown, and is
/// refused by name only where the rate needs it.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/rational.h"

namespace assay::pricing {

inline constexpr const char* kCostSheetSchema = "assay.cost-sheet";
inline constexpr int kCostSheetSchemaVersion = 1;

/// On which basis an amount of money is stated. A rate is always ex VAT.
struct VatBasis {
  bool included = false;
  std::optional<Rational> rate;          ///< 0.13; may be unknown where VAT is excluded
  std::optional<std::string> rate_text;  ///< as filed
};

/// One filed figure.
struct Figure {
  std::string pointer;  ///< its JSON pointer in the sheet: "/energy/pue/figure"
  std::string where;    ///< file and pointer, for errors
  std::optional<Rational> value;
  std::string value_text;  ///< as filed
  std::string unit;
  std::optional<std::string> source;
  std::optional<std::string> date;
  std::string note;
  std::optional<VatBasis> vat;  ///< present exactly for money
};

/// The figure's value as filed. Errors: input_error naming the figure where it is null.
[[nodiscard]] const Rational& need(const Figure& figure);

/// The same ex VAT, exactly: amount / (1 + rate) where VAT is included.
[[nodiscard]] Rational need_ex_vat(const Figure& figure);

struct NamedFigure {
  std::string name;
  std::string where;  ///< file and pointer of the line, for errors
  Figure figure;
};

enum class CapitalMethod { annuity, declining_base, tilted_annuity };

/// One class of assets, bought together and written off by one method (pricing/capital.h).
struct AssetClass {
  std::string name;
  std::string where;  ///< file and pointer, for errors
  CapitalMethod method = CapitalMethod::annuity;
  Figure price;              ///< I, CNY
  Figure grants;             ///< G, CNY: capital grants, netted out
  Figure residual;           ///< RV: a share of the price (unit 1) or an amount (CNY)
  Figure return_per_year;    ///< r
  std::string return_basis;  ///< "nominal" or "real"
  std::string return_tax;    ///< "pre_tax"; a post-tax return needs an income-tax line
  Figure life;               ///< n, whole years
  /// t, the test year's place in the life, from 1; for methods whose charge moves over the years.
  std::optional<Figure> year_of_life;
  /// g, yearly change of the price of new equipment; for the tilted annuity.
  std::optional<Figure> price_trend;
};

/// 'Used and useful', applied once: either all plant stands in the cost and utilisation has a
/// floor, or plant is excluded and cost, devices and utilisation are those of the remaining plant.
struct UsedAndUseful {
  bool exclusion = false;
  std::optional<Figure> floor;  ///< of utilisation; with the floor rule
  struct ExcludedPlant {
    std::string name;
    std::string reason;
  };
  std::vector<ExcludedPlant> excluded;  ///< with the exclusion rule; not in any figure
};

/// A monthly charge on demand or capacity.
struct DemandCharge {
  Figure charge;        ///< CNY/(kW month)
  Figure billed_power;  ///< kW
};

struct Energy {
  Figure pue;                            ///< >= 1
  std::string pue_category;              ///< ISO/IEC 30134-2: where IT energy is measured
  std::string pue_period;                ///< the time it was measured over
  std::vector<NamedFigure> price_parts;  ///< CNY/kWh; the tariff is their sum
  /// What idle and loaded power take in: "device" (as its own telemetry reads it) or "node" (at the
  /// wall, per device). Power measured by telemetry is used only with "device".
  std::string power_boundary;
  Figure idle_power;    ///< W per device
  Figure loaded_power;  ///< W per device, declared; used where none was measured
  std::optional<DemandCharge> demand;
};

/// Either inside the return, or a share of operating cost. Operating cost here is operation and
/// maintenance, standing energy and the demand charge; variable energy bears no margin.
struct Margin {
  std::optional<Figure> share_of_operating_cost;  ///< empty: the margin is inside the return
};

/// A figure of the sheet that is not known exactly.
struct UncertainInput {
  std::string pointer;            ///< names the figure
  Rational standard_uncertainty;  ///< in the figure's unit and VAT basis
  std::string uncertainty_text;   ///< as filed
  std::string distribution;       ///< normal, rectangular or triangular
  Rational correlation_with_k;    ///< with the measured throughput, -1 to 1
  std::string correlation_text;   ///< as filed
  std::optional<std::string> source;
};

struct CostSheet {
  std::string file;  ///< for errors
  std::string digest;
  std::string name;
  bool example = false;  ///< no site's accounts; every output of it says so
  std::string site_name;
  std::string site_operator;
  std::string site_location;
  std::string test_year_start;
  std::string test_year_end;  ///< inclusive
  std::int64_t test_year_hours = 0;
  Figure device_count;  ///< devices that the assets carry
  Figure devices_per_node;
  Figure availability;
  Figure utilisation;  ///< sold device-hours over available device-hours
  UsedAndUseful used_and_useful;
  Energy energy;
  std::vector<AssetClass> asset_classes;
  std::vector<NamedFigure> operation_and_maintenance;  ///< CNY a test year
  std::vector<NamedFigure> other_revenue;              ///< CNY a test year, positive
  Margin margin;
  std::vector<UncertainInput> uncertain_inputs;
};

/// Reads and checks a sheet. Errors: input_error naming the file, the JSON pointer, what is wrong
/// and how to mend it: what the schema refuses, numbers outside their bounds, dates that do not
/// exist, names that stand twice, uncertain inputs that name no figure.
[[nodiscard]] CostSheet cost_sheet_from_json(const nlohmann::json& document,
                                             const std::string& where);
[[nodiscard]] CostSheet read_cost_sheet(const std::filesystem::path& path);

/// Every figure, in the order of the document.
[[nodiscard]] std::vector<Figure*> all_figures(CostSheet& sheet);
[[nodiscard]] std::vector<const Figure*> all_figures(const CostSheet& sheet);

/// The figure at that pointer, or nullptr.
[[nodiscard]] Figure* find_figure(CostSheet& sheet, const std::string& pointer);

}  // namespace assay::pricing
