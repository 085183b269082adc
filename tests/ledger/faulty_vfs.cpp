#include "faulty_vfs.h"

#include <sqlite3.h>

#include <cstring>

namespace assay::pricing::ledger::test {
namespace {

/// SQLite's files carry no pointer for users, so there is one plan of faults a process.
struct Plan {
  int call = 0;
  DiskFault fault = DiskFault::eio;
  bool has_struck = false;
  std::vector<std::string> calls;
};
Plan& plan() {
  static Plan the_plan;
  return the_plan;
}

/// Whether this call is the one that breaks.
bool strikes(const char* name) {
  plan().calls.emplace_back(name);
  if (static_cast<int>(plan().calls.size()) != plan().call) return false;
  plan().has_struck = true;
  return true;
}

struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real;
};
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<FaultyFile*>(file)->real;
}
sqlite3_vfs* usual() {
  return sqlite3_vfs_find("unix");
}

int close_file(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}
int read_file_at(sqlite3_file* file, void* into, int size, sqlite3_int64 at) {
  if (strikes("read")) return SQLITE_IOERR_READ;
  return real(file)->pMethods->xRead(real(file), into, size, at);
}
int write_file_at(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  if (strikes("write")) {
    if (plan().fault == DiskFault::enospc) return SQLITE_FULL;
    if (plan().fault == DiskFault::short_write) {
      (void)real(file)->pMethods->xWrite(real(file), from, size / 2, at);
    }
    return SQLITE_IOERR_WRITE;
  }
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (strikes("truncate")) return SQLITE_IOERR_TRUNCATE;
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  if (strikes("sync")) return SQLITE_IOERR_FSYNC;
  return real(file)->pMethods->xSync(real(file), flags);
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  if (strikes("size")) return SQLITE_IOERR_FSTAT;
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  if (strikes("lock")) return SQLITE_IOERR_LOCK;
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int is_reserved(sqlite3_file* file, int* result) {
  return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int map_shared(sqlite3_file* file, int region, int size, int extend, void volatile** result) {
  if (strikes("map shared")) return SQLITE_IOERR_SHMMAP;
  return real(file)->pMethods->xShmMap(real(file), region, size, extend, result);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  const bool unlocks = (flags & SQLITE_SHM_UNLOCK) != 0;
  if (!unlocks && strikes("lock shared")) return SQLITE_IOERR_SHMLOCK;
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int unmap_shared(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods kMethods{
    2,         close_file,   read_file_at,    write_file_at, truncate_file,
    sync_file, size_of_file, lock_file,       unlock_file,   is_reserved,
    control,   sector_size,  characteristics, map_shared,    lock_shared,
    barrier,   unmap_shared, nullptr,         nullptr};

int open_file(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags,
              int* out_flags) {
  auto* faulty = reinterpret_cast<FaultyFile*>(file);
  faulty->base.pMethods = nullptr;
  if (strikes("open")) return SQLITE_CANTOPEN;
  faulty->real = reinterpret_cast<sqlite3_file*>(faulty + 1);
  const int code = usual()->xOpen(usual(), name, faulty->real, flags, out_flags);
  if (code == SQLITE_OK) faulty->base.pMethods = &kMethods;
  return code;
}
int delete_file(sqlite3_vfs* /*vfs*/, const char* name, int sync_folder) {
  if (strikes("delete")) return SQLITE_IOERR_DELETE;
  return usual()->xDelete(usual(), name, sync_folder);
}
int access_file(sqlite3_vfs* /*vfs*/, const char* name, int flags, int* result) {
  if (strikes("access")) return SQLITE_IOERR_ACCESS;
  return usual()->xAccess(usual(), name, flags, result);
}

}  // namespace

const char* faulty_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_initialize();
    sqlite3_vfs copy = *usual();
    copy.zName = "faulty";
    copy.szOsFile = static_cast<int>(sizeof(FaultyFile)) + usual()->szOsFile;
    copy.xOpen = open_file;
    copy.xDelete = delete_file;
    copy.xAccess = access_file;
    copy.pNext = nullptr;
    return copy;
  }();
  static const int kRegistered = sqlite3_vfs_register(&vfs, 0);
  return kRegistered == SQLITE_OK ? vfs.zName : nullptr;
}

void begin_faults(int call, DiskFault fault) {
  plan() = {call, fault, false, {}};
}
const std::vector<std::string>& faulty_calls() {
  return plan().calls;
}
bool fault_has_struck() {
  return plan().has_struck;
}

}  // namespace assay::pricing::ledger::test
