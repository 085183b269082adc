#pragma once
/// A struct's fields in JSON, listed once: what writes and what reads walk the same list,
///
///   template <class Visit, class Record>
///   void timer_fields(Visit&& visit, Record& timer) {
///     visit("clock", timer.clock);
///     ...
///
/// where Record is the struct, const for writing.
#include <nlohmann/json.hpp>

namespace assay {

/// Writes each field into `object`.
inline auto field_writer(nlohmann::json& object) {
  return [&object](const char* name, const auto& field) { object[name] = field; };
}

/// Reads each field out of `object`, which has it (a schema says so).
inline auto field_reader(const nlohmann::json& object) {
  return [&object](const char* name, auto& field) { object.at(name).get_to(field); };
}

}  // namespace assay
