#include "fuse/check.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "checkers/report.h"
#include "checkers/windows_hive.h"
#include "core/file_device.h"
#include "core/text.h"
#include "fuse/options.h"
#include "fuse/sandbox.h"
#include "vfs/tree.h"

namespace imgfs {
namespace {

constexpr int kPass = 0, kFail = 1, kUndecided = 2, kUnusable = 3;
constexpr std::size_t kMemory = std::size_t{4} << 30;

struct CheckOptions {
  std::string policy = "tencent-cvm";
  bool json = false;
  bool version = false;
  bool verbose = false;
  std::string sandbox = "on";
  OpenOptions open;
  std::vector<std::string> images;
};

int complain(const std::string& line) {
  std::fprintf(stderr, "imgfs-check: %s\n", line.c_str());
  return kUnusable;
}

/// A scan of a large image takes its time: a terminal is shown how far it is.
std::function<void(std::uint64_t)> progress_on_terminal(std::uint64_t size) {
  if (::isatty(STDERR_FILENO) == 0 || size == 0) return {};
  auto last = std::make_shared<std::chrono::steady_clock::time_point>(std::chrono::steady_clock::now());
  return [size, last](std::uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (now - *last < std::chrono::milliseconds(200) && done < size) return;
    *last = now;
    std::fprintf(stderr, "\rscanning %3llu %%%s",
                 static_cast<unsigned long long>(std::min<std::uint64_t>(100, done / (size / 100 + 1))),
                 done >= size ? "\r\x1b[K" : "");
  };
}

int exit_code(const Report& report) {
  if (report.verdict == "fail") return kFail;
  return report.verdict == "unknown" ? kUndecided : kPass;
}

/// One image, in a process of its own.
int check_image(const CheckOptions& options, const std::string& path,
                const std::vector<Policy>& policies) {
  auto image = open_image_file(path, options.open);
  if (!image) return complain(describe(image.error()));
  checkers::prepare_hives();
  if (options.sandbox == "on") {
    const auto state = close_sandbox(SandboxRole::reporter, {.address_space = kMemory});
    if (!state) return complain(describe(state.error()));
  }
  TreeOptions tree_options;
  tree_options.report = false;
  const auto tree = open_tree(std::move(image.value()), std::move(tree_options));
  if (!tree) return complain(printable(path) + ": " + describe(tree.error()));
  int worst = kPass;
  const auto reports =
      make_reports(*tree.value(), path, policies, progress_on_terminal(tree.value()->disk().size()));
  for (const Report& report : reports) {
    std::fputs((options.json ? report.json + "\n" : report.text).c_str(), stdout);
    if (!options.json && &report != &reports.back()) std::fputs("\n", stdout);
    worst = std::max(worst, exit_code(report));
  }
  return std::fflush(stdout) == 0 ? worst : complain("cannot write the report");
}

/// Each image is looked at by a child, so that one that brings it down costs only its own report.
int check_in_child(const CheckOptions& options, const std::string& path,
                   const std::vector<Policy>& policies) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child < 0) return complain("cannot start a process");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int code = kUndecided;
    try {
      code = check_image(options, path, policies);
    } catch (const std::exception& exception) {
      std::fprintf(stderr, "imgfs-check: %s: %s\n", printable(path).c_str(),
                   printable(exception.what()).c_str());
    }
    std::fflush(stdout);
    ::_exit(code);
  }
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(state)) return WEXITSTATUS(state);
  std::fprintf(stderr, "imgfs-check: %s: the check was ended by signal %d\n", printable(path).c_str(),
               WTERMSIG(state));
  return kUndecided;
}

/// True where the program should end with `code`.
bool parse(int argc, char** argv, CheckOptions& options, int& code) {
  CLI::App app{"Says whether a cloud would take a disk image, without a mount and without root.",
               "imgfs-check"};
  std::string format, backing = "deny";
  app.add_option("--policy", options.policy, "rule set: a name, a file, or all")->capture_default_str();
  app.add_flag("--json", options.json, "one JSON object a line for each image and policy");
  app.add_option("--format", format, "raw, vhd, qcow2, vmdk, vhdx or vdi; else by the file's bytes");
  app.add_option("--backing", backing, "deny, same-dir or any: where files may lie that the image names");
  app.add_option("--sandbox", options.sandbox, "on or off")->check(CLI::IsMember({"on", "off"}));
  app.add_flag("-V,--version", options.version, "the version; with -v also what the sandbox is made of");
  app.add_flag("-v,--verbose", options.verbose);
  app.add_option("IMAGE", options.images, "disk image files");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    code = error.get_exit_code() == 0 ? kPass : kUnusable;
    if (code == kPass)
      std::fputs(app.help().c_str(), stdout);
    else
      complain(printable(error.what()) + " (see imgfs-check --help)");
    return true;
  }
  const auto parsed_backing = parse_backing(backing);
  const auto parsed_format = format.empty() ? Result<std::string>(format) : parse_format(format);
  if (!parsed_backing) return code = complain(describe(parsed_backing.error())), true;
  if (!parsed_format) return code = complain(describe(parsed_format.error())), true;
  options.open.backing = parsed_backing.value();
  options.open.format = parsed_format.value();
  return false;
}

Result<std::vector<Policy>> chosen_policies(const std::string& name) {
  if (name == "all") return load_all_policies();
  return std::vector<Policy>{TRY(load_policy(name))};
}

}  // namespace

int run_check(int argc, char** argv) {
  CheckOptions options;
  int code = kPass;
  if (parse(argc, argv, options, code)) return code;
  if (options.version) {
    std::puts("imgfs-check " IMGFS_VERSION);
    if (options.verbose) std::printf("sandbox: %s\n", sandbox_support().c_str());
    return kPass;
  }
  if (options.images.empty()) return complain("expected at least one IMAGE (see imgfs-check --help)");
  const auto policies = chosen_policies(options.policy);
  if (!policies) return complain(describe(policies.error()));
  for (const std::string& path : options.images)
    code = std::max(code, check_in_child(options, path, policies.value()));
  return code;
}

}  // namespace imgfs
