#pragma once
/// What all document kinds share: strict parsing, schemas, canonical form, digests.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace assay {

/// Parses JSON strictly: duplicate keys, non-finite numbers, invalid UTF-8, trailing text and
/// truncation are input errors that name `where` (a file) and the line, column or path.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& where);

/// Reads a whole file. Errors: input_error (missing, unreadable, larger than 256 MiB).
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Validates against the embedded schema of `kind` ("result", "certificate", "cost-sheet",
/// "rate-card", "basket", ...: results/schema/<kind>.schema.json). Errors: input_error naming the
/// JSON path, what is wrong and what is allowed there.
void validate(const nlohmann::json& document, std::string_view kind, const std::string& where);

/// parse_json of the file, then validate.
[[nodiscard]] nlohmann::json read_document(const std::filesystem::path& path,
                                           std::string_view kind);

/// RFC 8785 canonical form. Errors: input_error for keys that are not ASCII or integers beyond
/// 2^53 (the house rule: such figures are decimal strings).
[[nodiscard]] std::string canonical_json(const nlohmann::json& document);

/// SHA-256 in lower-case hex.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::string sha256_hex_of_file(const std::filesystem::path& path);

/// sha256_hex(canonical_json(document)): a document's name.
[[nodiscard]] std::string digest(const nlohmann::json& document);

/// Writes the document, indented by two spaces, atomically (atomic_file.h).
void write_document(const std::filesystem::path& path, const nlohmann::json& document);

}  // namespace assay
