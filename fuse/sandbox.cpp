#include "fuse/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace imgfs {
namespace {

/// Debian 12's header knows only the first field; the kernel takes the longer form by its size.
struct LandlockAttributes {
  std::uint64_t file_system;
  std::uint64_t network;
  std::uint64_t scoped;
};
constexpr unsigned kLandlockVersion = 1;

long landlock_abi() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kLandlockVersion);
}

/// A ruleset that handles everything and allows nothing. The version in force, 0 where there is none.
long restrict_by_landlock() {
  const long abi = landlock_abi();
  if (abi < 1) return 0;
  const unsigned file_rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
  LandlockAttributes attributes{};
  attributes.file_system = (std::uint64_t{1} << file_rights) - 1;
  attributes.network = abi >= 4 ? 3 : 0;
  attributes.scoped = abi >= 6 ? 3 : 0;
  // Some kernels claim a version without all of it: less is tried then.
  for (const std::size_t size : {abi >= 6 ? 24U : 16U, abi >= 4 ? 16U : 8U, 8U}) {
    const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (fd < 0) continue;
    const long done = ::syscall(SYS_landlock_restrict_self, fd, 0);
    ::close(static_cast<int>(fd));
    return done == 0 ? abi : 0;
  }
  return 0;
}

void drop_capabilities() {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  const cap_t none = ::cap_init();
  ::cap_set_proc(none);
  ::cap_free(none);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

void limit(__rlimit_resource resource, rlim_t value) {
  rlimit both{};
  ::getrlimit(resource, &both);
  if (both.rlim_max != RLIM_INFINITY && both.rlim_max < value) value = both.rlim_max;
  both.rlim_cur = both.rlim_max = value;
  ::setrlimit(resource, &both);
}

constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    true;
#else
    false;
#endif

void set_limits(SandboxRole role, const SandboxLimits& limits) {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_MEMLOCK, 0);
  // A reporter's memory files count, too.
  if (role == SandboxRole::server && !limits.may_write_files) limit(RLIMIT_FSIZE, 0);
  if (limits.cpu_seconds != 0) limit(RLIMIT_CPU, limits.cpu_seconds);
  // A sanitizer's shadow memory alone is larger than any limit that makes sense.
  if (limits.address_space != 0 && !kSanitized) limit(RLIMIT_AS, limits.address_space);
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Filter() { ::seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void allow(std::initializer_list<int> calls) {
    for (const int call : calls) add(SCMP_ACT_ALLOW, call, {});
  }
  void allow_if(int call, scmp_arg_cmp condition) { add(SCMP_ACT_ALLOW, call, {condition}); }
  void refuse(int number, std::initializer_list<int> calls) {
    for (const int call : calls) add(SCMP_ACT_ERRNO(static_cast<unsigned>(number)), call, {});
  }
  bool load() { return !failed_ && ::seccomp_load(context_) == 0; }

 private:
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions) {
    if (context_ == nullptr ||
        ::seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(conditions.size()),
                                 conditions.begin()) != 0)
      failed_ = true;
  }

  scmp_filter_ctx context_;
  bool failed_ = false;
};

/// What a reader of open descriptors with threads and memory needs, and no more.
void allow_reading(Filter& filter) {
  filter.allow({SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
                SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll),
                SCMP_SYS(fstat), SCMP_SYS(fadvise64), SCMP_SYS(readahead)});
  filter.allow({SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(munmap), SCMP_SYS(madvise), SCMP_SYS(brk),
                SCMP_SYS(mremap), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sigaltstack),
                SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo), SCMP_SYS(restart_syscall)});
  filter.allow({SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
                SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(getrandom)});
  filter.allow({SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(tgkill)});
  filter.allow({SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
                SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(exit), SCMP_SYS(exit_group)});
  filter.allow_if(SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
  // No page may become executable, by whatever way.
  filter.allow_if(SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  filter.allow_if(SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  // Threads, but no processes. clone3's arguments are behind a pointer: the C library falls back.
  filter.allow_if(SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.refuse(ENOSYS, {SCMP_SYS(clone3)});
  filter.refuse(EACCES, {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(socket),
                         SCMP_SYS(connect)});
}

bool load_filter(SandboxRole role) {
  Filter filter;
  allow_reading(filter);
  if (role == SandboxRole::server) {
    filter.refuse(EACCES, {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat),
                           SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(readlink)});
  } else {
    // hivex and SQLite want files: memory files are theirs to open, and Landlock leaves no others.
    filter.allow({SCMP_SYS(memfd_create), SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(newfstatat),
                  SCMP_SYS(fcntl), SCMP_SYS(ftruncate), SCMP_SYS(pwrite64), SCMP_SYS(access),
                  SCMP_SYS(getcwd), SCMP_SYS(dup), SCMP_SYS(readlink), SCMP_SYS(uname), SCMP_SYS(stat),
                  SCMP_SYS(lstat), SCMP_SYS(umask), SCMP_SYS(fsync), SCMP_SYS(fdatasync)});
  }
  return filter.load();
}

}  // namespace

std::string sandbox_support() {
  const long abi = landlock_abi();
  const bool seccomp = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
  return "landlock=" + std::to_string(abi < 0 ? 0 : abi) + " seccomp=" + (seccomp ? "available" : "missing");
}

Result<std::string> close_sandbox(SandboxRole role, const SandboxLimits& limits) {
  ::tzset();  // reads its file now: later there is no way to it
  set_limits(role, limits);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Error{Errc::io, "cannot give up new privileges: " + std::string(std::strerror(errno)), {}};
  const long landlock = restrict_by_landlock();
  if (landlock == 0 && role == SandboxRole::reporter) role = SandboxRole::server;  // no opens at all then
  drop_capabilities();
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!load_filter(role))
    return Error{Errc::io, "cannot load the seccomp filter; -o sandbox=off does without", {}};
  return "landlock=" + std::to_string(landlock) + " seccomp=on capabilities=none";
}

}  // namespace imgfs
