#pragma once
/// The cost sheet: what a site files about its costs for a test year. A strict document (schema
/// assay.cost-sheet v1, results/schema/cost-sheet.schema.json) in which every figure carries its
/// unit, source, date and, where it is money, its VAT basis, so that a stranger can recompute the
/// rate from it.
///
/// Rates are in CNY; figures may be in other currencies, with dated exchange rates in the sheet.
/// Figures are exact decimals; a figure may be null where it is unknown, and is refused by name
/// only where the rate needs it. Version 1 grew by fields that may be left out: a sheet without
/// them means what it always meant.
#include <array>
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
  std::optional<VatBasis> vat;          ///< present exactly for money
  std::optional<std::string> exchange;  ///< the exchange rate's name, where the figure states it
  int exchange_index = -1;              ///< into CostSheet::exchange_rates; -1: CNY or no money
  Rational cny_per_unit = 1;            ///< that rate's value; 1 for CNY
  std::size_t index = 0;                ///< position in all_figures of the sheet as read
};

/// The figure's value as filed. Errors: input_error naming the figure where it is null.
[[nodiscard]] const Rational& need(const Figure& figure);

/// The same in CNY ex VAT, exactly: amount / (1 + rate) where VAT is included, times the exchange
/// rate where it is in another currency.
[[nodiscard]] Rational need_ex_vat(const Figure& figure);

struct NamedFigure {
  std::string name;
  std::string where;  ///< file and pointer of the line, for errors
  Figure figure;
  std::optional<std::string> sku = std::nullopt;  ///< of a mixed fleet; empty: shared
};

/// CNY for one unit of another currency.
struct ExchangeRate {
  std::string name;
  std::string currency;
  Figure rate;
};

enum class CapitalMethod { annuity, declining_base, tilted_annuity };

/// One line of an asset list.
struct AssetItem {
  std::string name;
  Figure quantity;
  Figure unit_price;
};

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
  std::string return_tax;    ///< "pre_tax", or "post_tax" with CostSheet::income_tax
  bool mid_year = false;     ///< payments in the middle of each year, not at its end
  Figure life;               ///< n, whole years
  /// t, the test year's place in the life, from 1; where charge or income tax moves over the years.
  std::optional<Figure> year_of_life;
  /// g, yearly change of the price of new equipment; for the tilted annuity.
  std::optional<Figure> price_trend;
  std::optional<Figure> price_today;  ///< for the cost of a new entrant
  std::vector<AssetItem> items;       ///< the price's lines, where they are filed
  std::optional<std::string> sku;     ///< of a mixed fleet; empty: shared
  int life_years = 0;                 ///< life as filed; 0 where it is null
  int year = 1;                       ///< year_of_life, or 1
};

/// 'Used and useful', applied once: either all plant stands in the cost and utilisation has a
/// floor, or plant is excluded and cost, devices and utilisation are those of the remaining plant.
struct UsedAndUseful {
  bool exclusion = false;
  std::optional<Figure> floor;  ///< of utilisation; with the floor rule
  struct ExcludedPlant {
    std::string name;
    std::string reason;
    std::optional<Figure> price = std::nullopt;
    std::optional<Figure> devices = std::nullopt;
  };
  std::vector<ExcludedPlant> excluded;  ///< with the exclusion rule; not in any figure
};

/// A monthly charge on demand or capacity.
struct DemandCharge {
  Figure charge;        ///< CNY/(kW month), or CNY/(kVA month) for transformer capacity
  Figure billed_power;  ///< kW or kVA
  std::string basis;    ///< as filed; may be empty
};

/// Hours of the day in months of the year that have one price factor.
struct TariffBand {
  std::string name;
  std::string where;
  Figure factor;
  std::optional<Figure> use_share;  ///< of variable energy; empty: as the hours
  std::array<bool, 12> months{};
  std::array<bool, 24> hours{};
  std::int64_t hours_of_year = 0;  ///< of the test year
};

/// The line loss is named so among the parts that time of use applies to.
inline constexpr const char* kLineLoss = "line loss";

/// How the price of a kWh comes about beyond the sum of its parts (pricing/power_bill.h).
struct PowerBill {
  struct Tier {
    Figure above;  ///< starts at limit · (1 + above)
    Figure price;  ///< CNY/kWh
  };
  std::string voltage;
  std::vector<std::string> time_of_use_parts;
  std::vector<TariffBand> bands;  ///< empty: one price at all hours
  std::optional<Figure> line_loss_share;
  std::vector<std::string> line_loss_parts;
  std::optional<Figure> pue_limit;
  std::vector<Tier> tiers;
};

