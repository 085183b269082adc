#include "ptx_device/parser.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <map>
#include <unordered_map>

#include "ptx_device/debug_strings.h"
#include "ptx_device/fault.h"
#include "ptx_device/lexer.h"

namespace assay::ptx_device {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> split_at_dots(std::string_view word) {
  std::vector<std::string> parts;
  while (!word.empty()) {
    const std::size_t dot = word.find('.');
    parts.emplace_back(word.substr(0, dot));
    word = dot == std::string_view::npos ? std::string_view{} : word.substr(dot + 1);
  }
  return parts;
}

/// The names of one { } block.
struct Scope {
  int index = 0;
  std::unordered_map<std::string, int> registers;
  std::unordered_map<std::string, int> variables;
};

class Parser {
 public:
  explicit Parser(const std::string& text) : tokens_(tokens_of(text)) {
    module_.lines = lines_of(text);
  }

  Module run() {
    while (peek().kind != Token::Kind::end) module_item();
    for (SourcePlace& place : module_.places) {
      if (!place.inlined_function.empty()) {
        place.inlined_function = debug_strings_.text(place.inlined_function);
      }
    }
    return std::move(module_);
  }

 private:
  // Tokens.
  [[nodiscard]] const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  [[nodiscard]] bool next_is(std::string_view text) const {
    return peek().kind != Token::Kind::string && peek().text == text;
  }
  bool take_if(std::string_view text) {
    if (!next_is(text)) return false;
    take();
    return true;
  }
  void expect(std::string_view text) {
    if (!take_if(text)) fail(fmt::format("'{}' expected", text));
  }
  std::string word() {
    if (peek().kind != Token::Kind::word) fail("a name expected");
    return std::string(take().text);
  }
  [[noreturn]] void fail(const std::string& what) const {
    const int line = peek().line;
    const auto index = static_cast<std::size_t>(line - 1);
    throw Refusal(cuda::kInvalidPtx,
                  fmt::format("PTX line {}: {} before '{}': {}", line, what, peek().text,
                              index < module_.lines.size() ? module_.lines[index] : ""));
  }

  // Numbers.
  std::uint64_t digits(std::string_view text) const {
    while (!text.empty() && (text.back() == 'U' || text.back() == 'u')) text.remove_suffix(1);
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
      const char kind = text[1];
      base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
      text.remove_prefix(base == 8 ? 1 : 2);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) fail("a number expected");
    return value;
  }
  std::int64_t integer() {
    const bool negative = take_if("-");
    if (peek().kind != Token::Kind::number) fail("a number expected");
    const auto value = static_cast<std::int64_t>(digits(peek().text));
    take();
    return negative ? -value : value;
  }
  unsigned count() { return static_cast<unsigned>(integer()); }

