#pragma once
/// A compiled JSON Schema, as schema_compile.cpp makes it and schema_validator.cpp walks it.
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace assay {

/// Bits of SchemaNode::types. An integer is a number too.
inline constexpr unsigned kNull = 1;
inline constexpr unsigned kBoolean = 2;
inline constexpr unsigned kObject = 4;
inline constexpr unsigned kArray = 8;
inline constexpr unsigned kInteger = 16;
inline constexpr unsigned kNumber = 32;
inline constexpr unsigned kString = 64;

enum class TextFormat { none, date, date_time };

struct TextPattern {
  std::string source;
  std::regex expression;  ///< ECMAScript; found anywhere in the text unless anchored
};

struct SchemaNode {
  unsigned types = 0;                   ///< 0: any
  std::vector<nlohmann::json> allowed;  ///< enum, or the one value of const; empty: any

  std::map<std::string, const SchemaNode*, std::less<>> properties;
  std::vector<std::pair<TextPattern, const SchemaNode*>> pattern_properties;
  std::vector<std::string> required;
  bool closed = false;                     ///< additionalProperties: false
  const SchemaNode* additional = nullptr;  ///< additionalProperties: a schema

  const SchemaNode* items = nullptr;
  std::optional<std::size_t> min_items, max_items;
  bool unique_items = false;

  std::optional<TextPattern> pattern;
  TextFormat format = TextFormat::none;
  std::optional<std::size_t> min_length, max_length;  ///< in code points

  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum;

  std::vector<const SchemaNode*> one_of, any_of;
  const SchemaNode* reference = nullptr;
};

struct CompiledSchema {
  std::vector<std::unique_ptr<SchemaNode>> nodes;  ///< all of them; they point to each other
  const SchemaNode* root = nullptr;
  std::map<std::string, const SchemaNode*, std::less<>> definitions;
};

/// Errors: input_error as Schema's constructor has them.
[[nodiscard]] CompiledSchema compile_schema(const nlohmann::json& source, const std::string& name);

}  // namespace assay
