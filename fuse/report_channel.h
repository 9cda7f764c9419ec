#pragma once

#include <string>

#include "core/result.h"
#include "vfs/tree.h"

namespace imgfs {

/// Both forms of one report.
struct ReportTexts {
  std::string text;
  std::string json;
};

/// The most that a report may have, in bytes; more is refused by the reader.
constexpr std::size_t kReportLimit = std::size_t{16} << 20;

/// Writes `texts` to the pipe or socket `fd`: two lengths, then the bytes. False where it is gone.
bool send_report(int fd, const ReportTexts& texts);

/// Writes, in a report's place, why there is none.
bool send_failure(int fd, std::string_view reason);

/// Reads what either wrote, for at most `seconds`, and not after the other end of `alive` (a pipe; -1:
/// none) has gone. Every number is the other side's and checked.
Result<ReportTexts> receive_report(int fd, int seconds, int alive = -1);

}  // namespace imgfs
