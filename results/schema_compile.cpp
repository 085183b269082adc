/// From the JSON of a schema to nodes, refusing every keyword that is not known.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/error.h"
#include "results/json_path.h"
#include "results/schema_node.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr std::string_view kDefinitionPrefix = "#/$defs/";

unsigned type_bit(const std::string& type) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 7> kTypes{{{"null", kNull},
                                                                         {"boolean", kBoolean},
                                                                         {"object", kObject},
                                                                         {"array", kArray},
                                                                         {"integer", kInteger},
                                                                         {"number", kNumber},
                                                                         {"string", kString}}};
  for (const auto& [name, bit] : kTypes) {
    if (name == type) return bit;
  }
  return 0;
}

class Compiler {
 public:
  explicit Compiler(const std::string& name) : name_(name) {}

  CompiledSchema compile(const json& source) {
    const JsonPath root;
    SchemaNode& node = add_node();
    if (source.is_object() && source.contains("$defs")) {
      const json& definitions = source["$defs"];
      const JsonPath path = root.member("$defs");
      if (!definitions.is_object()) fail("expected an object", path);
      // Nodes first, so that definitions may refer to each other in any order.
      for (const auto& [key, value] : definitions.items()) {
        compiled_.definitions[key] = definition_nodes_[key] = &add_node();
      }
      for (const auto& [key, value] : definitions.items()) {
        fill(*definition_nodes_[key], value, path.member(key));
      }
    }
    fill(node, source, root);
    compiled_.root = &node;
    for (const auto& each : compiled_.nodes) refuse_circle(*each);
    return std::move(compiled_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, const JsonPath& path) const {
    throw input_error(what, place(name_, pointer_text(path)));
  }

  SchemaNode& add_node() {
    compiled_.nodes.push_back(std::make_unique<SchemaNode>());
    return *compiled_.nodes.back();
  }

  const SchemaNode* make(const json& source, const JsonPath& path) {
    SchemaNode& node = add_node();
    fill(node, source, path);
    return &node;
  }

  [[nodiscard]] std::string text(const json& value, const JsonPath& path) const {
    if (!value.is_string()) fail("expected a string", path);
    return value.get<std::string>();
  }
  [[nodiscard]] std::size_t count(const json& value, const JsonPath& path) const {
    if (!value.is_number_unsigned()) fail("expected a count", path);
    return value.get<std::size_t>();
  }
  [[nodiscard]] double number(const json& value, const JsonPath& path) const {
    if (!value.is_number()) fail("expected a number", path);
    return value.get<double>();
  }
  [[nodiscard]] TextPattern pattern(const std::string& source, const JsonPath& path) const {
    try {
      return {source, std::regex(source, std::regex::ECMAScript | std::regex::optimize)};
    } catch (const std::regex_error&) {
      fail(fmt::format("\"{}\" is not a regular expression", excerpt(source)), path);
    }
  }
  std::vector<const SchemaNode*> branches(const json& value, const JsonPath& path) {
    if (!value.is_array() || value.empty()) fail("expected an array of schemas", path);
    std::vector<const SchemaNode*> nodes;
    for (std::size_t i = 0; i < value.size(); ++i) {
      nodes.push_back(make(value[i], path.element(i)));
    }
    return nodes;
  }

  void fill(SchemaNode& node, const json& source, const JsonPath& path) {
    if (!source.is_object()) fail("a schema is an object", path);
    for (auto member = source.begin(); member != source.end(); ++member) {
      const JsonPath at = path.member(member.key());
      if (!fill_object_keyword(node, member.key(), *member, at) &&
          !fill_value_keyword(node, member.key(), *member, at)) {
        fail(fmt::format("unknown keyword \"{}\"", member.key()), path);
      }
    }
    for (const std::string& name : node.required) {
      if (!node.properties.contains(name)) {
        fail(fmt::format("\"{}\" is required but not a property", name), path);
      }
    }
  }

  bool fill_object_keyword(SchemaNode& node, const std::string& keyword, const json& value,
                           const JsonPath& path) {
    if (keyword == "properties" || keyword == "patternProperties") {
      if (!value.is_object()) fail("expected an object", path);
      for (auto member = value.begin(); member != value.end(); ++member) {
        const JsonPath at = path.member(member.key());
        const SchemaNode* property = make(*member, at);
        if (keyword == "properties") {
          node.properties[member.key()] = property;
        } else {
          node.pattern_properties.emplace_back(pattern(member.key(), at), property);
        }
      }
    } else if (keyword == "required") {
      if (!value.is_array()) fail("expected an array of names", path);
      for (const json& name : value) node.required.push_back(text(name, path));
    } else if (keyword == "additionalProperties") {
      if (value == json(false)) {
        node.closed = true;
      } else {
        node.additional = make(value, path);
      }
    } else if (keyword == "items") {
      node.items = make(value, path);
    } else if (keyword == "minItems") {
      node.min_items = count(value, path);
    } else if (keyword == "maxItems") {
      node.max_items = count(value, path);
    } else if (keyword == "uniqueItems") {
      if (!value.is_boolean()) fail("expected true or false", path);
      node.unique_items = value.get<bool>();
    } else if (keyword == "oneOf") {
      node.one_of = branches(value, path);
    } else if (keyword == "anyOf") {
      node.any_of = branches(value, path);
    } else if (keyword == "$ref") {
      node.reference = resolve(text(value, path), path);
    } else {
      return false;
    }
    return true;
  }

  bool fill_value_keyword(SchemaNode& node, const std::string& keyword, const json& value,
                          const JsonPath& path) {
    if (keyword == "type") {
      const json types = value.is_array() ? value : json::array({value});
      for (const json& type : types) {
        const unsigned bit = type_bit(text(type, path));
        if (bit == 0) fail(fmt::format("unknown type {}", type.dump()), path);
        node.types |= bit;
      }
      if (node.types == 0) fail("expected at least one type", path);
    } else if (keyword == "enum") {
      if (!value.is_array() || value.empty()) fail("expected an array of values", path);
      node.allowed.assign(value.begin(), value.end());
    } else if (keyword == "const") {
      node.allowed = {value};
    } else if (keyword == "pattern") {
      node.pattern = pattern(text(value, path), path);
    } else if (keyword == "format") {
      const std::string format = text(value, path);
      if (format != "date" && format != "date-time") fail("unknown format " + format, path);
      node.format = format == "date" ? TextFormat::date : TextFormat::date_time;
    } else if (keyword == "minLength") {
      node.min_length = count(value, path);
    } else if (keyword == "maxLength") {
      node.max_length = count(value, path);
    } else if (keyword == "minimum") {
      node.minimum = number(value, path);
    } else if (keyword == "maximum") {
      node.maximum = number(value, path);
    } else if (keyword == "exclusiveMinimum") {
      node.exclusive_minimum = number(value, path);
    } else if (keyword == "exclusiveMaximum") {
      node.exclusive_maximum = number(value, path);
    } else {
      return annotation(keyword, value, path);
    }
    return true;
  }

  bool annotation(const std::string& keyword, const json& value, const JsonPath& path) const {
    constexpr std::array<std::string_view, 5> kAnnotations{"$schema", "$id", "$comment", "title",
                                                           "description"};
    if (std::find(kAnnotations.begin(), kAnnotations.end(), keyword) != kAnnotations.end()) {
      if (keyword == "$schema" &&
          text(value, path) != "https://json-schema.org/draft/2020-12/schema") {
        fail("is not the dialect 2020-12", path);
      }
      return value.is_string();
    }
    return keyword == "$defs" && path.parent != nullptr && path.parent->parent == nullptr;
  }

  [[nodiscard]] const SchemaNode* resolve(const std::string& reference,
                                          const JsonPath& path) const {
    if (reference.starts_with(kDefinitionPrefix)) {
      const auto found = compiled_.definitions.find(reference.substr(kDefinitionPrefix.size()));
      if (found != compiled_.definitions.end()) return found->second;
    }
    fail(fmt::format("\"{}\" leads to no definition of this schema", excerpt(reference)), path);
  }

  /// A node that reaches itself without a step into the document would be judged for ever.
  void refuse_circle(const SchemaNode& start) const {
    std::set<const SchemaNode*> seen;
    std::vector<const SchemaNode*> open{&start};
    while (!open.empty()) {
      const SchemaNode* node = open.back();
      open.pop_back();
      std::vector<const SchemaNode*> next = node->one_of;
      next.insert(next.end(), node->any_of.begin(), node->any_of.end());
      if (node->reference != nullptr) next.push_back(node->reference);
      for (const SchemaNode* each : next) {
        if (each == &start) throw input_error("references run in a circle", name_);
        if (seen.insert(each).second) open.push_back(each);
      }
    }
  }

  const std::string& name_;
  CompiledSchema compiled_;
  std::map<std::string, SchemaNode*> definition_nodes_;
};

}  // namespace

CompiledSchema compile_schema(const json& source, const std::string& name) {
  return Compiler(name).compile(source);
}

}  // namespace assay
