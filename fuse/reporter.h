#pragma once

#include "fuse/options.h"
#include "fuse/report_channel.h"

namespace imgfs {

/// Seconds after which a report that is not done is given up.
constexpr int kReportSeconds = 120;

/// Opens the image again from the open descriptor `image`, locks this process up, runs the checkers
/// and gives both forms. For a process that does nothing else: there is no way back.
Result<ReportTexts> make_report_texts(const Options& options, int image);

/// The report that says that there is none, and why: every check `unknown`.
ReportTexts failed_report(const Options& options, const Tree& tree, const std::string& reason);

/// The life of the reporter process. It parses nothing itself, so it needs no lock: it waits for
/// requests on `requests` (one byte each), forks a process for each, passes its report on, and, where
/// the launcher at the other end of `alive` has died, unmounts what the server has mounted.
/// Never returns.
[[noreturn]] void run_reporter(const Options& options, int image, int requests, int alive);

}  // namespace imgfs
