#include "results/schema_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "results/date_time.h"
#include "results/document.h"
#include "results/embedded.h"
#include "results/json_path.h"
#include "results/near_name.h"
#include "results/schema_node.h"

namespace assay {
namespace {

using nlohmann::json;

/// What does not fit, and where.
struct Misfit {
  std::string pointer;
  std::string what;
  std::string mend;
  unsigned wrong_type = 0;  ///< the types allowed, where the type is what does not fit
  std::string got;
};
using Verdict = std::optional<Misfit>;

Verdict check(const SchemaNode& node, const json& value, const JsonPath& path);

unsigned type_of(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return kNull;
    case json::value_t::boolean:
      return kBoolean;
    case json::value_t::object:
      return kObject;
    case json::value_t::array:
      return kArray;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return kInteger | kNumber;
    case json::value_t::number_float:
      return kNumber;
    case json::value_t::string:
      return kString;
    default:
      return 0;
  }
}

std::string type_names(unsigned types) {
  if ((types & kNumber) != 0) types &= ~kInteger;
  std::string names;
  for (const auto& [bit, name] : {std::pair<unsigned, const char*>{kObject, "an object"},
                                  {kArray, "an array"},
                                  {kString, "a string"},
                                  {kInteger, "an integer"},
                                  {kNumber, "a number"},
                                  {kBoolean, "true or false"},
                                  {kNull, "null"}}) {
    if ((types & bit) == 0) continue;
    names += (names.empty() ? "" : " or ");
    names += name;
  }
  return names;
}

/// A value as a message shows it; of objects and arrays only the kind.
std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  if (value.is_string()) return "\"" + excerpt(value.get_ref<const std::string&>()) + "\"";
  return value.dump();
}

Verdict misfit(const JsonPath& path, std::string what, std::string mend = {}) {
  return Misfit{pointer_text(path), std::move(what), std::move(mend), 0, {}};
}

Verdict type_misfit(const JsonPath& path, unsigned allowed, const std::string& got) {
  return Misfit{pointer_text(path),
                fmt::format("expected {}, got {}", type_names(allowed), got),
                {},
                allowed,
                got};
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

bool found_in(const TextPattern& pattern, const std::string& text) {
  // The standard library's matcher recurses once per character; long texts would exhaust the stack.
  constexpr std::size_t kLongest = 512;
  return text.size() <= kLongest && std::regex_search(text, pattern.expression);
}

Verdict check_string(const SchemaNode& node, const json& value, const JsonPath& path) {
  const std::string& text = value.get_ref<const std::string&>();
  if (node.min_length && code_points(text) < *node.min_length) {
    return misfit(path, text.empty() ? "must not be empty"
                                     : fmt::format("must have {} characters or more, got {}",
                                                   *node.min_length, shown(value)));
  }
  if (node.max_length && code_points(text) > *node.max_length) {
    return misfit(path, fmt::format("must have {} characters at most, got {}", *node.max_length,
                                    code_points(text)));
  }
  if (node.pattern && !found_in(*node.pattern, text)) {
    return misfit(path, fmt::format("{} does not match {}", shown(value), node.pattern->source));
  }
  if (node.format == TextFormat::date && !is_date(text)) {
    return misfit(path, fmt::format("{} is not a date", shown(value)), "write it as 2026-01-31");
  }
  if (node.format == TextFormat::date_time && !is_date_time(text)) {
    return misfit(path, fmt::format("{} is not a time of RFC 3339", shown(value)),
                  "write it as 2026-01-31T13:45:00Z");
  }
  return {};
}

Verdict check_number(const SchemaNode& node, const json& value, const JsonPath& path) {
  const double number = value.get<double>();
  const auto outside = [&](const char* relation, double bound) {
    return misfit(path, fmt::format("must be {} {}, got {}", relation, canonical_number(bound),
                                    value.dump()));
  };
  if (node.minimum && number < *node.minimum) return outside("at least", *node.minimum);
  if (node.maximum && number > *node.maximum) return outside("at most", *node.maximum);
  if (node.exclusive_minimum && number <= *node.exclusive_minimum) {
    return outside("more than", *node.exclusive_minimum);
  }
  if (node.exclusive_maximum && number >= *node.exclusive_maximum) {
    return outside("less than", *node.exclusive_maximum);
  }
  return {};
}

Verdict check_array(const SchemaNode& node, const json& value, const JsonPath& path) {
  if (node.min_items && value.size() < *node.min_items) {
    return misfit(
        path, fmt::format("must have {} elements or more, got {}", *node.min_items, value.size()));
  }
  if (node.max_items && value.size() > *node.max_items) {
    return misfit(
        path, fmt::format("must have {} elements at most, got {}", *node.max_items, value.size()));
  }
  if (node.items != nullptr) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (Verdict verdict = check(*node.items, value[i], path.element(i))) return verdict;
    }
  }
  if (node.unique_items) {
    const auto less = [](const json* a, const json* b) { return *a < *b; };
    std::set<const json*, decltype(less)> seen(less);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!seen.insert(&value[i]).second) {
        return misfit(path.element(i), fmt::format("{} stands twice", shown(value[i])));
      }
    }
  }
  return {};
}

