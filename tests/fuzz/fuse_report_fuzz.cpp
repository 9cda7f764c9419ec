// What the report's process may send to the server, whatever has become of it: any bytes.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "fuse/report_channel.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 60'000) return 0;  // a pipe's room: the writer must not wait for the reader
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 0;
  const ssize_t written = ::write(ends[1], data, size);
  ::close(ends[1]);
  if (written == static_cast<ssize_t>(size)) {
    const auto texts = imgfs::receive_report(ends[0], 5);
    if (texts && texts.value().text.size() + texts.value().json.size() + 16 > size) std::abort();
  }
  ::close(ends[0]);
  return 0;
}
