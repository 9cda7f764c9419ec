#include "core/file_device.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace imgfs {
namespace {

Error host_error(std::string_view doing, int number) {
  const Errc code = number == ENOENT                       ? Errc::not_found
                    : number == EACCES || number == EPERM ? Errc::denied
                                                           : Errc::io;
  return {code, std::string(doing) + ": " + std::strerror(number), {}};
}

Result<std::uint64_t> device_size(int fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  if (S_ISDIR(status.st_mode)) return Error{Errc::is_directory, "is a directory, not an image", {}};
  if (!S_ISBLK(status.st_mode))
    return Error{Errc::invalid, "is neither a regular file nor a block device", {}};
  std::uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0) return host_error("cannot ask for its size", errno);
  return size;
}

}  // namespace

Result<std::shared_ptr<const FileDevice>> FileDevice::open(const std::string& path) {
  // O_NONBLOCK: a FIFO must not make us wait for a writer before it is refused.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return host_error("cannot open", errno);
  return adopt(fd);
}

Result<std::shared_ptr<const FileDevice>> FileDevice::adopt(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    const int number = errno;
    ::close(fd);
    return host_error("cannot stat", number);
  }
  const auto size = device_size(fd, status);
  if (!size) {
    ::close(fd);
    return size.error();
  }
  return std::shared_ptr<const FileDevice>(
      new FileDevice(fd, size.value(), static_cast<std::uint64_t>(status.st_blocks) * 512));
}

FileDevice::~FileDevice() { ::close(fd_); }

Result<void> FileDevice::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return Error{Errc::io, std::string("reading the image file: ") + std::strerror(errno), offset};
    }
    // The file was cut off under us: what is missing is an error and never zeros.
    if (count == 0) return Error{Errc::io, "the image file has become shorter", offset};
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return success();
}

FileDevice::Run FileDevice::ask_host(std::uint64_t offset) const {
  const off_t data = ::lseek(fd_, static_cast<off_t>(offset), SEEK_DATA);
  if (data < 0 && errno != ENXIO) return {offset, size_, false};  // the host does not know
  if (data < 0) {
    // No data up to the end: of the file as it is now. What was cut off is no hole but an error.
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    const std::uint64_t there = end < 0 ? 0 : static_cast<std::uint64_t>(end);
    if (there <= offset) return {offset, size_, false};
    return {offset, std::min(there, size_), true};
  }
  const auto next = static_cast<std::uint64_t>(data);
  if (next > offset) return {offset, std::min(next, size_), true};
  const off_t hole = ::lseek(fd_, data, SEEK_HOLE);
  if (hole <= data) return {offset, size_, false};
  return {offset, std::min(static_cast<std::uint64_t>(hole), size_), false};
}

Result<Location> FileDevice::do_locate(std::uint64_t offset, std::uint64_t length) const {
  Slot& slot = slots_[offset / kRegion % kSlots];
  Run run;
  {
    const std::lock_guard lock(slot.mutex);
    if (offset < slot.run.begin || offset >= slot.run.end) slot.run = ask_host(offset);
    run = slot.run;
  }
  length = std::min(length, run.end - offset);
  if (run.hole) return Location{Location::Kind::zero, length};
  return Location{Location::Kind::host, length, fd_, offset};
}

}  // namespace imgfs