/// The external meter whose series gave idle and loaded power.
struct ExternalMeter {
  std::string instrument;
  std::string calibration;
  std::string sha256;
  std::string start_utc;
  std::string end_utc;
  std::int64_t devices = 0;
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
  std::optional<PowerBill> bill;
  std::optional<ExternalMeter> meter;
};

/// What a post-tax return is made of: r = equity_share · return_on_equity + (1 - equity_share) ·
/// cost_of_debt; the tax on the equity's part is a line of its own.
struct IncomeTax {
  Figure rate;
  Figure equity_share;
  Figure return_on_equity;
  Figure cost_of_debt;
};

/// One kind of device of a mixed fleet.
struct Sku {
  std::string name;
  std::string where;
  std::string device;  ///< the device's name as its certificate states it
  Figure count;
  Figure per_node;
  Figure availability;
  Figure utilisation;
  Figure idle_power;
  Figure loaded_power;
};

/// A share of the shared costs, in a sheet that sheet_of_sku made.
struct Allocation {
  std::string sku;
  std::string key;  ///< "delivered_cu", "devices", "loaded_power" or "capital"
  std::size_t position = 0;
  std::vector<Rational> shares;  ///< of all SKUs; they sum to 1
};

/// A CU rate that nobody measured.
struct DeclaredThroughput {
  std::string device;
  std::string basket_name;
  std::string basket_version;
  std::string basket_digest;
  Figure k;
};

/// A range of the tornado, as filed.
struct FiledRange {
  std::string pointer;
  std::string where;
  Rational low;
  Rational high;
};

/// The years after the test year (pricing/path.h).
struct RatePathTerms {
  struct Year {
    std::int64_t year = 0;
    Figure cpi;
    Figure power_price_factor;
  };
  struct TrueUp {
    Figure power_forecast;
    Figure power_outturn;
    Figure index_forecast;
    Figure index_outturn;
  };
  Figure x;
  std::optional<Figure> bound;
  std::vector<Year> years;
  std::optional<TrueUp> true_up;
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
  std::vector<ExchangeRate> exchange_rates;
  std::vector<Sku> skus;  ///< empty: one kind of device, and the figures that follow are its own
  std::string shared_cost_key;           ///< with skus
  std::optional<Allocation> allocation;  ///< in a sheet of one SKU of a mixed fleet
  Figure device_count;                   ///< devices that the assets carry
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
  std::optional<IncomeTax> income_tax;
  std::optional<DeclaredThroughput> declared_throughput;
  std::vector<FiledRange> sensitivities;
  std::optional<RatePathTerms> path;
};

/// The calendar year in which the test year begins.
[[nodiscard]] std::int64_t first_year(const CostSheet& sheet);

/// Reads and checks a sheet. Errors: input_error naming the file, the JSON pointer, what is wrong
/// and how to mend it: what the schema refuses, numbers outside their bounds, dates that do not
/// exist, names that stand twice, uncertain inputs that name no figure.
[[nodiscard]] CostSheet cost_sheet_from_json(const nlohmann::json& document,
                                             const std::string& where);
[[nodiscard]] CostSheet read_cost_sheet(const std::filesystem::path& path);

/// The form and the decimals of a sheet that may lack figures, before anything is read into it.
void check_cost_sheet_form(const nlohmann::json& document, const std::string& where);

/// Every figure, in the order of the document.
[[nodiscard]] std::vector<Figure*> all_figures(CostSheet& sheet);
[[nodiscard]] std::vector<const Figure*> all_figures(const CostSheet& sheet);

/// The figure at that pointer, or nullptr.
[[nodiscard]] Figure* find_figure(CostSheet& sheet, const std::string& pointer);
[[nodiscard]] const Figure* find_figure(const CostSheet& sheet, const std::string& pointer);

/// Gives a figure another value, and whatever the sheet keeps of it (exchange rates, years).
/// Errors: input_error where no figure stands at the pointer.
void set_figure(CostSheet& sheet, const std::string& pointer, const Rational& value);

/// Brings cny_per_unit, life_years and year up to date with the figures.
void refresh(CostSheet& sheet);

/// "CNY" of "CNY/kWh"; empty where the unit is not money. A currency is three capital letters.
[[nodiscard]] std::string currency_of(const std::string& unit);

/// The sheet of one SKU of a mixed fleet: its devices and power, its own lines, and its share of
/// the shared ones. Errors: std::out_of_range.
[[nodiscard]] CostSheet sheet_of_sku(const CostSheet& sheet, std::size_t position,
                                     const std::vector<Rational>& shares);

}  // namespace assay::pricing
