#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "fuse/sandbox.h"

namespace imgfs {
namespace {

/// Runs `inside` in a process that is locked up; its exit code, or 1000 + the signal.
int locked_up(SandboxRole role, const std::function<int()>& inside) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto state = close_sandbox(role, {});
    ::_exit(state ? inside() : 99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct Attempt {
  const char* name;
  int (*run)();  ///< 0 where it was refused
};
void PrintTo(const Attempt& attempt, std::ostream* out) { *out << attempt.name; }

int refused(long result) { return result < 0 && (errno == EACCES || errno == EPERM || errno == ENOSYS) ? 0 : 1; }

int connect_somewhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return refused(fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return refused(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

int execute_something() {
  char* const arguments[] = {const_cast<char*>("/bin/true"), nullptr};
  return refused(::execve("/bin/true", arguments, nullptr));
}

int executable_memory() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 2;
  return refused(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

const std::vector<Attempt> kAttempts = {
    {"open_passwd", [] { return refused(::open("/etc/passwd", O_RDONLY)); }},
    {"open_root_directory", [] { return refused(::open("/", O_RDONLY | O_DIRECTORY)); }},
    {"open_by_proc", [] { return refused(::open("/proc/self/mem", O_RDWR)); }},
    {"create_a_file", [] { return refused(::open("/tmp/imgfs-escape", O_WRONLY | O_CREAT, 0600)); }},
    {"connect", connect_somewhere},
    {"execute", execute_something},
    {"executable_memory", executable_memory},
    {"ptrace_parent", [] { return refused(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr)); }},
    {"fork", [] { return refused(::fork()); }},
    {"kill_parent", [] { return refused(::kill(::getppid(), 0)); }},
    {"mount", [] { return refused(::mount("none", "/mnt", "tmpfs", 0, nullptr)); }},
    {"unmount", [] { return refused(::umount2("/mnt", MNT_DETACH)); }},
    {"unlink", [] { return refused(::unlink("/tmp/imgfs-no-such-file")); }},
    {"change_mode", [] { return refused(::chmod("/tmp", 0777)); }},
    {"other_process_memory",
     [] { return refused(::syscall(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0)); }},
    {"io_uring", [] { return refused(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
    {"bpf", [] { return refused(::syscall(SYS_bpf, 0, nullptr, 0)); }},
    {"new_namespace", [] { return refused(::syscall(SYS_unshare, 0x10000000)); }},
};

class SandboxRefuses : public testing::TestWithParam<std::tuple<SandboxRole, Attempt>> {};

TEST_P(SandboxRefuses, FromInside) {
  const auto& [role, attempt] = GetParam();
  EXPECT_EQ(locked_up(role, attempt.run), 0);
}

INSTANTIATE_TEST_SUITE_P(Fuse, SandboxRefuses,
                         testing::Combine(testing::Values(SandboxRole::server, SandboxRole::reporter),
                                          testing::ValuesIn(kAttempts)),
                         [](const auto& row) {
                           const bool server = std::get<0>(row.param) == SandboxRole::server;
                           return std::string(server ? "server_" : "reporter_") + std::get<1>(row.param).name;
                         });

TEST(Sandbox, AllowsWhatServingNeeds) {
  const int file = ::open("/proc/version", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(locked_up(SandboxRole::server,
                      [file] {
                        char byte = 0;
                        if (::pread(file, &byte, 1, 0) != 1) return 1;
                        std::vector<char> memory(32 << 20, 'x');
                        int answer = 0;
                        std::thread([&] { answer = memory.back() == 'x' ? 42 : 0; }).join();
                        return answer == 42 ? 0 : 2;
                      }),
            0);
  ::close(file);
}

TEST(Sandbox, LetsTheReporterOpenItsOwnMemoryFiles) {
  EXPECT_EQ(locked_up(SandboxRole::reporter,
                      [] {
                        const int fd = ::memfd_create("hive", MFD_CLOEXEC);
                        if (fd < 0 || ::write(fd, "hive", 4) != 4) return 1;
                        const std::string path = "/proc/self/fd/" + std::to_string(fd);
                        const int again = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
                        if (again < 0) return 2;
                        char byte = 0;
                        return ::read(again, &byte, 1) == 1 && byte == 'h' ? 0 : 3;
                      }),
            0);
}

}  // namespace
}  // namespace imgfs
