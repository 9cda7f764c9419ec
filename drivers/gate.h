#pragma once

#include <sys/types.h>

#include "drivers/image_format.h"

namespace imgfs {

/// The only way by which an image opens another file. Names with a protocol (json:, nbd:, ssh:) are
/// never followed. With `same_dir` the kernel itself keeps the path below the image's directory:
/// neither "..", nor an absolute path, nor a symbolic link leaves it.
class Gate final : public SiblingOpener {
 public:
  /// For the image file `path`, which must be open as `image_fd` at the moment.
  static Result<std::unique_ptr<Gate>> for_image(const std::string& path, int image_fd,
                                                 Backing backing);

  Result<Device> open(std::string_view name) const override;
  Result<Device> open_extent(std::string_view name) const override;
  std::unique_ptr<SiblingOpener> beside(std::string_view name) const override;

 private:
  struct FileId {
    dev_t device;
    ino_t inode;
    bool operator==(const FileId&) const = default;
  };
  struct Directory;  ///< the image's directory, open, and its canonical path

  Gate(std::shared_ptr<const Directory> directory, Backing backing)
      : directory_(std::move(directory)), backing_(backing) {}
  /// `name` from the directory: with `prefix_` in front, or as it stands where it is absolute.
  std::string path_of(std::string_view name) const;
  Result<int> open_path(const std::string& path, int flags, Backing backing) const;
  Result<Device> open_checked(std::string_view name, Backing backing, bool in_chain) const;

  std::shared_ptr<const Directory> directory_;
  Backing backing_;
  std::string prefix_;          ///< of the file that names, from the directory: "" or "sub/"
  std::string stem_;            ///< of its name: "disk" for "disk.vmdk"
  std::vector<FileId> chain_;   ///< the files above and this one: opening one again is a loop
};

}  // namespace imgfs