Verdict unknown_field(const SchemaNode& node, const std::string& key, const JsonPath& path) {
  std::vector<std::string> names;
  for (const auto& [name, property] : node.properties) names.push_back(name);
  const std::string near = near_name(key, names);
  std::string mend;
  if (!near.empty()) {
    mend = fmt::format("did you mean \"{}\"?", near);
  } else if (!node.pattern_properties.empty()) {
    mend = "a name must match " + node.pattern_properties.front().first.source;
  } else if (!names.empty()) {
    mend = "allowed:";
    for (const std::string& name : names) mend += " " + name;
  }
  return misfit(path, fmt::format("unknown field \"{}\"", excerpt(key)), mend);
}

/// Unknown fields first (a typing error is one and also leaves another missing), then the fields
/// present, then those missing.
Verdict check_object(const SchemaNode& node, const json& value, const JsonPath& path) {
  std::vector<std::pair<const SchemaNode*, json::const_iterator>> present;
  for (auto member = value.begin(); member != value.end(); ++member) {
    const std::string& key = member.key();
    bool known = false;
    if (const auto found = node.properties.find(key); found != node.properties.end()) {
      present.emplace_back(found->second, member);
      known = true;
    }
    for (const auto& [pattern, property] : node.pattern_properties) {
      if (!found_in(pattern, key)) continue;
      present.emplace_back(property, member);
      known = true;
    }
    if (known) continue;
    if (node.closed) return unknown_field(node, key, path);
    if (node.additional != nullptr) present.emplace_back(node.additional, member);
  }
  for (const auto& [property, member] : present) {
    if (Verdict verdict = check(*property, *member, path.member(member.key()))) return verdict;
  }
  for (const std::string& name : node.required) {
    if (!value.contains(name)) return misfit(path, fmt::format("missing field \"{}\"", name));
  }
  return {};
}

const SchemaNode& behind_references(const SchemaNode& node) {
  const SchemaNode* target = &node;
  while (target->reference != nullptr) target = target->reference;
  return *target;
}

/// How many of an object's fields fit a branch: the branch its author meant has most.
int fitting_fields(const SchemaNode& branch, const json& value) {
  const SchemaNode& node = behind_references(branch);
  if (!value.is_object()) return 0;
  int fitting = 0;
  for (auto member = value.begin(); member != value.end(); ++member) {
    const auto property = node.properties.find(member.key());
    if (property != node.properties.end() && !check(*property->second, *member, {})) ++fitting;
  }
  return fitting;
}

/// Reports against the branch that fits best. Where branches want other types at one place, the
/// report names all of them.
Verdict check_branches(const std::vector<const SchemaNode*>& branches, bool exactly_one,
                       const json& value, const JsonPath& path) {
  std::size_t fits = 0;
  std::vector<std::pair<int, Misfit>> misfits;
  for (const SchemaNode* branch : branches) {
    Verdict verdict = check(*branch, value, path);
    if (!verdict) {
      ++fits;
      if (!exactly_one) return {};
    } else {
      misfits.emplace_back(fitting_fields(*branch, value), std::move(*verdict));
    }
  }
  if (fits == 1) return {};
  if (fits > 1) return misfit(path, "fits more than one of the forms allowed here");
  const auto by_fit = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto& [best_fit, best] = *std::max_element(misfits.begin(), misfits.end(), by_fit);
  unsigned types = best.wrong_type;
  for (const auto& [fit, other] : misfits) {
    if (types != 0 && fit == best_fit && other.pointer == best.pointer) types |= other.wrong_type;
  }
  if (types == best.wrong_type) return best;
  return Misfit{best.pointer, fmt::format("expected {}, got {}", type_names(types), best.got),
                best.mend, types, best.got};
}

