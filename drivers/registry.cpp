#include <array>

#include "core/text.h"
#include "drivers/foreign.h"
#include "drivers/formats.h"

namespace imgfs {
namespace {

constexpr int kMaxDepth = 16;  // images in one backing chain
constexpr std::uint64_t kHeadSize = 4096;
constexpr std::uint64_t kTailSize = 1024;
constexpr std::uint64_t kSector = 512;

/// Other spellings of a format's name: QEMU's own, as backing-format extensions use them.
std::string_view own_spelling(std::string_view name) {
  if (name == "vpc") return "vhd";
  if (name == "file" || name == "host_device") return "raw";
  return name;
}

Result<std::vector<std::byte>> read_part(const BlockDevice& file, std::uint64_t offset,
                                         std::uint64_t size) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  TRY(file.read(offset, bytes));
  return bytes;
}

const ImageFormat* format_named(std::string_view name) {
  for (const ImageFormat& format : image_formats())
    if (format.name == own_spelling(name)) return &format;
  return nullptr;
}

Error unknown_format(std::string_view name) {
  std::string known;
  for (const ImageFormat& format : image_formats())
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  return unsupported("image format '" + printable(name) + "' (known: " + known + ")");
}

/// The second format that would also take these bytes: a file made to be two things at a time.
void remark_on_ambiguity(const ProbeBytes& bytes, const ImageFormat& chosen, ImageInfo& info) {
  for (const ImageFormat& other : image_formats()) {
    if (other.name == chosen.name || other.name == "raw" || !other.probe(bytes)) continue;
    info.remarks.push_back({Remark::Kind::note, "opened as " + std::string(chosen.name) +
                                                    "; its bytes also look like " +
                                                    std::string(other.name)});
  }
}

Result<Image> open_detected(const ImageSource& source) {
  const std::uint64_t size = source.file->size();
  if (size == 0) return Error{Errc::invalid, "is empty (0 bytes): not a disk image", {}};
  const auto head = TRY(read_part(*source.file, 0, std::min(size, kHeadSize)));
  const std::uint64_t tail_size = std::min(size, kTailSize);
  const auto tail = TRY(read_part(*source.file, size - tail_size, tail_size));
  const ProbeBytes bytes{head, tail, size};
  for (const ImageFormat& format : image_formats()) {
    if (format.name == "raw" || !format.probe(bytes)) continue;
    Image image = TRY(format.open(source));
    remark_on_ambiguity(bytes, format, image.info);
    return image;
  }
  if (const auto foreign = foreign_format(bytes, *source.file)) return unsupported(*foreign);
  if (size < kSector)
    return Error{Errc::invalid,
                 "is " + std::to_string(size) +
                     " bytes long, less than one sector of 512: not a disk image", {}};
  return raw_format().open(source);
}

}  // namespace

std::span<const ImageFormat> image_formats() {
  // Those with a magic at their start first; a VHD may be known by its end alone; raw takes the rest.
  static const std::array<ImageFormat, 6> formats = {qcow2_format(), vhdx_format(), vmdk_format(),
                                                     vdi_format(),   vhd_format(),  raw_format()};
  return formats;
}

Result<Image> open_image(const ImageSource& source, std::string_view format) {
  if (source.depth >= kMaxDepth)
    return Error{Errc::too_large, "more than 16 images in its chain of backing files", {}};
  if (format.empty()) return open_detected(source);
  const ImageFormat* const row = format_named(format);
  if (row == nullptr) return unknown_format(format);
  if (source.depth == 0 && source.file->size() == 0)
    return Error{Errc::invalid, "is empty (0 bytes): not a disk image", {}};
  return row->open(source);
}

}  // namespace imgfs
