/// parse_json: nlohmann/json's lexer under a stricter reader.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay {
namespace {

using nlohmann::json;

/// "file:3:14" for a byte offset: what editors jump to.
std::string position_text(const std::string& where, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_start = before.rfind('\n');
  const std::size_t column =
      before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1;
  return fmt::format("{}:{}:{}", where, line, column);
}

/// The library's message without its number, its position and the text it read last.
std::string plain_message(const std::string& library_message) {
  const std::size_t column = library_message.find("column ");
  std::size_t begin = column == std::string::npos ? column : library_message.find(": ", column);
  begin = begin == std::string::npos ? library_message.find("] ") : begin;
  std::string message =
      begin == std::string::npos ? library_message : library_message.substr(begin + 2);
  const std::size_t read = message.find("; last read: '");
  if (read != std::string::npos) {
    const std::size_t expected = message.rfind("; expected ");
    message = message.substr(0, read) +
              (expected != std::string::npos && expected > read ? message.substr(expected) : "");
  }
  return excerpt(message).size() > 3 && message.size() < 200 ? message : "syntax error";
}

/// Builds the document from the lexer's events and refuses what the library lets pass.
class Builder {
 public:
  Builder(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  [[nodiscard]] json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& token) {
    if (token.find_first_of(".eE") == std::string::npos) {
      throw input_error(fmt::format("the integer {} does not fit 64 bits", excerpt(token)),
                        place(where_, path() + next_step()),
                        "write exact figures of that size as decimal strings");
    }
    return add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(json::binary_t& value) { return add(json::binary(std::move(value))); }

  bool start_object(std::size_t /*count*/) { return open(json::object()); }
  bool start_array(std::size_t /*count*/) { return open(json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    json& object = *open_.back();
    if (object.contains(name)) {
      throw input_error(fmt::format("the key \"{}\" stands twice", excerpt(name)),
                        place(where_, path()));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*last_token*/,
                   const json::exception& error) {
    throw input_error(plain_message(error.what()),
                      position_text(where_, text_, position == 0 ? 0 : position - 1));
  }

 private:
  static constexpr std::size_t kDeepest = 100;

  /// Pointer to the innermost container that is open.
  [[nodiscard]] std::string path() const {
    std::string text;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      const json& outer = *open_[i];
      if (outer.is_array()) {
        text += "/" + std::to_string(outer.size() - 1);
        continue;
      }
      for (auto member = outer.begin(); member != outer.end(); ++member) {
        if (&*member == open_[i + 1]) text += "/" + excerpt(member.key());
      }
    }
    return text;
  }

  /// The step from the innermost container to the value that comes next.
  [[nodiscard]] std::string next_step() const {
    if (open_.empty()) return {};
    const json& container = *open_.back();
    return "/" + (container.is_array() ? std::to_string(container.size()) : excerpt(key_));
  }

  /// Puts a value where the text stands and returns it.
  json& put(json&& value) {
    if (open_.empty()) return root_ = std::move(value);
    json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return container.back();
    }
    return container[key_] = std::move(value);
  }

  bool add(json value) {
    put(std::move(value));
    return true;
  }

  bool open(json&& container) {
    if (open_.size() >= kDeepest) {
      throw input_error(fmt::format("nested deeper than {} levels", kDeepest), where_);
    }
    open_.push_back(&put(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& where_;
  json root_;
  /// Containers not yet closed, outermost first. Growing an array moves its elements, but only
  /// while none of them is open.
  std::vector<json*> open_;
  std::string key_;
};

}  // namespace

json parse_json(std::string_view text, const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw input_error("starts with a byte order mark", where, "save it as UTF-8 without one");
  }
  // The lexer takes a zero byte for the end of the text, and what follows would go unread.
  const std::size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    throw input_error("holds a zero byte", position_text(where, text, zero));
  }
  Builder builder(text, where);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

}  // namespace assay
