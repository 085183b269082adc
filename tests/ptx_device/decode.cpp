#include "ptx_device/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "ptx_device/address_space.h"
#include "ptx_device/block.h"
#include "ptx_device/emission.h"
#include "ptx_device/fault.h"

namespace assay::ptx_device {

namespace {

/// Between variables of shared memory, so that running over the end of one is seen. A compiler
/// packs them; what that takes is counted beside.
constexpr std::uint32_t kSharedGap = 16;

template <class Integer>
Integer aligned(Integer value, Integer alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

const std::unordered_map<std::string_view, const Opcode*>& opcodes() {
  static const auto kAll = [] {
    std::unordered_map<std::string_view, const Opcode*> all;
    for (const auto group :
         {integer_opcodes(), bit_opcodes(), floating_opcodes(), compare_opcodes(),
          convert_opcodes(), move_opcodes(), control_opcodes(), access_opcodes(), atomic_opcodes(),
          async_copy_opcodes(), collective_opcodes(), barrier_opcodes(), matrix_opcodes()}) {
      for (const Opcode& opcode : group) all.emplace(opcode.name, &opcode);
    }
    return all;
  }();
  return kAll;
}

const Instruction* unsupported(Thread& thread, const Instruction* i) {
  throw Fault(cuda::kLaunchFailed, "unsupported instruction: " + thread.block->detail(i).text);
}

class KernelDecoder {
 public:
  KernelDecoder(const Module& module, const Function& kernel,
                const std::map<std::string, std::uint64_t>& addresses)
      : module_(module), kernel_(kernel) {
    names_.module = &module;
    names_.addresses = addresses;
  }

  Program run() {
    program_.kernel = kernel_.name;
    program_.maximum_threads = kernel_.maximum_threads;
    program_.required_threads = kernel_.required_threads;
    find_functions(kernel_);
    lay_out_parameters();
    lay_out_shared();
    for (const Function* function : reached_) decode_function(*function);
    return std::move(program_);
  }

 private:
  /// The kernel first, then what it calls or takes the address of.
  void find_functions(const Function& function) {
    if (names_.functions.contains(function.name)) return;
    names_.functions[function.name] = static_cast<int>(reached_.size());
    reached_.push_back(&function);
    for (const Statement& statement : function.statements) {
      for (const Operand& operand : statement.operands) {
        if (operand.kind != Operand::Kind::symbol || operand.variable_index >= 0) continue;
        const Function* called = module_.function_named(operand.name);
        if (called != nullptr && called->is_defined) find_functions(*called);
      }
    }
  }

  void lay_out_parameters() {
    std::uint64_t at = 0;
    for (const Variable& parameter : kernel_.parameters) {
      at = aligned(at, parameter.alignment);
      program_.parameter_offsets.push_back(static_cast<std::uint32_t>(at));
      program_.parameter_bytes.push_back(static_cast<std::uint32_t>(parameter.bytes));
      at += parameter.bytes;
    }
    program_.parameters_size = static_cast<std::uint32_t>(at);
  }

  // Shared memory: the module's variables that the code names, and those of its functions.
  void lay_out_shared() {
    std::set<std::string> named;
    for (const Function* function : reached_) collect_names(*function, named);
    std::uint32_t at = kSharedBegin;
    std::uint32_t packed = 0;
    for (const Variable& variable : module_.variables) {
      if (variable.space != Space::shared || !named.contains(variable.name)) continue;
      if (variable.is_extern) {
        const auto alignment = static_cast<std::uint32_t>(variable.alignment);
        program_.dynamic_alignment = std::max(program_.dynamic_alignment, alignment);
      } else {
        names_.shared[variable.name] = place_shared(variable, at, packed);
      }
    }
    for (const Function* function : reached_) {
      for (const Variable& variable : function->variables) {
        if (variable.space != Space::shared) continue;
        own_shared_[&variable] = place_shared(variable, at, packed);
      }
    }
    program_.static_shared_bytes = packed;
    program_.shared_end = aligned(at, program_.dynamic_alignment);
    for (const Variable& variable : module_.variables) {
      if (variable.space == Space::shared && variable.is_extern) {
        names_.shared[variable.name] = program_.shared_end;
      }
    }
  }

  void collect_names(const Function& function, std::set<std::string>& named) {
    const auto collect = [&](const Operand& operand, const auto& self) -> void {
      if (!operand.name.empty()) named.insert(operand.name);
      for (const Operand& part : operand.parts) self(part, self);
    };
    for (const Statement& statement : function.statements) {
      for (const Operand& operand : statement.operands) collect(operand, collect);
    }
  }

  std::uint32_t place_shared(const Variable& variable, std::uint32_t& at, std::uint32_t& packed) {
    const auto alignment = static_cast<std::uint32_t>(variable.alignment);
    const auto bytes = static_cast<std::uint32_t>(variable.bytes);
    const std::uint32_t begin = aligned(at, alignment);
    program_.shared.push_back({variable.name, begin, bytes});
    at = begin + bytes + kSharedGap;
    packed = aligned(packed, alignment) + bytes;
    return begin;
  }

  // Functions.
  void decode_function(const Function& function) {
    names_.function = &function;
    names_.is_kernel = function.is_entry;
    FunctionCode code;
    code.name = function.name;
    code.first = program_.code.size();
    const std::uint32_t parameter_bytes = lay_out_variables(function, code);
    Frame frame(parameter_bytes, function.registers.size());
    names_.local_base = frame.temporary();
    decode_statements(function, frame);
    code.frame = frame.image();
    code.local_base = names_.local_base;
    if (function.is_entry) code.frame[code.local_base] = kLocalBegin;
    program_.functions.push_back(std::move(code));
  }

  /// Fills names_.variables; returns the bytes of .param variables in the frame.
  std::uint32_t lay_out_variables(const Function& function, FunctionCode& code) {
    std::uint64_t parameters = 0;
    std::uint64_t local = 0;
    names_.variables.clear();
    const std::size_t formals = function.is_entry ? function.parameters.size() : 0;
    for (std::size_t index = 0; index < function.variables.size(); ++index) {
      const Variable& variable = function.variables[index];
      std::uint64_t& at = variable.space == Space::local ? local : parameters;
      if (index < formals) {
        names_.variables.push_back(program_.parameter_offsets[index]);
      } else if (variable.space == Space::shared) {
        names_.variables.push_back(own_shared_.at(&variable));
      } else {
        at = aligned(at, variable.alignment);
        names_.variables.push_back(at);
        at += variable.bytes;
      }
    }
    code.local_bytes = static_cast<std::uint32_t>(aligned(local, std::uint64_t{16}));
    return static_cast<std::uint32_t>(parameters);
  }

  void decode_statements(const Function& function, Frame& frame) {
    std::vector<std::size_t> begins;  // of each statement, in the code
    const std::size_t first = program_.code.size();
    std::vector<int> scopes;  // of each instruction
    for (const Statement& statement : function.statements) {
      begins.push_back(program_.code.size());
      decode_statement(statement, frame);
      scopes.resize(program_.code.size() - first, statement.scope);
    }
    // Control that runs over the end returns.
    begins.push_back(program_.code.size());
    Statement end;
    end.opcode = "ret";
    end.line = function.statements.empty() ? function.line : function.statements.back().line;
    decode_statement(end, frame);
    scopes.resize(program_.code.size() - first, 0);
    resolve_branches(function, begins, first, scopes);
  }

  void decode_statement(const Statement& statement, Frame& frame) {
    const std::size_t begin = program_.code.size();
    try {
      Emission emission(statement, names_, frame, program_);
      const auto found = opcodes().find(statement.opcode);
      if (found == opcodes().end()) Emission::unsupported("no such opcode is known");
      found->second->decode(emission);
      if (!emission.left().empty()) {
        Emission::unsupported(fmt::format("'.{}' is not known", emission.left().front()));
      }
    } catch (const Unsupported& reason) {
      program_.code.resize(begin);
      Emission emission(statement, names_, frame, program_);
      emission.emit(unsupported);
      emission.detail().text = fmt::format("{} ({})", statement.opcode, reason.why);
      const auto line = static_cast<std::size_t>(statement.line - 1);
      program_.unsupported.push_back(
          fmt::format("{}: PTX line {}: {} ({})", kernel_.name, statement.line,
                      line < module_.lines.size() ? module_.lines[line] : "", reason.why));
    }
  }

  [[nodiscard]] std::size_t label_at(const Function& function, const std::string& name, int scope,
                                     int line) const {
    for (int in = scope; in >= 0; in = function.scope_parents[static_cast<std::size_t>(in)]) {
      const auto [begin, end] = function.labels.equal_range(name);
      for (auto label = begin; label != end; ++label) {
        if (label->second.scope == in) return label->second.statement;
      }
    }
    throw Refusal(cuda::kInvalidPtx, fmt::format("PTX line {}: no label {}", line, name));
  }

  /// Branches name their label in a detail's text.
  void resolve_branches(const Function& function, const std::vector<std::size_t>& begins,
                        std::size_t first, const std::vector<int>& scopes) {
    for (std::size_t at = first; at < program_.code.size(); ++at) {
      Instruction& instruction = program_.code[at];
      const bool is_indexed = instruction.execute == branch_by_index;
      if (instruction.execute != branch && !is_indexed) continue;
      Detail& detail = program_.details[instruction.detail];
      const int scope = scopes[at - first];
      const auto distance = [&](const std::string& name) {
        const std::size_t to = begins[label_at(function, name, scope, instruction.line)];
        return static_cast<std::int64_t>(to) - static_cast<std::int64_t>(at);
      };
      if (!is_indexed) {
        instruction.immediate = distance(detail.text);
        continue;
      }
      for (const BranchTable& table : function.branch_tables) {
        if (table.name != detail.text) continue;
        detail.targets.clear();
        for (const std::string& target : table.targets) detail.targets.push_back(distance(target));
      }
    }
  }

  const Module& module_;
  const Function& kernel_;
  Names names_;
  Program program_;
  std::vector<const Function*> reached_;
  std::map<const Variable*, std::uint32_t> own_shared_;
};

}  // namespace

Program decode(const Module& module, const Function& kernel,
               const std::map<std::string, std::uint64_t>& addresses) {
  return KernelDecoder(module, kernel, addresses).run();
}

}  // namespace assay::ptx_device
