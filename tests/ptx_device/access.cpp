/// ld and st of all spaces and vector widths; prefetches and the like, which do nothing.
#include <cstring>

#include "ptx_device/memory_access.h"
#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

constexpr std::size_t kAddress = 4;  // the slot of the address, after up to four values

std::uint64_t address_of(const Thread& thread, const Instruction* i) {
  return thread.slots[i->slots[kAddress]] + static_cast<std::uint64_t>(i->immediate);
}

/// Registers wider than T get its sign or zeros.
template <class T>
void load_value(Thread& thread, Slot slot, const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::is_signed_v<T>) {
    write_slot(thread, slot, std::int64_t{value});
  } else {
    write_slot(thread, slot, std::uint64_t{value});
  }
}

template <class T, int Count, Space S>
const Instruction* load(Thread& thread, const Instruction* i) {
  const std::byte* from =
      locate<S>(thread, i, i->detail, address_of(thread, i), sizeof(T) * Count, Access::read);
  for (std::size_t k = 0; k < Count; ++k) {
    load_value<T>(thread, i->slots[k], from + k * sizeof(T));
  }
  return i + 1;
}

template <class T, int Count, Space S>
const Instruction* store(Thread& thread, const Instruction* i) {
  std::byte* to =
      locate<S>(thread, i, i->detail, address_of(thread, i), sizeof(T) * Count, Access::write);
  for (std::size_t k = 0; k < Count; ++k) {
    const T value = read_slot<T>(thread, i->slots[k]);
    std::memcpy(to + k * sizeof(T), &value, sizeof value);
  }
  return i + 1;
}

/// Strong accesses to shared memory race with plain ones, but not with each other.
template <class T, int Count>
const Instruction* load_strong_shared(Thread& thread, const Instruction* i) {
  const std::byte* from = locate<Space::shared>(thread, i, i->detail, address_of(thread, i),
                                                sizeof(T) * Count, Access::atomic);
  for (std::size_t k = 0; k < Count; ++k) {
    load_value<T>(thread, i->slots[k], from + k * sizeof(T));
  }
  return i + 1;
}

// Parameters of functions lie at the begin of the frame; the immediate is the byte.
template <class T, int Count>
const Instruction* load_frame(Thread& thread, const Instruction* i) {
  const auto* from = reinterpret_cast<const std::byte*>(thread.slots) + i->immediate;
  for (std::size_t k = 0; k < Count; ++k) {
    load_value<T>(thread, i->slots[k], from + k * sizeof(T));
  }
  return i + 1;
}
template <class T, int Count>
const Instruction* store_frame(Thread& thread, const Instruction* i) {
  auto* to = reinterpret_cast<std::byte*>(thread.slots) + i->immediate;
  for (std::size_t k = 0; k < Count; ++k) {
    const T value = read_slot<T>(thread, i->slots[k]);
    std::memcpy(to + k * sizeof(T), &value, sizeof value);
  }
  return i + 1;
}

/// make.operator()<T, Count>() for the type and the number of values.
template <class Make>
Handler for_vector(Type type, int count, Make make) {
  const auto with_count = [&]<class T>() -> Handler {
    if (count == 4) return make.template operator()<T, 4>();
    if (count == 2) return make.template operator()<T, 2>();
    return make.template operator()<T, 1>();
  };
  switch (type) {
    case Type::s8:
      return with_count.template operator()<std::int8_t>();
    case Type::s16:
      return with_count.template operator()<std::int16_t>();
    case Type::s32:
      return with_count.template operator()<std::int32_t>();
    default:
      return for_width(type, with_count);
  }
}

template <class Make>
Handler for_readable_space(Space space, Make make) {
  if (space == Space::constant) return make.template operator()<Space::constant>();
  if (space == Space::parameter) return make.template operator()<Space::parameter>();
  return for_writable_space(space, make);
}

