/// bra, brx.idx, call, ret, exit, trap, and what has no effect here.
#include <fmt/format.h>

#include <cstring>

#include "ptx_device/address_space.h"
#include "ptx_device/fault.h"
#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

const Instruction* nothing(Thread&, const Instruction* i) {
  return i + 1;
}

const Instruction* exit_thread(Thread& thread, const Instruction* i) {
  thread.block->exit(thread, i);
  return nullptr;
}

const Instruction* let_others_run(Thread& thread, const Instruction* i) {
  thread.state = ThreadState::yielded;
  thread.next = i + 1;
  return nullptr;
}

const Instruction* trap(Thread&, const Instruction*) {
  throw Fault(cuda::kLaunchFailed, "trap");
}

std::byte* bytes_of(std::uint64_t* slots) {
  return reinterpret_cast<std::byte*>(slots);
}

void copy_bytes(const std::vector<std::array<std::uint32_t, 3>>& copies, std::uint64_t* from,
                std::uint64_t* to) {
  for (const auto& [source, target, count] : copies) {
    std::memcpy(bytes_of(to) + target, bytes_of(from) + source, count);
  }
}

constexpr std::size_t kDeepestCall = 1000;

const Instruction* call(Thread& thread, const Instruction* i) {
  ThreadExtras& extras = *thread.extras;
  const Detail& detail = thread.block->detail(i);
  const Program& program = *thread.block->launch().program;
  const std::uint64_t target = detail.function >= 0 ? static_cast<std::uint64_t>(detail.function)
                                                    : read_slot<std::uint64_t>(thread, i->slots[0]);
  if (target >= program.functions.size()) {
    throw Fault(cuda::kLaunchFailed, "a call of what is no function");
  }
  const FunctionCode& callee = program.functions[target];
  const std::size_t depth = extras.calls.size();
  if (depth == kDeepestCall) throw Fault(cuda::kLaunchFailed, "calls are nested too deep");
  if (extras.frames.size() <= depth) extras.frames.resize(depth + 1);
  std::vector<std::uint64_t>& frame = extras.frames[depth];
  frame = callee.frame;
  copy_bytes(detail.copies, thread.slots, frame.data());
  if (callee.local_base != kNoSlot) frame[callee.local_base] = extras.local_top;
  extras.local_top += callee.local_bytes;
  extras.local.resize(extras.local_top - kLocalBegin);
  extras.local_written.resize(extras.local.size());
  extras.calls.push_back({i, thread.slots, thread.function});
  thread.slots = frame.data();
  thread.function = static_cast<int>(target);
  return program.code.data() + callee.first;
}

const Instruction* return_from(Thread& thread, const Instruction* i) {
  ThreadExtras& extras = *thread.extras;
  if (extras.calls.empty()) return exit_thread(thread, i);
  const CallFrame caller = extras.calls.back();
  extras.calls.pop_back();
  copy_bytes(thread.block->detail(caller.call).returns, thread.slots, caller.slots);
  const Program& program = *thread.block->launch().program;
  extras.local_top -= program.functions[static_cast<std::size_t>(thread.function)].local_bytes;
  // What the callee wrote is gone: a later frame at that place is fresh.
  extras.local.resize(extras.local_top - kLocalBegin);
  extras.local_written.resize(extras.local.size());
  thread.slots = caller.slots;
  thread.function = caller.function;
  return caller.call + 1;
}

void decode_bra(Emission& e) {
  e.take("uni");
  e.emit(branch).detail = 0;
  e.detail().text = e.operand(0).name;
}

void decode_brx(Emission& e) {
  e.take("uni");
  if (!e.take("idx")) Emission::unsupported("only brx.idx is supported");
  const Slot index = e.source(0, Type::u32);
  e.emit(branch_by_index).slots[0] = index;
  e.detail().text = e.operand(1).name;
}

