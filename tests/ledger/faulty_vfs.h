#pragma once
/// A file system for SQLite that passes every call on to the usual one, counts them, and breaks
/// one: the n-th call of a run fails as a disk fails.
#include <string>
#include <vector>

namespace assay::pricing::ledger::test {

enum class DiskFault {
  eio,          ///< the call is not made and reports an input/output error
  enospc,       ///< writes report a full disk; other calls an input/output error
  short_write,  ///< half of what should be written is, then an error; other calls as eio
};

/// Registers the file system with SQLite, once a process; its name for sqlite3_open_v2.
[[nodiscard]] const char* faulty_vfs();

/// From here on calls are counted from 1 and number `call` breaks; 0: none.
void begin_faults(int call, DiskFault fault);

/// Names of the calls since begin_faults: "write", "sync", ...
[[nodiscard]] const std::vector<std::string>& faulty_calls();
[[nodiscard]] bool fault_has_struck();

}  // namespace assay::pricing::ledger::test
