/// Whether a version is in force for a claim.
#include <algorithm>

#include "pricing/programme/evaluate.h"

namespace assay::pricing::programme {

namespace {

struct Days {
  Day first;
  Day last;
};

Days days_of(const Claim& claim, GoverningDate date) {
  if (date == GoverningDate::use) return {claim.use_from, claim.use_to};
  const Day day = day_of(claim, date);
  return {day, day};
}

std::string span_text(const Span& span) {
  return day_text(span.from) + " to " + (span.to ? day_text(*span.to) : "no stated end");
}

Force by_source_date(const Programme& programme, const Days& days) {
  const Source& source = programme.sources.front();
  if (source.date && days.first == *source.date && days.last == *source.date) {
    return {InForce::yes, {}, "span unknown: in force on its source's date, " + source.date_text};
  }
  const std::string dated =
      source.date ? "its source's date, " + source.date_text : "no day: its source shows none";
  return {
      InForce::unknown,
      {false, "/span/value", "known to be in force only on " + dated + ". " + programme.span.needs},
      {}};
}

Force by_date(const Programme& programme, const Claim& claim, GoverningDate date) {
  const Days days = days_of(claim, date);
  if (!programme.span.value) return by_source_date(programme, days);
  const Span& span = *programme.span.value;
  const bool first = span.holds(days.first);
  const bool last = span.holds(days.last);
  if (first && last) return {InForce::yes, {}, {}};
  const std::string field = date == GoverningDate::use        ? "/use"
                            : date == GoverningDate::contract ? "/contract/signed"
                                                              : "/application_date";
  const std::string text =
      first != last ? "the days of use cross the end of the version's span, " + span_text(span) +
                          ": claim for the days of each version"
                    : day_text(days.first) + " is not in the version's span, " + span_text(span);
  return {InForce::no, {true, field, text}, {}};
}

}  // namespace

std::string day_text(Day day) {
  const std::chrono::year_month_day date(day);
  const auto padded = [](unsigned value, std::size_t width) {
    std::string text = std::to_string(value);
    return std::string(width - std::min(width, text.size()), '0') + text;
  };
  return padded(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2);
}

Day day_of(const Claim& claim, GoverningDate date) {
  switch (date) {
    case GoverningDate::contract:
      return claim.signed_on;
    case GoverningDate::use:
      return claim.use_from;
    case GoverningDate::application:
      return claim.applied_on;
  }
  return claim.applied_on;
}

Force in_force(const Programme& programme, const Claim& claim) {
  const Rule<GoverningDate>& rule = programme.governing_date;
  if (rule.value) return by_date(programme, claim, *rule.value);
  std::vector<GoverningDate> dates = rule.one_of;
  if (dates.empty()) {
    dates = {GoverningDate::contract, GoverningDate::use, GoverningDate::application};
  }
  Force force = by_date(programme, claim, dates.front());
  for (const GoverningDate date : dates) {
    const Force other = by_date(programme, claim, date);
    if (other.state == force.state) continue;
    return {InForce::unknown,
            {false, "/governing_date/value",
             "by one of the claim's dates the version is in force, by another it is not. " +
                 rule.needs},
            {}};
  }
  return force;
}

}  // namespace assay::pricing::programme
