#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/bytes.h"
#include "core/result.h"

namespace imgfs {

/// Where a run of bytes lies. Composed through all layers it says in which host file, at which
/// offset, a piece of a guest file lies, so that the bytes need not pass through our code.
struct Location {
  enum class Kind {
    host,     ///< at `offset` in the host file open as `fd`
    zero,     ///< a hole, or never written: reads as zeros
    decoded,  ///< only `read` can give it (compressed, overlaid, assembled)
  };
  Kind kind;
  std::uint64_t length;  ///< bytes from the asked offset on that this answer covers, at least 1
  int fd = -1;           ///< borrowed from the device: valid as long as the device lives
  std::uint64_t offset = 0;
};

/// Read-only bytes with random access: a host file, the virtual disk in an image, a partition.
///
/// Immutable once open; all functions may be called by any number of threads at a time.
class BlockDevice {
 public:
  virtual ~BlockDevice() = default;

  /// Size in bytes. Never changes.
  virtual std::uint64_t size() const = 0;

  /// Fills the whole of `out` from `offset`, or fails. There are no short reads.
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset > size() || out.size() > size() - offset)
      return corrupt("read past the end of the device", offset);
    if (out.empty()) return success();
    return do_read(offset, out);
  }

  /// Where the bytes from `offset` on lie; at most `length` (in bytes, not 0) are answered for.
  /// Never data for what is known to be a hole; never zero for what may hold data.
  Result<Location> locate(std::uint64_t offset, std::uint64_t length) const {
    if (length == 0 || offset > size() || length > size() - offset)
      return corrupt("range past the end of the device", offset);
    return do_locate(offset, length);
  }

 private:
  /// Called only with a range that lies inside the device and is not empty.
  virtual Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  virtual Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const {
    static_cast<void>(offset);
    return Location{Location::Kind::decoded, length};
  }
};

using Device = std::shared_ptr<const BlockDevice>;

/// Reads a structure at `offset`.
template <OnDisk T>
Result<T> read_struct(const BlockDevice& device, std::uint64_t offset) {
  T out;
  TRY(device.read(offset, std::as_writable_bytes(std::span(&out, 1))));
  return out;
}

}  // namespace imgfs
