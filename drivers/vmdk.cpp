#include <algorithm>

#include "core/text.h"
#include "drivers/formats.h"
#include "drivers/parent_disk.h"
#include "drivers/vmdk_extents.h"
#include "drivers/vmdk_grains.h"

namespace imgfs {
namespace vmdk {
namespace {

/// An open image and what a child checks of its parent.
struct Opened {
  Image image;
  std::optional<std::uint32_t> cid;
};

std::string hex(std::uint32_t id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[id >> shift & 0xf];
  return out;
}

Result<std::string> read_text(const BlockDevice& file, std::uint64_t offset, std::uint64_t size) {
  if (size > kMaxDescriptor)
    return Error{Errc::too_large,
                 "VMDK descriptor of " + std::to_string(size) + " bytes, at most 1 MiB are read",
                 {}};
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  TRY(file.read(offset, bytes));
  return std::string(as_chars(bytes));
}

/// The descriptor inside a sparse extent; one with nothing in it where there is none. It is found
/// by the header at the start even where the grain directory is at the end.
Result<Descriptor> embedded_descriptor(const BlockDevice& file) {
  const auto header = TRY(read_struct<SparseHeader>(file, 0));
  const std::uint64_t offset = header.descriptor_offset.value();
  const std::uint64_t size = header.descriptor_size.value();
  if (offset == 0 || size == 0) return Descriptor{};
  if (offset > file.size() / kSector || size > kMaxDescriptor / kSector)
    return corrupt("VMDK descriptor of " + std::to_string(size) + " sectors at sector " +
                   std::to_string(offset) + ", outside the file or too long");
  const std::uint64_t left = file.size() - offset * kSector;
  const auto text = read_text(file, offset * kSector, std::min(size * kSector, left));
  if (!text) return text.error();
  return parse_descriptor(text.value());
}

Result<Opened> open_any(const ImageSource& source);

/// The parent's disk, or null where there is none; its names and remarks are added to `info`.
Result<Device> open_parent_disk(const ImageSource& source, const Descriptor& descriptor,
                                ImageInfo& info) {
  if (descriptor.parent_cid == Descriptor::kNoParent) return Device();
  std::vector<std::string> names;
  add_path(names, descriptor.parent_file);
  const ParentFile found = TRY(open_parent(source, names));
  const std::string name = "parent disk " + printable(found.name);
  auto parent = open_any({found.file, *found.siblings, source.depth + 1});
  if (!parent) return in_context(parent.error(), name);
  Opened& opened = parent.value();
  if (opened.cid != descriptor.parent_cid)
    return corrupt(name + " has the CID " + (opened.cid ? hex(*opened.cid) : "(none)") +
                   ", this image expects " + hex(descriptor.parent_cid) +
                   ": another disk, or written since");
  info.backing_files.push_back(found.name);
  for (auto& file : opened.image.info.backing_files) info.backing_files.push_back(std::move(file));
  for (auto& remark : opened.image.info.remarks)
    info.remarks.push_back({remark.kind, name + ": " + remark.text});
  info.file_size += opened.image.info.file_size;
  return opened.image.disk;
}

Result<Opened> open_described(const ImageSource& source, const Descriptor& descriptor,
                              ImageInfo info) {
  info.variant = descriptor.create_type.empty() ? "descriptor" : descriptor.create_type;
  const Device parent = TRY(open_parent_disk(source, descriptor, info));
  Device disk = TRY(open_extents(descriptor, source.siblings, parent, info));
  return Opened{{std::move(disk), std::move(info)}, descriptor.cid};
}

/// A file that is itself an extent: the usual single-file disks, and parts of split ones.
Result<Opened> open_extent_file(const ImageSource& source, bool hosted, ImageInfo info) {
  Descriptor descriptor;
  if (hosted) descriptor = TRY(embedded_descriptor(*source.file));
  if (descriptor.encrypted) return Error{Errc::no_key, "the VMDK is encrypted", {}};
  if (hosted && TRY(read_struct<SparseHeader>(*source.file, 0)).capacity.value() == 0)
    return open_described(source, descriptor, std::move(info));
  info.variant = descriptor.create_type;
  if (info.variant.empty()) {
    info.variant = hosted ? "sparse extent" : "vmfsSparse";
    info.remarks.push_back(
        {Remark::Kind::unclean,
         "an extent without its descriptor: where it is a part of a split disk or "
         "of a snapshot, what the other files hold is missing; open the "
         "descriptor"});
  }
  if (descriptor.extents.size() > 1)
    info.remarks.push_back(
        {Remark::Kind::unsupported, "the descriptor inside names " +
                                        std::to_string(descriptor.extents.size()) +
                                        " extents: only the one in this file is shown"});
  ExtentOptions options;
  options.parent = TRY(open_parent_disk(source, descriptor, info));
  Device disk = TRY(open_sparse(source.file, std::move(options), info.remarks));
  return Opened{{std::move(disk), std::move(info)}, descriptor.cid};
}

Result<Opened> open_any(const ImageSource& source) {
  ImageInfo info;
  info.format = "vmdk";
  info.file_size = source.file->size();
  std::vector<std::byte> head(
      static_cast<std::size_t>(std::min<std::uint64_t>(4096, source.file->size())));
  TRY(source.file->read(0, head));
  const auto magic = get<le32>(head);
  if (magic && magic->value() == SparseHeader::kMagic)
    return open_extent_file(source, true, std::move(info));
  if (magic && magic->value() == CowdHeader::kMagic)
    return open_extent_file(source, false, std::move(info));
  const auto wide = get<le64>(head);
  if (wide && wide->value() == SeSparseHeader::kMagic)
    return unsupported(
        "an seSparse extent alone, which is a part of a snapshot: open the descriptor "
        "beside it");
  if (!is_descriptor(as_chars(head)))
    return corrupt("neither a VMDK extent (\"KDMV\", \"COWD\") nor a VMDK descriptor", 0);
  const std::string text = TRY(read_text(*source.file, 0, source.file->size()));
  const Descriptor descriptor = TRY(parse_descriptor(text));
  if (descriptor.encrypted) return Error{Errc::no_key, "the VMDK is encrypted", {}};
  return open_described(source, descriptor, std::move(info));
}

bool probe(const ProbeBytes& bytes) {
  const auto magic = get<le32>(bytes.head);
  const auto wide = get<le64>(bytes.head);
  return (magic &&
          (magic->value() == SparseHeader::kMagic || magic->value() == CowdHeader::kMagic)) ||
         (wide && wide->value() == SeSparseHeader::kMagic) || is_descriptor(as_chars(bytes.head));
}

Result<Image> open(const ImageSource& source) {
  Opened opened = TRY(open_any(source));
  return std::move(opened.image);
}

}  // namespace
}  // namespace vmdk

ImageFormat vmdk_format() { return {"vmdk", vmdk::probe, vmdk::open}; }

}  // namespace imgfs
