#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/block_device.h"
#include "core/file_device.h"
#include "core/file_system.h"

namespace imgfs {

/// Which other files an image may have opened: a backing file, an extent, a parent.
enum class Backing { deny, same_dir, any };

/// Opens the other files that an image names. The only way by which an image opens a file.
class SiblingOpener {
 public:
  virtual ~SiblingOpener() = default;
  /// The raw bytes of the file that the image calls `name` (bytes from the image). Refused unless
  /// the user's option allows it; the error names the file and the option.
  virtual Result<Device> open(std::string_view name) const = 0;
  /// The same for an extent that is part of the image itself (VMDK): open by default where it is a
  /// bare name that begins with the descriptor's stem and '-'.
  virtual Result<Device> open_extent(std::string_view name) const = 0;
  /// For the files that the file `name` (opened by this one) names itself.
  virtual std::unique_ptr<SiblingOpener> beside(std::string_view name) const = 0;
};

/// What is known of an open image besides its bytes.
struct ImageInfo {
  std::string format;   ///< raw, vhd, qcow2, vmdk, vhdx, vdi
  std::string variant;  ///< as qemu-img or the vendor calls it: "v3, zstd", "dynamic", "streamOptimized"
  std::uint64_t file_size = 0;            ///< bytes of all files of the image together
  std::vector<std::string> backing_files;  ///< as named by the image, nearest first
  std::vector<std::string> snapshots;      ///< names of internal snapshots
  std::vector<Remark> remarks;             ///< dirty bit, damaged footer, log replayed, size rule …
};

struct Image {
  Device disk;  ///< the virtual disk
  ImageInfo info;
};

/// What a driver gets.
struct ImageSource {
  Device file;                     ///< the bytes of the image file
  const SiblingOpener& siblings;
  int depth = 0;                   ///< how many images lie above this one in its chain
};

/// The only bytes that a probe may look at.
struct ProbeBytes {
  std::span<const std::byte> head;  ///< the first 4 KiB, or the whole of a smaller file
  std::span<const std::byte> tail;  ///< the last 1 KiB (a fixed VHD has its footer there), or less
  std::uint64_t size;               ///< of the whole file, in bytes
};

/// One row of the table: a format and its two functions.
struct ImageFormat {
  std::string_view name;  ///< as INTERFACE spells it
  bool (*probe)(const ProbeBytes&);
  Result<Image> (*open)(const ImageSource&);
};

/// All formats, raw last.
std::span<const ImageFormat> image_formats();

/// Opens `source` as `format`, or as what it is where `format` is empty. A file that is recognised as
/// something else (an archive, an ISO, …) is refused by name with advice. Used for the image itself
/// and, with depth + 1, for what it names.
Result<Image> open_image(const ImageSource& source, std::string_view format = {});

struct OpenOptions {
  std::string format;  ///< empty: by its bytes
  Backing backing = Backing::deny;
  /// Of the image file, open already: read instead of opening `path` again, which then only says where
  /// its siblings lie. Duplicated, not taken over; -1: none.
  int descriptor = -1;
};

/// Opens the image file `path` with all that it needs. Descriptors of every file that was opened are
/// kept by the devices; nothing is opened later.
Result<Image> open_image_file(const std::string& path, const OpenOptions& options);

/// The size of the file that `qemu-img convert -O qcow2` would make.
struct Qcow2Size {
  std::uint64_t bytes;
  bool exact;  ///< otherwise an upper bound
};
/// From metadata alone: allocated clusters count as full. Never reads data.
Result<Qcow2Size> qcow2_size_bound(const BlockDevice& disk);
/// Exactly, by a scan for zeros over two threads; `progress` gets the bytes done so far.
Result<Qcow2Size> qcow2_size_exact(const BlockDevice& disk, FunctionRef<void(std::uint64_t)> progress);

}  // namespace imgfs