/// Bytes of the caller's variable ↔ bytes of the callee's formal, one after the other.
std::vector<std::array<std::uint32_t, 3>> pair_bytes(Emission& e, const Operand* actuals,
                                                     const std::vector<Variable>& formals,
                                                     std::uint32_t formal_at, bool to_callee) {
  std::vector<std::array<std::uint32_t, 3>> pairs;
  const std::size_t count = actuals == nullptr ? 0 : actuals->parts.size();
  if (count != formals.size()) Emission::unsupported("a call with other than the formal operands");
  for (std::size_t k = 0; k < count; ++k) {
    const Operand& actual = actuals->parts[k];
    const auto size = static_cast<std::uint32_t>(formals[k].bytes);
    const auto alignment = static_cast<std::uint32_t>(formals[k].alignment);
    formal_at = (formal_at + alignment - 1) / alignment * alignment;
    std::uint32_t at = 0;
    if (actual.variable_index >= 0) {
      at = static_cast<std::uint32_t>(
          e.names().variables[static_cast<std::size_t>(actual.variable_index)]);
    } else if (to_callee) {
      at = 8U * e.source(actual, formals[k].type);
    } else {
      at = 8U * e.destination(actual);
    }
    pairs.push_back(to_callee ? std::array{at, formal_at, size} : std::array{formal_at, at, size});
    formal_at += size;
  }
  return pairs;
}

std::uint32_t end_of(const std::vector<Variable>& variables) {
  std::uint64_t end = 0;
  for (const Variable& variable : variables) {
    end = (end + variable.alignment - 1) / variable.alignment * variable.alignment + variable.bytes;
  }
  return static_cast<std::uint32_t>(end);
}

void decode_call(Emission& e) {
  e.take("uni");
  std::size_t at = 0;
  const Operand* returns = nullptr;
  const Operand* arguments = nullptr;
  if (e.operand(at).kind == Operand::Kind::list) returns = &e.operand(at++);
  const Operand& target = e.operand(at++);
  if (at < e.operands() && e.operand(at).kind == Operand::Kind::list) arguments = &e.operand(at++);
  if (target.kind != Operand::Kind::symbol) Emission::unsupported("a call through a register");
  const Function* function = e.names().module->function_named(target.name);
  if (function == nullptr || !function->is_defined) {
    Emission::unsupported(
        fmt::format("a call of {}, which the module does not define", target.name));
  }
  const auto copies = pair_bytes(e, arguments, function->parameters, 0, true);
  const auto results =
      pair_bytes(e, returns, function->returns, end_of(function->parameters), false);
  e.emit(call);
  Detail& detail = e.detail();
  detail.function = e.names().functions.at(target.name);
  detail.copies = copies;
  detail.returns = results;
}

void decode_exit(Emission& e) {
  e.emit(exit_thread);
}
void decode_ret(Emission& e) {
  e.take("uni");
  e.emit(return_from);
}
void decode_trap(Emission& e) {
  e.emit(trap);
}
void decode_nanosleep(Emission& e) {
  e.type();
  e.emit(let_others_run);
}

/// Order of memory needs no action here: every access takes effect at once.
void decode_fence(Emission& e) {
  e.ignore({"acq_rel", "sc", "acquire", "release", "sync_restrict::shared::cta", "cta", "cluster",
            "gpu", "gl", "sys"});
  e.emit(nothing);
}
void decode_griddepcontrol(Emission& e) {
  e.ignore({"launch_dependents", "wait"});
  e.emit(nothing);
}
void decode_pmevent(Emission& e) {
  e.emit(nothing);
}

constexpr Opcode kOpcodes[] = {
    {"bra", decode_bra},
    {"brx", decode_brx},
    {"call", decode_call},
    {"ret", decode_ret},
    {"exit", decode_exit},
    {"trap", decode_trap},
    {"brkpt", decode_trap},
    {"nanosleep", decode_nanosleep},
    {"membar", decode_fence},
    {"fence", decode_fence},
    {"griddepcontrol", decode_griddepcontrol},
    {"pmevent", decode_pmevent},
};

}  // namespace

const Instruction* branch(Thread&, const Instruction* i) {
  return i + i->immediate;
}

const Instruction* branch_by_index(Thread& thread, const Instruction* i) {
  const std::vector<std::int64_t>& targets = thread.block->detail(i).targets;
  const auto index = read_slot<std::uint32_t>(thread, i->slots[0]);
  if (index >= targets.size()) {
    throw Fault(cuda::kLaunchFailed,
                fmt::format("branch index {} of {} targets", index, targets.size()));
  }
  return i + targets[index];
}

std::span<const Opcode> control_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
