#pragma once
/// What all document kinds share: strict parsing, schemas, canonical form, digests.
///
/// A document is a JSON object with a field `schema`: {"name": "assay.<kind>", "version": n}. Its
/// form is results/schema/<kind>.schema.json, which travels inside the program. To add a kind, add
/// a schema there and a header that turns it into a struct.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace assay {

/// Parses JSON (RFC 8259) strictly. Duplicate keys, numbers beyond a double or, without fraction
/// and exponent, beyond 64 bits, invalid UTF-8, a byte order mark, zero bytes, text after the end,
/// truncation and nesting deeper than 100 levels are input errors that name `where` (a file) and
/// the line and column, or the JSON path.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& where);

/// Reads a whole file. Errors: input_error (missing, unreadable, larger than 256 MiB).
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Validates against the embedded schema of `kind` ("result", "certificate", "cost-sheet",
/// "rate-card", "basket", ...: results/schema/<kind>.schema.json). Errors: input_error naming the
/// JSON path, what is wrong and what is allowed there. A non-finite number never passes.
void validate(const nlohmann::json& document, std::string_view kind, const std::string& where);

/// The same against one definition ($defs/<definition>) of that schema: a part of a document.
void validate_part(const nlohmann::json& part, std::string_view kind, std::string_view definition,
                   const std::string& where);

/// parse_json of the file, then validate.
[[nodiscard]] nlohmann::json read_document(const std::filesystem::path& path,
                                           std::string_view kind);

/// RFC 8785 canonical form. Errors: input_error for keys that are not ASCII, strings that are not
/// UTF-8, numbers that are not finite, or integers beyond 2^53 (the house rule: such figures are
/// decimal strings).
[[nodiscard]] std::string canonical_json(const nlohmann::json& document);

/// A finite double as ECMAScript prints it (ECMA-262, Number::toString; RFC 8785 section 3.2.2.3):
/// the shortest digits that read back as the same double. Errors: input_error where not finite.
[[nodiscard]] std::string canonical_number(double value);

/// A string as readable_json and canonical_json write it, appended: for documents that are
/// written without a tree of them. Errors: input_error where it is not UTF-8.
void append_json_string(std::string& out, std::string_view text);

/// Where the first byte stands that is of no UTF-8 character; npos where there is none.
[[nodiscard]] std::size_t first_not_utf8(std::string_view text);

/// SHA-256 in lower-case hex.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::string sha256_hex_of_file(const std::filesystem::path& path);

/// sha256_hex(canonical_json(document)): a document's name.
[[nodiscard]] std::string digest(const nlohmann::json& document);

/// The document as people read it: indented by two spaces, arrays of scalars on one line. Numbers
/// keep their kind (3.0 stays 3.0). Errors: as canonical_json.
[[nodiscard]] std::string readable_json(const nlohmann::json& document);

/// Writes readable_json, atomically (atomic_file.h).
void write_document(const std::filesystem::path& path, const nlohmann::json& document);

}  // namespace assay
