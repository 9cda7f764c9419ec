#include "drivers/formats.h"

namespace imgfs {
namespace {

bool probe_raw(const ProbeBytes& bytes) { return bytes.size != 0; }

/// The bytes are the disk, whatever their number; the file's own holes are the disk's.
Result<Image> open_raw(const ImageSource& source) {
  Image image{source.file, {}};
  image.info.format = "raw";
  image.info.file_size = source.file->size();
  if (image.info.file_size % 512 != 0) {
    image.info.remarks.push_back(
        {Remark::Kind::note, "its size of " + std::to_string(image.info.file_size) +
                                 " bytes is not a whole number of 512-byte sectors"});
  }
  return image;
}

}  // namespace

ImageFormat raw_format() { return {"raw", probe_raw, open_raw}; }

}  // namespace imgfs
