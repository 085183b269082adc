/// RFC 8785 (JSON Canonicalization Scheme), and the indented form for people.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay {
namespace {

using nlohmann::json;

/// Largest magnitude up to which all integers are doubles, so that any reader keeps them exact.
constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;

/// Length in bytes of the UTF-8 sequence that begins at `text[at]`, or 0 where it is ill-formed.
/// The Unicode Standard, table 3-7: no overlong forms, no surrogates, nothing over U+10FFFF.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0) return 0;
  const unsigned low = first == 0xE0 ? 0xA0U : first == 0xF0 ? 0x90U : 0x80U;
  const unsigned high = first == 0xED ? 0x9FU : first == 0xF4 ? 0x8FU : 0xBFU;
  if (byte(at + 1) < low || byte(at + 1) > high) return 0;
  for (std::size_t i = at + 2; i < at + length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

/// How many bytes at its start are ASCII and stand in a JSON string as they are.
std::size_t plain_length(std::string_view text) {
  const auto plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  };
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), plain) - text.begin());
}

/// RFC 8785, section 3.2.2.2: only what must be escaped is.
void append_string(std::string& out, std::string_view text, const JsonPath& path) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t plain = plain_length(text.substr(i));
    out.append(text, i, plain);
    i += plain;
    if (i == text.size()) break;
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      throw input_error(fmt::format("\"{}\" is not UTF-8", excerpt(text)), pointer_text(path));
    }
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out.append(text, i, length);
        }
    }
    i += length;
  }
  out += '"';
}

void append_key(std::string& out, const std::string& key, const JsonPath& path) {
  for (const char c : key) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      throw input_error(fmt::format("the key \"{}\" is not ASCII", excerpt(key)),
                        pointer_text(path));
    }
  }
  append_string(out, key, path);
}

/// Numbers, strings and literals. `canonical` prints numbers as ECMAScript does; otherwise a
/// floating-point number keeps its fraction or exponent, so that it is read as one again.
void append_scalar(std::string& out, const json& value, const JsonPath& path, bool canonical) {
  switch (value.type()) {
    case json::value_t::null:
      out += "null";
      return;
    case json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case json::value_t::string:
      append_string(out, value.get_ref<const std::string&>(), path);
      return;
    case json::value_t::number_unsigned:
    case json::value_t::number_integer: {
      const bool fits = value.is_number_unsigned()
                            ? value.get<std::uint64_t>() <= std::uint64_t{kExactInteger}
                            : value.get<std::int64_t>() >= -kExactInteger &&
                                  value.get<std::int64_t>() <= kExactInteger;
      if (!fits) {
        throw input_error(fmt::format("the integer {} is beyond 2^53", value.dump()),
                          pointer_text(path), "such figures are decimal strings");
      }
      out += std::to_string(value.get<std::int64_t>());
      return;
    }
    case json::value_t::number_float: {
      const double number = value.get<double>();
      if (!std::isfinite(number)) {
        throw input_error("the number is not finite", pointer_text(path));
      }
      std::string text = canonical_number(number);
      if (!canonical && text.find_first_of(".e") == std::string::npos) text += ".0";
      out += text;
      return;
    }
    default:
      throw input_error("holds a value that JSON does not know", pointer_text(path));
  }
}

void append_canonical(std::string& out, const json& value, const JsonPath& path) {
  if (value.is_object()) {
    // The library keeps keys in byte order, which for ASCII is the order of UTF-16 code units.
    char before = '{';
    for (auto member = value.begin(); member != value.end(); ++member) {
      out += before;
      before = ',';
      append_key(out, member.key(), path);
      out += ':';
      append_canonical(out, *member, path.member(member.key()));
    }
    out += before == '{' ? "{}" : "}";
  } else if (value.is_array()) {
    out += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ',';
      append_canonical(out, value[i], path.element(i));
    }
    out += ']';
  } else {
    append_scalar(out, value, path, true);
  }
}

void append_readable(std::string& out, const json& value, const JsonPath& path,
                     std::size_t indent) {
  if (!value.is_structured()) return append_scalar(out, value, path, false);
  if (value.empty()) {
    out += value.is_object() ? "{}" : "[]";
    return;
  }
  const std::string margin(indent + 2, ' ');
  if (value.is_object()) {
    const char* before = "{\n";
    for (auto member = value.begin(); member != value.end(); ++member) {
      out += before + margin;
      before = ",\n";
      append_key(out, member.key(), path);
      out += ": ";
      append_readable(out, *member, path.member(member.key()), indent + 2);
    }
    out += "\n" + std::string(indent, ' ') + "}";
    return;
  }
  bool one_line = true;
  for (const json& element : value) one_line = one_line && !element.is_structured();
  for (std::size_t i = 0; i < value.size(); ++i) {
    out += i == 0 ? "[" : ",";
    out += one_line ? (i == 0 ? "" : " ") : "\n" + margin;
    append_readable(out, value[i], path.element(i), indent + 2);
  }
  out += one_line ? "]" : "\n" + std::string(indent, ' ') + "]";
}

}  // namespace

std::string canonical_number(double value) {
  if (!std::isfinite(value)) throw input_error("the number is not finite");
  if (value == 0.0) return "0";  // also for -0 (RFC 8785, appendix B)
  // Shortest digits d.ddd and the decimal exponent n of ECMA-262: value = 0.dddd * 10^n.
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t mark = text.find('e');
  std::string digits(1, text[0]);
  if (mark > 2) digits += text.substr(2, mark - 2);
  const bool negative_exponent = text[mark + 1] == '-';
  int exponent = 0;
  std::from_chars(text.data() + mark + 2, text.data() + text.size(), exponent);
  const int point = (negative_exponent ? -exponent : exponent) + 1;
  const int count = static_cast<int>(digits.size());

  std::string out = value < 0.0 ? "-" : "";
  if (count <= point && point <= 21) {
    return out + digits + std::string(static_cast<std::size_t>(point - count), '0');
  }
  if (0 < point && point <= 21) {
    const auto whole = static_cast<std::size_t>(point);
    return out + digits.substr(0, whole) + "." + digits.substr(whole);
  }
  if (-6 < point && point <= 0) {
    return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  }
  out += digits[0];
  if (count > 1) out += "." + digits.substr(1);
  return out + fmt::format("e{:+d}", point - 1);
}

void append_json_string(std::string& out, std::string_view text) {
  append_string(out, text, {});
}

std::size_t first_not_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

std::string canonical_json(const json& document) {
  std::string out;
  append_canonical(out, document, {});
  return out;
}

std::string readable_json(const json& document) {
  std::string out;
  append_readable(out, document, {}, 0);
  return out;
}

}  // namespace assay
