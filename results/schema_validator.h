#pragma once
/// JSON Schema 2020-12, the part that Assay's documents need, with errors a person can act on.
///
/// Keywords: type, properties, required, additionalProperties, patternProperties, items, minItems,
/// maxItems, uniqueItems, enum, const, pattern, format ("date-time", "date", asserted), minimum,
/// maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, oneOf, anyOf, $ref (to
/// "#/$defs/<name>" only), $defs (at the root), and the annotations $schema, $id, $comment, title,
/// description. Any other keyword makes the schema unusable: a typing error in a schema can't
/// loosen it.
///
/// Stricter than the standard in three ways: an integer must be written as one (not 1.0), a number
/// must be finite, and a string of over 512 bytes never fits a `pattern`.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace assay {

struct CompiledSchema;

class Schema {
 public:
  /// Compiles a schema. `name` stands in errors. Errors: input_error naming the keyword that is
  /// unknown or ill-formed, or the reference that leads nowhere or round in a circle.
  Schema(const nlohmann::json& source, std::string name);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  /// Errors: input_error, "<where>: /path: what is wrong (what is allowed)". The field `schema`,
  /// where there is one, is judged first: it says what kind of document this is.
  void check(const nlohmann::json& document, const std::string& where) const;
  /// Checks against $defs/<definition>.
  void check_definition(std::string_view definition, const nlohmann::json& part,
                        const std::string& where) const;

 private:
  std::string name_;
  std::unique_ptr<CompiledSchema> compiled_;
};

/// The schema results/schema/<kind>.schema.json. Errors: input_error for an unknown kind.
[[nodiscard]] Schema document_schema(std::string_view kind);

}  // namespace assay
