#pragma once
/// A PTX module as parsed: declarations and statements, with names resolved to what they declare.
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ptx_device/types.h"

namespace assay::ptx_device {

/// Where a statement comes from (.loc). The function that was inlined and the place of its call
/// follow; a place with file 0 is none.
struct SourcePlace {
  int file = 0;
  int line = 0;
  int column = 0;
  std::string inlined_function;  ///< mangled; empty where nothing was inlined
  int call_file = 0;
  int call_line = 0;
  int call_column = 0;
  int caller = -1;  ///< of Module::places: that call, with where its own function was inlined
};

struct Operand {
  enum class Kind : std::uint8_t {
    reg,      ///< register_index, second_index for p|q
    integer,  ///< value
    real32,   ///< value: the bits of 0f…
    real64,   ///< value: the bits of 0d… or of a decimal
    symbol,   ///< name or variable_index, plus value; a function, label or special register
    address,  ///< [register_index | variable_index | name + value]
    vector,   ///< {parts}
    list,     ///< (parts) of a call
    sink,     ///< _
  };
  Kind kind = Kind::sink;
  bool negated = false;
  int register_index = -1;
  int second_index = -1;    ///< of p|q; -1: absent or _
  int variable_index = -1;  ///< of Function::variables
  std::int64_t value = 0;
  std::string name;
  std::vector<Operand> parts;
};

struct Statement {
  int guard = -1;  ///< register index, or -1
  bool guard_negated = false;
  std::string opcode;                  ///< "ld"
  std::vector<std::string> modifiers;  ///< "global", "v4", "f32"
  std::vector<Operand> operands;
  int line = 0;
  int place = -1;  ///< of Module::places
  int scope = 0;   ///< of Function::scope_parents
};

/// Part of an initialiser that holds an address.
struct AddressInitialiser {
  std::uint64_t offset = 0;
  std::string symbol;
  std::int64_t addend = 0;
};

struct Variable {
  std::string name;
  Space space = Space::global;
  Type type = Type::b8;
  std::uint64_t alignment = 1;
  std::uint64_t bytes = 0;
  bool is_extern = false;  ///< of unknown size: dynamic shared memory
  int line = 0;
  std::vector<std::uint8_t> initial;
  std::vector<AddressInitialiser> addresses;
};

struct Register {
  std::string name;
  Type type = Type::b32;
};

struct BranchTable {
  std::string name;
  std::vector<std::string> targets;
  int scope = 0;
};

/// Statement index and scope of a label.
struct Label {
  std::size_t statement = 0;
  int scope = 0;
};

struct Function {
  std::string name;
  bool is_entry = false;
  bool is_defined = false;
  int line = 0;
  std::vector<Variable> returns;
  std::vector<Variable> parameters;
  std::vector<Register> registers;
  std::vector<Variable> variables;  ///< .shared, .local and .param of the body
  std::vector<Statement> statements;
  std::multimap<std::string, Label> labels;
  std::vector<BranchTable> branch_tables;
  std::vector<int> scope_parents{-1};
  std::array<unsigned, 3> maximum_threads{};   ///< .maxntid; zeros: not given
  std::array<unsigned, 3> required_threads{};  ///< .reqntid; zeros: not given
};

struct Module {
  int version = 0;       ///< 10 × major + minor
  int architecture = 0;  ///< of .target
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::map<int, std::string> files;
  std::vector<SourcePlace> places;
  std::vector<std::string> lines;  ///< the text

  [[nodiscard]] const Function* function_named(const std::string& name) const;
  [[nodiscard]] const Variable* variable_named(const std::string& name) const;
};

}  // namespace assay::ptx_device