Verdict check_allowed(const SchemaNode& node, const json& value, const JsonPath& path) {
  if (node.allowed.empty() ||
      std::find(node.allowed.begin(), node.allowed.end(), value) != node.allowed.end()) {
    return {};
  }
  std::string list;
  std::vector<std::string> names;
  for (const json& allowed : node.allowed) {
    list += (list.empty() ? "" : ", ") + allowed.dump();
    if (allowed.is_string()) names.push_back(allowed.get<std::string>());
  }
  const std::string near =
      value.is_string() && names.size() > 1 ? near_name(value.get<std::string>(), names) : "";
  return misfit(
      path,
      fmt::format("expected {}{}, got {}", names.size() > 1 ? "one of " : "", list, shown(value)),
      near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
}

Verdict check(const SchemaNode& node, const json& value, const JsonPath& path) {
  const unsigned type = type_of(value);
  if (type == 0) return misfit(path, "holds a value that JSON does not know");
  if (node.types != 0 && (node.types & type) == 0) {
    return type_misfit(path, node.types, shown(value));
  }
  if (Verdict verdict = check_allowed(node, value, path)) return verdict;
  if (node.reference != nullptr) {
    if (Verdict verdict = check(*node.reference, value, path)) return verdict;
  }
  Verdict verdict;
  if ((type & kString) != 0) verdict = check_string(node, value, path);
  if ((type & kNumber) != 0) verdict = check_number(node, value, path);
  if ((type & kArray) != 0) verdict = check_array(node, value, path);
  if ((type & kObject) != 0) verdict = check_object(node, value, path);
  if (!verdict && !node.one_of.empty()) verdict = check_branches(node.one_of, true, value, path);
  if (!verdict && !node.any_of.empty()) verdict = check_branches(node.any_of, false, value, path);
  return verdict;
}

/// JSON has no NaN and no infinity, but a document made in memory may hold one anywhere.
Verdict check_finite(const json& value, const JsonPath& path) {
  if (value.is_object()) {
    for (auto member = value.begin(); member != value.end(); ++member) {
      if (Verdict verdict = check_finite(*member, path.member(member.key()))) return verdict;
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (Verdict verdict = check_finite(value[i], path.element(i))) return verdict;
    }
  } else if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    return misfit(path, "the number is not finite");
  }
  return {};
}

void require_fit(const Verdict& verdict, const std::string& where) {
  if (verdict) throw input_error(verdict->what, place(where, verdict->pointer), verdict->mend);
}

}  // namespace

Schema::Schema(const json& source, std::string name)
    : name_(std::move(name)),
      compiled_(std::make_unique<CompiledSchema>(compile_schema(source, name_))) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

void Schema::check(const json& document, const std::string& where) const {
  const SchemaNode& root = *compiled_->root;
  const JsonPath path;
  const auto kind = root.properties.find("schema");
  if (kind != root.properties.end() && document.is_object() && document.contains("schema")) {
    require_fit(assay::check(*kind->second, document.at("schema"), path.member("schema")), where);
  }
  require_fit(check_finite(document, path), where);
  require_fit(assay::check(root, document, path), where);
}

void Schema::check_definition(std::string_view definition, const json& part,
                              const std::string& where) const {
  const auto found = compiled_->definitions.find(definition);
  if (found == compiled_->definitions.end()) {
    throw input_error(fmt::format("there is no definition \"{}\"", definition), name_);
  }
  require_fit(check_finite(part, {}), where);
  require_fit(assay::check(*found->second, part, {}), where);
}

Schema document_schema(std::string_view kind) {
  const std::string file_name = fmt::format("{}.schema.json", kind);
  const std::string_view text = embedded_schema(file_name);
  if (text.empty()) throw input_error(fmt::format("there is no document kind \"{}\"", kind));
  return {parse_json(text, file_name), file_name};
}

}  // namespace assay
