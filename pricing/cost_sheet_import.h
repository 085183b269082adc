#pragma once
/// Completing a cost sheet from CSV: an asset list and an external power meter's series. The result
/// is a cost sheet like any other, so that a stranger can recompute the rate from it alone.
///
/// Asset list, one line a purchase:
///   class,item,quantity,unit_price,currency,vat_basis,vat_rate,source,date[,note]
/// Each class is one of the sheet's asset_classes whose price is null; its price becomes the sum of
/// its lines, which the sheet keeps as `items`. All lines of a class are in one currency and on one
/// VAT basis.
///
/// Meter's series, one line a reading:
///   time_utc,power_w,state
/// power_w is the mean since the reading before; the first reading only starts the clock. state is
/// "idle", "loaded", or anything else for readings that count for neither. Idle and loaded power
/// become the time-weighted means over the devices on the meter's circuit. Comment lines carry what
/// the instrument is:  # instrument: ...   # calibration: ...   # devices: 8
#include <filesystem>
#include <nlohmann/json.hpp>

namespace assay::pricing {

/// Errors: input_error naming file, line and column, or the sheet's path: what cost_sheet.h
/// refuses; a class that the sheet has not or whose price is there already; mixed currencies or VAT
/// bases in a class; a sheet whose power is filed already, of a mixed fleet, or not at the wall
/// (node).
void import_assets(nlohmann::json& sheet, const std::filesystem::path& csv,
                   const std::string& sheet_file);
void import_meter(nlohmann::json& sheet, const std::filesystem::path& csv,
                  const std::string& sheet_file);

}  // namespace assay::pricing
