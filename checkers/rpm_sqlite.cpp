#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>

#include <sqlite3.h>

#include "checkers/packages.h"
#include "core/bytes.h"

namespace imgfs::checkers {
namespace {

/// What our file system for SQLite reads: one file of the guest. Set for the time of one open, on this
/// thread; there is no way to hand a pointer through a name that does not look like one.
struct Target {
  const GuestFiles* files;
  std::string path;
  std::uint64_t size;
  std::optional<Error> problem;
};
thread_local Target* current = nullptr;

struct File {
  sqlite3_file base;
  Target* target;
};
File* as_file(sqlite3_file* file) { return reinterpret_cast<File*>(file); }  // NOLINT: as SQLite does

int file_read(sqlite3_file* handle, void* out, int count, sqlite3_int64 offset) {
  Target& target = *as_file(handle)->target;
  const auto bytes = std::span(static_cast<std::byte*>(out), static_cast<std::size_t>(count));
  const auto got = target.files->read(target.path, static_cast<std::uint64_t>(offset), bytes);
  if (!got) {
    target.problem = got.error();
    return SQLITE_IOERR_READ;
  }
  // The header says that there is a write-ahead log; there is none that we could open.
  for (sqlite3_int64 at = 18; at < 20; ++at)
    if (at >= offset && at - offset < static_cast<sqlite3_int64>(got.value()))
      bytes[static_cast<std::size_t>(at - offset)] = std::byte{1};
  if (got.value() == bytes.size()) return SQLITE_OK;
  std::ranges::fill(bytes.subspan(got.value()), std::byte{0});
  return SQLITE_IOERR_SHORT_READ;
}
int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(as_file(handle)->target->size);
  return SQLITE_OK;
}
int file_close(sqlite3_file*) { return SQLITE_OK; }
int file_write(sqlite3_file*, const void*, int, sqlite3_int64) { return SQLITE_READONLY; }
int file_truncate(sqlite3_file*, sqlite3_int64) { return SQLITE_READONLY; }
int file_sync(sqlite3_file*, int) { return SQLITE_OK; }
int file_lock(sqlite3_file*, int) { return SQLITE_OK; }
int file_reserved(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int file_sector(sqlite3_file*) { return 4096; }
int file_traits(sqlite3_file*) { return SQLITE_IOCAP_IMMUTABLE; }

sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = file_close;
  methods.xRead = file_read;
  methods.xWrite = file_write;
  methods.xTruncate = file_truncate;
  methods.xSync = file_sync;
  methods.xFileSize = file_size;
  methods.xLock = file_lock;
  methods.xUnlock = file_lock;
  methods.xCheckReservedLock = file_reserved;
  methods.xFileControl = file_control;
  methods.xSectorSize = file_sector;
  methods.xDeviceCharacteristics = file_traits;
  return methods;
}
const sqlite3_io_methods kMethods = make_methods();

int vfs_open(sqlite3_vfs*, const char*, sqlite3_file* handle, int flags, int* out_flags) {
  handle->pMethods = nullptr;
  if (current == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  as_file(handle)->target = current;
  handle->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = SQLITE_OPEN_READONLY;
  return SQLITE_OK;
}
int vfs_delete(sqlite3_vfs*, const char*, int) { return SQLITE_READONLY; }
int vfs_access(sqlite3_vfs*, const char*, int, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int vfs_full_name(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}
int vfs_randomness(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 0, static_cast<std::size_t>(size));
  return size;
}
int vfs_sleep(sqlite3_vfs*, int) { return 0; }
int vfs_time(sqlite3_vfs*, double* out) {
  *out = 0;
  return SQLITE_OK;
}

constexpr const char* kVfsName = "imgfs-guest";

void register_vfs() {
  static std::once_flag once;
  std::call_once(once, [] {
    static sqlite3_vfs vfs{};
    vfs.iVersion = 1;
    vfs.szOsFile = sizeof(File);
    vfs.mxPathname = 64;
    vfs.zName = kVfsName;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_name;
    vfs.xRandomness = vfs_randomness;
    vfs.xSleep = vfs_sleep;
    vfs.xCurrentTime = vfs_time;
    sqlite3_vfs_register(&vfs, 0);
  });
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

Error failure(sqlite3* database, const Target& target) {
  if (target.problem) return *target.problem;
  return corrupt(std::string("SQLite: ") + sqlite3_errmsg(database));
}

/// A hostile database may hold triggers, views and a schema that never ends.
void restrain(sqlite3* database) {
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 16 << 20);
  // At most 20 million steps of its machine; each call comes after 100,000.
  static thread_local int calls;
  calls = 0;
  sqlite3_progress_handler(database, 100'000, [](void* count) { return ++*static_cast<int*>(count) > 200 ? 1 : 0; },
                           &calls);
}

Result<void> collect(sqlite3* database, const Target& target, Packages& packages) {
  // The index on Name keeps the reading small.
  static constexpr const char* kQuery =
      "SELECT p.blob FROM Name AS n JOIN Packages AS p ON p.hnum = n.hnum WHERE n.key >= ?1 AND n.key < ?2";
  struct Range {
    const char* from;
    const char* to;
  };
  ReadWork work;
  for (const auto& [from, to] : {Range{"cloud-init", "cloud-inju"}, Range{"kernel", "kernem"},
                                 Range{"linux", "linuy"}, Range{"tencent-linux", "tencent-linuy"}}) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database, kQuery, -1, &raw, nullptr) != SQLITE_OK)
      return failure(database, target);
    const Statement statement(raw);
    sqlite3_bind_text(raw, 1, from, -1, SQLITE_STATIC);
    sqlite3_bind_text(raw, 2, to, -1, SQLITE_STATIC);
    int status = SQLITE_ROW;
    while ((status = sqlite3_step(raw)) == SQLITE_ROW && packages.found.size() < 1000) {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(raw, 0));
      const auto blob = std::span(bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(raw, 0)));
      Package package = TRY(read_rpm_header(
          blob.size(), [&](std::uint64_t at, std::span<std::byte> out) -> Result<std::size_t> {
            if (at >= blob.size()) return std::size_t{0};
            const auto piece = blob.subspan(static_cast<std::size_t>(at));
            const std::size_t count = std::min(out.size(), piece.size());
            if (const auto within = work.add(count); !within) return within.error();
            std::copy_n(piece.begin(), count, out.begin());
            return count;
          }));
      if (package_matters(package.name)) packages.found.push_back(std::move(package));
    }
    if (status != SQLITE_DONE && status != SQLITE_ROW) return failure(database, target);
  }
  return success();
}

}  // namespace

Result<void> read_rpm_sqlite(const GuestFiles& files, std::string_view path, Packages& packages) {
  Target target{&files, std::string(path), TRY(files.stat(path)).size, {}};
  register_vfs();
  current = &target;
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2("file:guest?immutable=1", &raw,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                                     kVfsName);
  const Database database(raw);
  if (raw == nullptr) return Error{Errc::too_large, "no memory for SQLite"};
  if (status != SQLITE_OK) {
    current = nullptr;
    return failure(raw, target);
  }
  restrain(raw);
  const auto done = collect(raw, target, packages);
  current = nullptr;
  if (!done) return done.error();
  // What a write-ahead log holds is newer than the file; we do not read it.
  const auto log = files.stat(std::string(path) + "-wal");
  packages.complete = !log || log.value().size == 0;
  return success();
}

}  // namespace imgfs::checkers
