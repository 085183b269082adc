#pragma once
/// Makes one call of one entry of a table of functions fail, whichever the table: the driver's,
/// cuBLASLt's, NCCL's or NVML's. It counts the calls of each entry, so that a test can first see
/// what a run calls and then fail the first and the last call of each.
///
///   FaultInjection<nccl::Table>::begin(host_nccl::library());       // counts
///   run(FaultInjection<nccl::Table>::table());
///   for (const auto& [name, calls] : FaultInjection<nccl::Table>::calls()) …
///   FaultInjection<nccl::Table>::begin(host_nccl::library(), {name, calls, nccl::kSystemError});
///
/// A call that ends something (destroys, frees, closes) is made and then reported as failed: what
/// it should end has ended, as with the libraries. Any other isn't made. Entries that don't return
/// a code are passed on. The tables' functions carry no user pointer, so there is one of each table
/// a process; calls may come from several threads.
#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace assay {

struct Fault {
  std::string entry;  ///< the library's name of the call; empty: none fails
  int call = 0;       ///< counted from 1
  int code = 1;       ///< what it returns
};

template <class Table>
class FaultInjection {
 public:
  /// From here on the table passes on to `inner` and counts from zero.
  static void begin(const Table& inner, const Fault& fault = {}) {
    State& state = the_state();
    state.fault = fault;
    ++state.begins;
    state.has_failed = false;
    state.inner = inner;
    state.outer = inner;
    std::size_t index = 0;
    for_each_entry(state.outer, [&](std::string_view name, auto& entry) {
      state.names[index] = name;
      state.calls[index] = 0;
      state.addresses[index] = reinterpret_cast<void*>(entry);
      if (entry != nullptr) wrap(entry, index);
      ++index;
    });
    state.entries = index;
  }
  [[nodiscard]] static const Table& table() { return the_state().outer; }
  /// How often each entry was called, without those that can't fail.
  [[nodiscard]] static std::map<std::string, int> calls() {
    std::map<std::string, int> all;
    const State& state = the_state();
    for (std::size_t i = 0; i < state.entries; ++i) {
      if (state.calls[i] > 0) all[std::string(state.names[i])] = state.calls[i];
    }
    return all;
  }
  [[nodiscard]] static bool has_failed() { return the_state().has_failed; }

 private:
  static constexpr std::size_t kMostEntries = 80;
  static constexpr std::size_t kMostAlike = 20;
  struct State {
    Table inner{};
    Table outer{};
    Fault fault;
    std::atomic<bool> has_failed = false;
    int begins = 0;
    std::size_t entries = 0;
    std::array<std::string_view, kMostEntries> names;
    std::array<std::atomic<int>, kMostEntries> calls{};
    std::array<void*, kMostEntries> addresses{};
  };
  static State& the_state() {
    static State state;
    return state;
  }
  /// The entries of one signature in the table's order. A function is made for each place here
  /// rather than for each entry of the table, which would be thousands for the compiler to make.
  template <class... P>
  struct Alike {
    int begins = 0;
    std::size_t count = 0;
    std::array<std::size_t, kMostAlike> entries{};
  };
  template <class... P>
  static Alike<P...>& alike() {
    static Alike<P...> entries;
    return entries;
  }

  static bool ends_something(std::string_view name) {
    for (const std::string_view part :
         {"Destroy", "Free", "Abort", "End", "Release", "Unload", "Shutdown"}) {
      if (name.find(part) != std::string_view::npos) return true;
    }
    return false;
  }
  static bool fails_now(std::size_t index) {
    State& state = the_state();
    const int call = ++state.calls[index];
    if (state.names[index] != state.fault.entry || call != state.fault.call) return false;
    state.has_failed = true;
    return true;
  }

  template <std::size_t Place, class... P>
  static int pass_on(P... parameters) {
    const std::size_t index = alike<P...>().entries[Place];
    const State& state = the_state();
    const auto inner = reinterpret_cast<int (*)(P...)>(state.addresses[index]);
    if (!fails_now(index)) return inner(parameters...);
    if (ends_something(state.names[index])) inner(parameters...);
    return state.fault.code;
  }

  template <class... P>
  static void wrap(int (*&entry)(P...), std::size_t index) {
    constexpr auto kAll = []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<int (*)(P...), sizeof...(I)>{&pass_on<I, P...>...};
    }
    (std::make_index_sequence<kMostAlike>());
    Alike<P...>& entries = alike<P...>();
    if (std::exchange(entries.begins, the_state().begins) != the_state().begins) entries.count = 0;
    entry = kAll.at(entries.count);
    entries.entries.at(entries.count++) = index;
  }
  /// Texts and the like.
  template <class R, class... P>
  static void wrap(R (*&)(P...), std::size_t) {}
};

}  // namespace assay
