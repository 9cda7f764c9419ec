#include "fuse/report_channel.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace imgfs {
namespace {

using Clock = std::chrono::steady_clock;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// In the first number's place: no report, the second number is the length of the reason.
constexpr std::uint64_t kFailure = ~std::uint64_t{0};
constexpr std::size_t kReasonLimit = 4096;

Result<void> read_all(int fd, std::span<char> out, Clock::time_point end, int alive) {
  while (!out.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return Error{Errc::io, "the report took too long", {}};
    pollfd wait[2] = {{fd, POLLIN, 0}, {alive, POLLIN, 0}};
    const int ready = ::poll(wait, 2, static_cast<int>(left));
    if (ready <= 0) continue;
    if (wait[1].revents != 0) return Error{Errc::io, "the launcher has died", {}};
    const ssize_t count = ::read(fd, out.data(), out.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return Error{Errc::io, std::string("the reporter: ") + std::strerror(errno), {}};
    if (count == 0) return Error{Errc::io, "the reporter ended before the report was done", {}};
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return success();
}

}  // namespace

bool send_report(int fd, const ReportTexts& texts) {
  const std::array<std::uint64_t, 2> sizes = {texts.text.size(), texts.json.size()};
  return write_all(fd, as_chars(std::as_bytes(std::span(sizes)))) && write_all(fd, texts.text) &&
         write_all(fd, texts.json);
}

bool send_failure(int fd, std::string_view reason) {
  reason = reason.substr(0, kReasonLimit);
  const std::array<std::uint64_t, 2> sizes = {kFailure, reason.size()};
  return write_all(fd, as_chars(std::as_bytes(std::span(sizes)))) && write_all(fd, reason);
}

Result<ReportTexts> receive_report(int fd, int seconds, int alive) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  std::array<char, 16> head{};
  TRY(read_all(fd, head, end, alive));
  std::array<std::uint64_t, 2> sizes{};
  std::memcpy(sizes.data(), head.data(), sizeof sizes);
  if (sizes[0] == kFailure && sizes[1] <= kReasonLimit) {
    std::string reason(sizes[1], '\0');
    TRY(read_all(fd, reason, end, alive));
    return Error{Errc::io, reason, {}};
  }
  if (sizes[0] > kReportLimit || sizes[1] > kReportLimit)
    return Error{Errc::too_large, "the report is larger than 16 MiB", {}};
  ReportTexts texts;
  texts.text.resize(sizes[0]);
  texts.json.resize(sizes[1]);
  TRY(read_all(fd, texts.text, end, alive));
  TRY(read_all(fd, texts.json, end, alive));
  return texts;
}

}  // namespace imgfs