struct Form {
  Space space = Space::generic;
  bool strong = false;
  int count = 1;
  Type type = Type::none;
  std::array<Slot, 8> slots{};
  std::int64_t offset = 0;
  bool in_frame = false;
};

Form take_form(Emission& e, std::size_t values, std::size_t address) {
  Form form;
  form.strong = e.take("relaxed") || e.take("acquire");
  ignore_memory_hints(e);
  form.space = take_space(e);
  if (e.take("v8")) Emission::unsupported("vectors of eight");
  form.count = e.take("v4") ? 4 : e.take("v2") ? 2 : 1;
  form.type = e.type();
  const bool loads = values < address;
  const std::vector<Slot> registers = loads ? e.destinations(values) : e.sources(values, form.type);
  if (registers.size() != static_cast<std::size_t>(form.count)) {
    Emission::unsupported("a vector of another length than its operand");
  }
  std::copy(registers.begin(), registers.end(), form.slots.begin());
  const Emission::Address where = e.address(address);
  form.slots[kAddress] = where.base;
  form.offset = where.offset;
  return form;
}

void emit_form(Emission& e, Handler handler, const Form& form) {
  Instruction& instruction = e.emit(handler);
  instruction.slots = form.slots;
  instruction.immediate = form.offset;
  if (!form.in_frame) instruction.detail = e.site();
}

/// A kernel's own parameters are the launch's; what it passes to functions is in its frame.
bool is_in_frame(Emission& e, const Form& form, std::size_t address) {
  if (form.space != Space::parameter) return false;
  const Operand& where = e.operand(address);
  if (where.variable_index < 0) return false;
  const std::size_t formals = e.names().is_kernel ? e.names().function->parameters.size() : 0;
  return static_cast<std::size_t>(where.variable_index) >= formals;
}

void decode_ld(Emission& e) {
  Form form = take_form(e, 0, 1);
  form.in_frame = is_in_frame(e, form, 1);
  if (form.in_frame) {
    emit_form(e,
              for_vector(form.type, form.count,
                         []<class T, int N>() -> Handler { return load_frame<T, N>; }),
              form);
  } else if (form.strong && form.space == Space::shared) {
    emit_form(e,
              for_vector(form.type, form.count,
                         []<class T, int N>() -> Handler { return load_strong_shared<T, N>; }),
              form);
  } else {
    emit_form(e,
              for_vector(form.type, form.count,
                         [&]<class T, int N>() -> Handler {
                           return for_readable_space(
                               form.space, []<Space S>() -> Handler { return load<T, N, S>; });
                         }),
              form);
  }
}

void decode_st(Emission& e) {
  Form form = take_form(e, 1, 0);
  form.in_frame = is_in_frame(e, form, 0);
  const Handler handler = for_vector(form.type, form.count, [&]<class T, int N>() -> Handler {
    if (form.in_frame) return store_frame<T, N>;
    return for_writable_space(form.space, []<Space S>() -> Handler { return store<T, N, S>; });
  });
  emit_form(e, handler, form);
}

const Instruction* nothing(Thread&, const Instruction* i) {
  return i + 1;
}

/// Hints about caches.
void decode_hint(Emission& e) {
  ignore_memory_hints(e);
  take_space(e);
  e.ignore({"L1", "L2"});
  e.emit(nothing);
}

const Instruction* any_policy(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0], std::uint64_t{0});
  return i + 1;
}
void decode_createpolicy(Emission& e) {
  ignore_memory_hints(e);
  take_space(e);
  e.ignore({"fractional", "range"});
  e.type();
  const Slot policy = e.destination(0);
  e.emit(any_policy).slots[0] = policy;
}

constexpr Opcode kOpcodes[] = {
    {"ld", decode_ld},
    {"ldu", decode_ld},
    {"st", decode_st},
    {"prefetch", decode_hint},
    {"prefetchu", decode_hint},
    {"discard", decode_hint},
    {"applypriority", decode_hint},
    {"createpolicy", decode_createpolicy},
};

}  // namespace

std::span<const Opcode> access_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
