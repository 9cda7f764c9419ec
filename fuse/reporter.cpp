#include "fuse/reporter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "checkers/report.h"
#include "checkers/windows_hive.h"
#include "core/byte_cache.h"
#include "fuse/mount_point.h"
#include "fuse/sandbox.h"
#include "vfs/tree.h"

namespace imgfs {
namespace {

constexpr std::size_t kReportMemory = std::size_t{1} << 30;

constexpr const char* kChecks[] = {"image-format",     "image-size",   "partition-table",
                                   "root-partition",   "operating-system", "architecture",
                                   "virtio",           "cloud-init",   "kernel",
                                   "device-names",     "file-system"};

/// In the new process: the report goes to the pipe `out`; where this dies, the pipe's end is seen.
[[noreturn]] void report_and_exit(const Options& options, int image, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_DFL);
  int code = 1;
  try {
    const auto texts = make_report_texts(options, image);
    if (texts && send_report(out, texts.value())) code = 0;
    if (!texts) send_failure(out, describe(texts.error()));
  } catch (const std::exception& exception) {
    send_failure(out, exception.what());
  }
  ::_exit(code);
}

/// One request: a process of its own makes the report; what comes of it goes to the server.
void answer_request(const Options& options, int image, int requests, int alive) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    send_failure(requests, "no pipe");
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    report_and_exit(options, image, ends[1]);
  }
  ::close(ends[1]);
  const Result<ReportTexts> texts = child < 0
                                        ? Result<ReportTexts>(Error{Errc::io, "no process", {}})
                                        : receive_report(ends[0], kReportSeconds, alive);
  ::close(ends[0]);
  if (child > 0) {
    ::kill(child, SIGKILL);  // harmless where it is done
    ::waitpid(child, nullptr, 0);
  }
  if (texts)
    send_report(requests, texts.value());
  else
    send_failure(requests, describe(texts.error()));
}

/// The launcher was killed. It would have unmounted; now that is ours to do, as soon as the server, which
/// dies with it, is gone.
void unmount_for_launcher(const std::string& mount_point) {
  for (int waited = 0; waited < 100; ++waited) {
    const std::string device = mounted_device(mount_point);
    if (device.empty()) return;
    unmount_device(device, mount_point, Whose::dead);
    ::usleep(5'000);
  }
}

}  // namespace

Result<ReportTexts> make_report_texts(const Options& options, int image) {
  set_cache_capacity(options.cache_bytes);
  OpenOptions open = options.open;
  open.descriptor = image;
  const Policy policy = TRY(load_policy(options.policy));
  Image opened = TRY(open_image_file(options.image, open));
  checkers::prepare_hives();
  if (options.sandbox == Sandbox::on)
    TRY(close_sandbox(SandboxRole::reporter, {.address_space = kReportMemory,
                                              .cpu_seconds = kReportSeconds}));
  TreeOptions tree_options;
  tree_options.links = options.links;
  tree_options.recovery = options.recovery;
  tree_options.report = false;
  const auto tree = TRY(open_tree(std::move(opened), std::move(tree_options)));
  Report report = make_report({*tree, options.image_shown, policy, {}});
  return ReportTexts{std::move(report.text), std::move(report.json) + "\n"};
}

ReportTexts failed_report(const Options& options, const Tree& tree, const std::string& reason) {
  using Json = nlohmann::ordered_json;
  const ImageInfo& image = tree.image();
  const std::string summary = "The report could not be made: " + reason;
  Json findings = Json::array();
  std::string text = "imgfs " IMGFS_VERSION "\nVerdict: unknown\n\n" + summary + "\n";
  for (const char* check : kChecks) {
    findings.push_back({{"check", check}, {"status", "unknown"}, {"code", nullptr}, {"summary", summary},
                        {"evidence", Json::array()}, {"fix", nullptr}});
    text += std::string("\n[unknown] ") + check + "\n";
  }
  const Json json = {
      {"schema", 1},
      {"tool", "imgfs " IMGFS_VERSION},
      {"image",
       {{"path", options.image_shown}, {"format", image.format}, {"variant", image.variant},
        {"virtual_size", tree.disk().size()}, {"file_size", image.file_size}, {"qcow2_size", nullptr},
        {"qcow2_size_bound", "upper"}}},
      {"policy", {{"id", options.policy}, {"source", ""}}},
      {"volumes", Json::array()},
      {"guest", nullptr},
      {"verdict", "unknown"},
      {"codes", Json::array()},
      {"findings", findings}};
  return {text, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

void run_reporter(const Options& options, int image, int requests, int alive) {
  ::signal(SIGPIPE, SIG_IGN);
  for (;;) {
    pollfd wait[2] = {{requests, POLLIN, 0}, {alive, POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0 && errno == EINTR) continue;
    if (wait[1].revents != 0) {
      unmount_for_launcher(options.mount_point);
      ::_exit(0);
    }
    if (wait[0].revents == 0) continue;
    char byte = 0;
    const ssize_t count = ::read(requests, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      // The server is gone; the launcher unmounts and ends us. Only its death is left to wait for.
      requests = -1;
      continue;
    }
    answer_request(options, image, requests, alive);
  }
}

}  // namespace imgfs
