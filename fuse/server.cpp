#include "fuse/server.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <mutex>

#include "checkers/policy.h"
#include "core/byte_cache.h"
#include "core/text.h"
#include "fuse/operations.h"
#include "fuse/reporter.h"
#include "fuse/request_loop.h"
#include "fuse/sandbox.h"
#include "fuse/terminal.h"

namespace imgfs {
namespace {

constexpr std::size_t kServerMemory = std::size_t{8} << 30;  // address space: threads' stacks count

void say(int status, std::string_view line) {
  while (!line.empty()) {
    const ssize_t count = ::write(status, line.data(), line.size());
    if (count <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Asks the reporter once for both forms; whatever goes wrong is a report that says so.
class ReportSource {
 public:
  ReportSource(const Options& options, int requests) : options_(options), requests_(requests) {}

  void use(const Tree* tree) { tree_ = tree; }

  Result<std::string> make(ReportForm form) {
    std::call_once(once_, [&] { texts_ = ask(); });
    return form == ReportForm::text ? texts_.text : texts_.json;
  }

 private:
  ReportTexts ask() {
    const char byte = 'r';
    if (::write(requests_, &byte, 1) != 1) return failed_report(options_, *tree_, "no reporter process");
    auto texts = receive_report(requests_, kReportSeconds + 10);
    if (texts) return std::move(texts.value());
    log(LogLevel::error, "report: " + describe(texts.error()));
    return failed_report(options_, *tree_, printable(texts.error().what));
  }

  const Options& options_;
  const int requests_;
  const Tree* tree_ = nullptr;
  std::once_flag once_;
  ReportTexts texts_;
};

Result<std::shared_ptr<Tree>> open_served_tree(const Options& options, int image, ReportSource& reports) {
  TRY(load_policy(options.policy));  // a mistake in it is told now and not when the report is read
  OpenOptions open = options.open;
  open.descriptor = image;
  auto opened = open_image_file(options.image, open);
  if (!opened) return opened.error();
  TreeOptions tree_options;
  tree_options.links = options.links;
  tree_options.recovery = options.recovery;
  tree_options.report = options.report;
  tree_options.uid = ::getuid();
  tree_options.gid = ::getgid();
  tree_options.make_report = [&reports](ReportForm form) { return reports.make(form); };
  const auto tree = TRY(open_tree(std::move(opened.value()), std::move(tree_options)));
  reports.use(tree.get());
  return tree;
}

class Session {
 public:
  Session() = default;
  ~Session() {
    if (session_ != nullptr) ::fuse_session_destroy(session_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<void> mount(const Options& options, Served& served) {
    const std::string list = options.mount_options;
    const char* arguments[] = {"imgfs", "-o", list.c_str()};
    fuse_args args = FUSE_ARGS_INIT(3, const_cast<char**>(arguments));
    session_ = ::fuse_session_new(&args, &operations(), sizeof(fuse_lowlevel_ops), &served);
    ::fuse_opt_free_args(&args);
    if (session_ == nullptr) return Error{Errc::invalid, "the mount options were refused", {}};
    if (::fuse_session_mount(session_, options.mount_point.c_str()) != 0)
      return Error{Errc::denied,
                   "cannot mount on " + options.mount_point +
                       ": /dev/fuse or fusermount3 (package fuse3) is missing, or mounting there is not allowed",
                   {}};
    return success();
  }

  int loop() { return serve_requests(session_); }

 private:
  fuse_session* session_ = nullptr;
};

/// With less than this much address space threads fail to start half-way, and not in order.
constexpr rlim_t kLeastMemory = rlim_t{192} << 20;

Result<void> check_memory_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur >= kLeastMemory) return success();
  return Error{Errc::too_large,
               "the address space is limited to " + std::to_string(limit.rlim_cur >> 20) +
                   " MiB (ulimit -v); at least " + std::to_string(kLeastMemory >> 20) + " MiB are needed",
               {}};
}

Result<void> serve(const Options& options, int image, int status, ReportSource& reports, int& code) {
  TRY(check_memory_limit());
  set_cache_capacity(options.cache_bytes);
  Served served;
  served.tree = TRY(open_served_tree(options, image, reports));
  Session session;
  TRY(session.mount(options, served));
  if (!options.foreground) leave_terminal();
  if (options.sandbox == Sandbox::on) {
    // In the foreground the log's standard error may be a file.
    const bool writes = options.foreground || !options.log.file.empty();
    const std::string state = TRY(close_sandbox(
        SandboxRole::server, {.address_space = kServerMemory, .may_write_files = writes}));
    log(LogLevel::info, "sandbox: " + state);
  } else {
    log(LogLevel::warning, "sandbox: off");
  }
  say(status, "R");
  ::close(status);
  code = session.loop();
  // The launcher unmounts: here it is neither possible nor needed. No destructors: threads that wait
  // for a report may still run.
  ::_exit(code == 0 ? 0 : 1);
}

}  // namespace

int run_server(const Options& options, int image, int status, int requests) {
  // A key pressed in the terminal reaches the whole group: the launcher decides what it means.
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::mallopt(M_ARENA_MAX, 4);
  ReportSource reports(options, requests);
  int code = 1;
  const auto done = serve(options, image, status, reports, code);
  if (done) return code;
  say(status, describe(done.error()));
  return 1;
}

}  // namespace imgfs