  Operand number() {
    Operand operand;
    const bool negative = take_if("-");
    const std::string_view text = peek().text;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'f' || text[1] == 'F')) {
      operand.kind = Operand::Kind::real32;
      operand.value = hexadecimal(text.substr(2));
      if (negative) operand.value ^= std::int64_t{1} << 31;
    } else if (text.size() > 2 && text[0] == '0' && (text[1] == 'd' || text[1] == 'D')) {
      operand.kind = Operand::Kind::real64;
      operand.value = hexadecimal(text.substr(2));
      if (negative) operand.value ^= std::int64_t{1} << 63;
    } else if (text.find('.') != std::string_view::npos) {
      operand.kind = Operand::Kind::real64;
      const double value = std::strtod(std::string(text).c_str(), nullptr);
      operand.value = std::bit_cast<std::int64_t>(negative ? -value : value);
    } else {
      operand.kind = Operand::Kind::integer;
      const auto value = static_cast<std::int64_t>(digits(text));
      operand.value = negative ? -value : value;
    }
    take();
    return operand;
  }
  std::int64_t hexadecimal(std::string_view text) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) fail("a number expected");
    return static_cast<std::int64_t>(value);
  }

  // The module.
  void module_item() {
    if (take_if(".version")) {
      const std::string text(take().text);
      module_.version = static_cast<int>(10 * std::strtod(text.c_str(), nullptr) + 0.5);
    } else if (take_if(".target")) {
      const std::string name = word();
      if (name.starts_with("sm_")) module_.architecture = std::atoi(name.c_str() + 3);
      while (take_if(",")) take();
    } else if (take_if(".address_size")) {
      if (integer() != 64) fail("only 64-bit addresses are supported");
    } else if (take_if(".file")) {
      file_directive();
    } else if (take_if(".section")) {
      section();
    } else if (next_is(".loc")) {
      place_directive();
    } else if (take_if(";")) {
      return;
    } else {
      declaration();
    }
  }

  void file_directive() {
    const int index = static_cast<int>(integer());
    module_.files[index] = std::string(take().text);
    while (take_if(",")) take();
  }

  void section() {
    const std::string name = word();
    expect("{");
    while (!take_if("}")) {
      if (peek().kind == Token::Kind::end) fail("a section has no end");
      if (name == ".debug_str") debug_strings_.add(peek(), peek(1));
      take();
    }
  }

  void declaration() {
    bool is_extern = false;
    for (;;) {
      if (take_if(".extern")) {
        is_extern = true;
      } else if (!take_if(".visible") && !take_if(".weak") && !take_if(".common")) {
        break;
      }
    }
    if (next_is(".entry") || next_is(".func")) return function();
    if (peek().kind == Token::Kind::word && peek().text.starts_with('.')) {
      if (const auto space = space_named(peek().text.substr(1))) {
        return variables(*space, is_extern, module_.variables);
      }
      if (take_if(".pragma") || take_if(".alias") || take_if(".branchtargets")) {
        while (!take_if(";")) take();
        return;
      }
    }
    fail("a declaration expected");
  }

  /// `.space .align n .type name[n] = {…}, …;`. Returns the index of the first.
  void variables(Space space, bool is_extern, std::vector<Variable>& into) {
    take();
    Variable common;
    common.space = space;
    common.is_extern = is_extern;
    variable_type(common);
    do {
      into.push_back(variable_name(common));
      if (!scopes_.empty()) {
        scopes_.back().variables[into.back().name] = static_cast<int>(into.size()) - 1;
      }
    } while (take_if(","));
    expect(";");
  }

  void variable_type(Variable& variable) {
    std::uint64_t count_of_elements = 1;
    bool is_pointer = false;
    for (; peek().kind == Token::Kind::word && peek().text.starts_with('.');) {
      const std::string_view text = take().text.substr(1);
      if (text == "align") {
        const auto alignment = static_cast<std::uint64_t>(integer());
        if (!is_pointer) variable.alignment = alignment;
      } else if (text == "ptr") {
        is_pointer = true;  // what follows tells about the memory that it points to
      } else if (text == "v2") {
        count_of_elements = 2;
      } else if (text == "v4") {
        count_of_elements = 4;
      } else if (const auto type = type_named(text)) {
        variable.type = *type;
      } else if (!space_named(text)) {
        fail(fmt::format("'.{}' is no type", text));
      }
    }
    variable.bytes = size_of(variable.type) * count_of_elements;
    variable.alignment = std::max<std::uint64_t>(variable.alignment, size_of(variable.type));
  }

  Variable variable_name(const Variable& common) {
    Variable variable = common;
    variable.line = peek().line;
    variable.name = word();
    while (take_if("[")) {
      variable.bytes *= next_is("]") ? 0 : static_cast<std::uint64_t>(integer());
      expect("]");
    }
    if (take_if("=")) initialiser(variable, size_of(common.type));
    return variable;
  }

  void initialiser(Variable& variable, unsigned width) {
    if (take_if("{")) {
      while (!take_if("}")) {
        initialiser(variable, width);
        take_if(",");
      }
      return;
    }
    std::uint64_t value = 0;
    if (peek().kind == Token::Kind::word) {
      AddressInitialiser address;
      address.offset = variable.initial.size();
      address.symbol = word();
      if (address.symbol == "generic") {
        expect("(");
        address.symbol = word();
        expect(")");
      }
      if (take_if("+")) address.addend = integer();
      variable.addresses.push_back(address);
    } else {
      value = static_cast<std::uint64_t>(number().value);
    }
    for (unsigned byte = 0; byte < width; ++byte) {
      variable.initial.push_back(static_cast<std::uint8_t>(value >> (8 * byte)));
    }
  }

  // Functions.
  void function() {
    Function function;
    function.is_entry = take().text == ".entry";
    function.line = peek().line;
    if (next_is("(")) function.returns = parameters();
    function.name = word();
    if (next_is("(")) function.parameters = parameters();
    limits(function);
    if (take_if(";")) {
      if (module_.function_named(function.name) == nullptr) module_.functions.push_back(function);
      return;
    }
    function.is_defined = true;
    body(function);
    for (Function& known : module_.functions) {
      if (known.name == function.name) {
        known = std::move(function);
        return;
      }
    }
    module_.functions.push_back(std::move(function));
  }

  std::vector<Variable> parameters() {
    std::vector<Variable> list;
    expect("(");
    while (!take_if(")")) {
      Variable variable;
      take();  // .param or .reg
      variable.space = Space::parameter;
      variable_type(variable);
      list.push_back(variable_name(variable));
      take_if(",");
    }
    return list;
  }

  void limits(Function& function) {
    for (;;) {
      if (take_if(".maxntid")) {
        function.maximum_threads = dimensions();
      } else if (take_if(".reqntid")) {
        function.required_threads = dimensions();
      } else if (take_if(".minnctapersm") || take_if(".maxnreg") || take_if(".maxnctapersm")) {
        integer();
      } else if (!take_if(".noreturn")) {
        return;
      }
    }
  }
  std::array<unsigned, 3> dimensions() {
    std::array<unsigned, 3> result{count(), 1, 1};
    if (take_if(",")) result[1] = count();
    if (take_if(",")) result[2] = count();
    return result;
  }

  void body(Function& function) {
    expect("{");
    scopes_.assign(1, Scope{});
    for (const Variable& variable : function.parameters) register_formal(function, variable);
    for (const Variable& variable : function.returns) register_formal(function, variable);
    place_ = -1;
    calls_.clear();
    while (!scopes_.empty()) body_item(function);
  }
  /// Formal parameters are variables of the body, parameters first.
  void register_formal(Function& function, const Variable& variable) {
    scopes_.back().variables[variable.name] = static_cast<int>(function.variables.size());
    function.variables.push_back(variable);
  }

  void body_item(Function& function) {
    if (take_if("{")) {
      Scope scope;
      scope.index = static_cast<int>(function.scope_parents.size());
      function.scope_parents.push_back(scopes_.back().index);
      scopes_.push_back(std::move(scope));
    } else if (take_if("}")) {
      scopes_.pop_back();
    } else if (next_is(".loc")) {
      place_directive();
    } else if (take_if(".file")) {
      file_directive();
    } else if (next_is(".reg")) {
      registers(function);
    } else if (take_if(".pragma")) {
      while (!take_if(";")) take();
    } else if (take_if(";")) {
      return;
    } else if (peek().kind == Token::Kind::word && peek().text.starts_with('.')) {
      const auto space = space_named(peek().text.substr(1));
      if (!space) fail("a declaration expected");
      variables(*space, false, function.variables);
    } else if (peek().kind == Token::Kind::word && peek(1).text == ":" &&
               peek(1).kind == Token::Kind::mark) {
      label(function);
    } else {
      statement(function);
    }
  }

  void label(Function& function) {
    const std::string name = word();
    expect(":");
    if (take_if(".branchtargets")) {
      BranchTable table{name, {}, scopes_.back().index};
      do {
        table.targets.push_back(word());
      } while (take_if(","));
      expect(";");
      function.branch_tables.push_back(std::move(table));
    } else if (take_if(".callprototype")) {
      while (!take_if(";")) take();
    } else {
      function.labels.emplace(name, Label{function.statements.size(), scopes_.back().index});
    }
  }

  void registers(Function& function) {
    take();
    const std::string type_word = word();
    const auto type = type_named(std::string_view(type_word).substr(1));
    if (!type) fail(fmt::format("'{}' is no register type", type_word));
    do {
      const std::string name = word();
      if (take_if("<")) {
        const std::int64_t size = integer();
        expect(">");
        for (std::int64_t i = 0; i < size; ++i) {
          declare_register(function, name + std::to_string(i), *type);
        }
      } else {
        declare_register(function, name, *type);
      }
    } while (take_if(","));
    expect(";");
  }
  void declare_register(Function& function, const std::string& name, Type type) {
    scopes_.back().registers[name] = static_cast<int>(function.registers.size());
    function.registers.push_back({name, type});
  }

  /// `.loc file line column[, function_name label[+n], inlined_at file line column]`
  void place_directive() {
    take();
    SourcePlace place;
    place.file = static_cast<int>(integer());
    place.line = static_cast<int>(integer());
    place.column = static_cast<int>(integer());
    while (take_if(",")) {
      if (take_if("function_name")) {
        place.inlined_function = word();
        if (take_if("+")) integer();
      } else if (take_if("inlined_at")) {
        place.call_file = static_cast<int>(integer());
        place.call_line = static_cast<int>(integer());
        place.call_column = static_cast<int>(integer());
      } else {
        fail("function_name or inlined_at expected");
      }
    }
    place_ = static_cast<int>(module_.places.size());
    if (place.call_file != 0) {
      const auto call = calls_.find({place.call_file, place.call_line, place.call_column});
      if (call != calls_.end()) place.caller = call->second;
    }
    // Some places of an inlined function are told a second time without saying that it is inlined.
    const auto [known, is_new] = calls_.try_emplace({place.file, place.line, place.column}, place_);
    if (!is_new && place.call_file != 0) known->second = place_;
    module_.places.push_back(place);
  }

  // Statements.
  void statement(Function& function) {
    Statement statement;
    statement.line = peek().line;
    statement.place = place_;
    statement.scope = scopes_.back().index;
    if (take_if("@")) {
      statement.guard_negated = take_if("!");
      const std::string name = word();
      statement.guard = find_register(name);
      if (statement.guard < 0) fail(fmt::format("'{}' is no register", name));
    }
    statement.line = peek().line;
    const std::string opcode = word();
    statement.modifiers = split_at_dots(opcode);
    statement.opcode = statement.modifiers.front();
    statement.modifiers.erase(statement.modifiers.begin());
    while (!take_if(";")) {
      statement.operands.push_back(operand());
      if (!next_is(";")) expect(",");
    }
    function.statements.push_back(std::move(statement));
  }

  Operand operand() {
    Operand operand;
    operand.negated = take_if("!");
    if (take_if("{")) return group(Operand::Kind::vector, "}");
    if (take_if("(")) return group(Operand::Kind::list, ")");
    if (take_if("[")) return address();
    if (peek().kind == Token::Kind::number || next_is("-")) return number();
    const bool negated = operand.negated;
    operand = named(word());
    operand.negated = negated;
    if (take_if("|")) {
      const std::string second = word();
      if (second != "_") operand.second_index = find_register(second);
    }
    return operand;
  }

  Operand group(Operand::Kind kind, std::string_view close) {
    Operand operand;
    operand.kind = kind;
    while (!take_if(close)) {
      operand.parts.push_back(this->operand());
      take_if(",");
    }
    return operand;
  }

  Operand named(const std::string& name) {
    Operand operand;
    if (name == "_") return operand;
    operand.register_index = find_register(name);
    if (operand.register_index >= 0) {
      operand.kind = Operand::Kind::reg;
      return operand;
    }
    operand.kind = Operand::Kind::symbol;
    operand.name = name;
    operand.variable_index = find_variable(name);
    operand.value = offset();
    return operand;
  }
  std::int64_t offset() {
    std::int64_t sum = 0;
    while (next_is("+") || next_is("-")) {
      take_if("+");
      sum += integer();
    }
    return sum;
  }

  Operand address() {
    Operand operand;
    if (peek().kind == Token::Kind::word) {
      operand = named(word());
      operand.value += offset();
    } else {
      operand.value = integer();
    }
    operand.kind = Operand::Kind::address;
    expect("]");
    return operand;
  }

  [[nodiscard]] int find_register(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->registers.find(name);
      if (found != scope->registers.end()) return found->second;
    }
    return -1;
  }
  [[nodiscard]] int find_variable(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->variables.find(name);
      if (found != scope->variables.end()) return found->second;
    }
    return -1;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Module module_;
  std::vector<Scope> scopes_;
  int place_ = -1;
  /// The body's last place of a file, line and column: a call is told of before what was inlined
  /// for it. Not the module's, in which instances of a template have their places in common.
  std::map<std::array<int, 3>, int> calls_;
  DebugStrings debug_strings_;
};

}  // namespace

Module parse(const std::string& text) {
  return Parser(text).run();
}

const Function* Module::function_named(const std::string& name) const {
  for (const Function& function : functions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

const Variable* Module::variable_named(const std::string& name) const {
  for (const Variable& variable : variables) {
    if (variable.name == name) return &variable;
  }
  return nullptr;
}

}  // namespace assay::ptx_device
