#include "fuse/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "core/file_device.h"
#include "core/text.h"
#include "fuse/mount_point.h"
#include "fuse/reporter.h"
#include "fuse/server.h"
#include "fuse/terminal.h"

namespace imgfs {
namespace {

int complain(const std::string& line) {
  std::fprintf(stderr, "imgfs: %s\n", line.c_str());
  return 1;
}

sigset_t handled_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::sigaddset(&set, number);
  return set;
}

/// The two processes, and what ties them to us.
struct Children {
  pid_t server = -1;
  pid_t reporter = -1;
  int status = -1;  ///< the server tells on it when it is ready
  int alive = -1;   ///< open as long as we live: the reporter waits for its end
};

/// In a child: signals as usual again, and only the descriptors that it needs.
void become_child(std::initializer_list<int> not_ours) {
  const sigset_t none = [] {
    sigset_t set;
    ::sigemptyset(&set);
    return set;
  }();
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int fd : not_ours) ::close(fd);
}

Result<Children> start(const Options& options, int image) {
  int status[2], alive[2], requests[2];
  if (::pipe2(status, O_CLOEXEC) != 0 || ::pipe2(alive, O_CLOEXEC) != 0 ||
      ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, requests) != 0)
    return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno), {}};
  Children children;
  children.reporter = ::fork();
  if (children.reporter == 0) {
    become_child({status[0], status[1], alive[1], requests[0]});
    // It has to outlive the terminal and us.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
    if (!options.foreground) leave_terminal();
    run_reporter(options, image, requests[1], alive[0]);
  }
  children.server = children.reporter < 0 ? -1 : ::fork();
  if (children.server == 0) {
    become_child({status[0], alive[0], alive[1], requests[1]});
    ::_exit(run_server(options, image, status[1], requests[0]));
  }
  if (children.server < 0) {
    if (children.reporter > 0) ::kill(children.reporter, SIGKILL);
    return Error{Errc::io, std::string("cannot start a process: ") + std::strerror(errno), {}};
  }
  for (const int fd : {status[1], alive[0], requests[0], requests[1]}) ::close(fd);
  children.status = status[0];
  children.alive = alive[1];
  return children;
}

/// What the server says at its start; "R" means that all is well.
std::string wait_until_ready(int status) {
  std::string line;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(status, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || line.size() > 65536) break;
    line.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(status);
  return line;
}

/// Waits for `child` for so many milliseconds; true where it has ended.
bool ended_within(pid_t child, int milliseconds) {
  for (int waited = 0;; waited += 10) {
    const pid_t done = ::waitpid(child, nullptr, WNOHANG);
    if (done == child || (done < 0 && errno == ECHILD)) return true;
    if (waited >= milliseconds) return false;
    const timespec pause{0, 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

struct Mounted {
  std::string device;  ///< "0:57"; empty where there is none
  const std::string& point;
};

void end_reporter(const Children& children) {
  ::kill(children.reporter, SIGKILL);
  ended_within(children.reporter, 5000);
}

/// Ends everything: the mount first, then the processes.
void take_down(const Children& children, const Mounted& mounted) {
  unmount_device(mounted.device, mounted.point, Whose::ours);
  if (!ended_within(children.server, 300)) {
    ::kill(children.server, SIGKILL);
    ended_within(children.server, 5000);
  }
  unmount_device(mounted.device, mounted.point, Whose::dead);  // a killed server leaves a dead mount
  end_reporter(children);
}

/// Waits until the mount ends, or somebody dies, or we are told to stop.
int watch(const Children& children, const Mounted& mounted) {
  const sigset_t set = handled_signals();
  for (;;) {
    const int number = ::sigwaitinfo(&set, nullptr);
    if (number < 0) continue;
    if (number != SIGCHLD) break;
    int state = 0;
    const pid_t done = ::waitpid(-1, &state, WNOHANG);
    if (done == children.server) {
      unmount_device(mounted.device, mounted.point, Whose::dead);
      end_reporter(children);
      return WIFEXITED(state) ? WEXITSTATUS(state) : 1;
    }
    // Without the reporter nobody would unmount should we be killed: better to end in order now.
    if (done == children.reporter) break;
  }
  take_down(children, mounted);
  return 0;
}

/// Everything from the first fork on; `parent` is told how it went, where there is one.
int launch(const Options& options, int image, int parent) {
  const sigset_t set = handled_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const auto children = start(options, image);
  if (!children) return complain(describe(children.error()));
  const std::string said = wait_until_ready(children.value().status);
  const Mounted mounted{mounted_device(options.mount_point), options.mount_point};
  if (said != "R") {
    take_down(children.value(), mounted);
    return complain(said.empty() ? "the server ended before the mount was ready" : printable(said));
  }
  if (::geteuid() == 0) set_read_ahead(mounted.device);
  if (parent >= 0) {
    // Only now are the terminal's descriptors let go: whoever waits for their end may go on.
    leave_terminal();
    if (::write(parent, "R", 1) != 1) return take_down(children.value(), mounted), 1;
    ::close(parent);
  }
  return watch(children.value(), mounted);
}

/// Starts `launch` in a new session and waits until it is ready or has failed.
int launch_in_background(const Options& options, int image) {
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0) return complain("cannot make a pipe");
  const pid_t child = ::fork();
  if (child < 0) return complain("cannot start a process");
  if (child == 0) {
    ::close(ready[0]);
    ::setsid();
    if (::chdir("/") != 0) return 1;
    ::_exit(launch(options, image, ready[1]));
  }
  ::close(ready[1]);
  char byte = 0;
  ssize_t count = 0;
  do count = ::read(ready[0], &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count == 1) return 0;
  int state = 0;
  ::waitpid(child, &state, 0);
  return WIFEXITED(state) && WEXITSTATUS(state) != 0 ? WEXITSTATUS(state) : 1;
}

}  // namespace

int run_launcher(const Options& options) {
  const auto image = FileDevice::open(options.image);
  if (!image) return complain(printable(options.image_shown) + ": " + describe(image.error()));
  const auto mountable = check_mount_point(options.mount_point, options.allow_non_empty);
  if (!mountable)
    return complain("mount point " + printable(options.mount_point) + ": " + describe(mountable.error()));
  const int descriptor = image.value()->descriptor();
  return options.foreground ? launch(options, descriptor, -1) : launch_in_background(options, descriptor);
}

}  // namespace imgfs
