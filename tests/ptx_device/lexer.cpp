#include "ptx_device/lexer.h"

#include <fmt/format.h>

#include <cctype>

#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' ||
         c == '.';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (skip_space()) tokens.push_back(next());
    tokens.push_back({Token::Kind::end, {}, line_});
    return tokens;
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  /// Moves to the next token; false at the end.
  bool skip_space() {
    while (at_ < text_.size()) {
      if (text_[at_] == '\n') ++line_;
      if (std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
        ++at_;
      } else if (peek() == '/' && peek(1) == '/') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (peek() == '/' && peek(1) == '*') {
        skip_comment();
      } else {
        return true;
      }
    }
    return false;
  }

  void skip_comment() {
    at_ += 2;
    while (at_ < text_.size() && !(peek() == '*' && peek(1) == '/')) {
      if (text_[at_] == '\n') ++line_;
      ++at_;
    }
    at_ += 2;
  }

  Token next() {
    const std::size_t begin = at_;
    if (peek() == '"') return string();
    if (is_digit(peek())) {
      while (is_word_character(peek())) ++at_;
      return {Token::Kind::number, text_.substr(begin, at_ - begin), line_};
    }
    if (is_word_character(peek())) {
      // "::" belongs to words such as L1::no_allocate.
      while (is_word_character(peek()) || (peek() == ':' && peek(1) == ':')) {
        at_ += peek() == ':' ? 2 : 1;
      }
      return {Token::Kind::word, text_.substr(begin, at_ - begin), line_};
    }
    ++at_;
    return {Token::Kind::mark, text_.substr(begin, 1), line_};
  }

  Token string() {
    const int line = line_;
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\n') ++line_;
      ++at_;
    }
    if (at_ >= text_.size()) {
      throw Refusal(cuda::kInvalidPtx, fmt::format("PTX line {}: a string has no end", line));
    }
    return {Token::Kind::string, text_.substr(begin, at_++ - begin), line};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text) {
  return Lexer(text).run();
}

}  // namespace assay::ptx_device
