#include "xfs/inode.h"

#include <algorithm>

#include "xfs/checksum.h"
#include "xfs/superblock_format.h"

namespace imgfs::xfs {
namespace {

constexpr std::uint64_t kBigtimeEpoch = std::uint64_t{1} << 31;  // seconds from bigtime's zero to 1970
constexpr std::uint64_t kNanoseconds = 1'000'000'000;

FileType type_of(std::uint16_t mode) {
  switch (mode >> 12) {
    case 1: return FileType::fifo;
    case 2: return FileType::character;
    case 4: return FileType::directory;
    case 6: return FileType::block;
    case 8: return FileType::regular;
    case 10: return FileType::symlink;
    case 12: return FileType::socket;
    default: return FileType::unknown;
  }
}

bool is_special(FileType type) {
  return type == FileType::fifo || type == FileType::character || type == FileType::block ||
         type == FileType::socket;
}

}  // namespace

Result<void> Inode::load(const Volume& volume, std::uint64_t number) {
  const Superblock& sb = volume.sb();
  number_ = number;
  length_ = sb.inode_size;
  const std::uint64_t position = TRY(volume.offset_of_inode(number));
  const std::span<std::byte> raw(bytes_.data(), length_);
  TRY(volume.device().read(position, raw));
  core_ = *get<InodeCore>(raw);
  if (core_.di_magic.value() != InodeCore::kMagic) return corrupt("inode: magic is not IN", position);
  TRY(check(volume, position));
  type_ = type_of(core_.di_mode.value());
  if (core_.di_mode.value() == 0) return corrupt("inode is free", position);
  if (type_ == FileType::unknown)
    return corrupt("inode: unknown type in mode " + std::to_string(core_.di_mode.value()), position);
  if ((type_ == FileType::directory || type_ == FileType::symlink) && size() == 0)
    return corrupt("inode: directory or symbolic link of size 0", position);
  TRY(set_forks());
  if (const InodeChange* change = volume.change_of(number)) apply(*change);
  return success();
}

void Inode::apply(const InodeChange& change) {
  if (change.size) core_.di_size = *change.size;
  if (!change.extents) return;
  core_.di_nblocks = change.blocks;
  data_ = {ForkFormat::extents, *change.extents, change.extents->size() / sizeof(ExtentRecord), true};
}

Result<void> Inode::check(const Volume& volume, std::uint64_t position) const {
  const Superblock& sb = volume.sb();
  const bool v3 = core_.di_version == 3;
  if (core_.di_version < 1 || core_.di_version > 3 || v3 != sb.v5)
    return corrupt("inode version " + std::to_string(core_.di_version), position);
  if (v3) {
    TRY(check_crc(std::span(bytes_.data(), length_), offsetof(InodeCore, di_crc), "inode", position));
    if (core_.di_ino.value() != number_)
      return corrupt("inode says that it is number " + std::to_string(core_.di_ino.value()), position);
    if (!std::ranges::equal(core_.di_uuid, sb.meta_uuid))
      return corrupt("inode: belongs to another file system (UUID)", position);
    if ((core_.di_flags2.value() & kInodeBigtime) != 0 && (sb.incompat & kIncompatBigtime) == 0)
      return corrupt("inode has big timestamps, the superblock says none has", position);
    if ((core_.di_flags2.value() & kInodeNrext64) != 0 && (sb.incompat & kIncompatNrext64) == 0)
      return corrupt("inode has large extent counts, the superblock says none has", position);
    const bool large = (core_.di_flags2.value() & kInodeNrext64) != 0;
    if (large ? core_.di_anextents.value() != 0 : core_.di_big_nextents.value() != 0)
      return corrupt("inode: an extent count where none belongs", position);
  }
  if (core_.di_size.value() >> 63 != 0)
    return corrupt("inode: size " + std::to_string(core_.di_size.value()), position);
  if (!is_realtime() && blocks() > sb.blocks)
    return corrupt("inode: has " + std::to_string(blocks()) + " blocks, the file system " +
                       std::to_string(sb.blocks), position);
  return success();
}

Result<void> Inode::set_forks() {
  const std::size_t start = core_.di_version == 3 ? sizeof(InodeCore) : kInodeCoreV2;
  const std::span<const std::byte> literal = std::span(bytes_.data(), length_).subspan(start);
  const std::size_t offset = std::size_t{core_.di_forkoff} * 8;
  if (offset >= literal.size())
    return corrupt("inode: attribute fork at " + std::to_string(offset) + ", expected less than " +
                   std::to_string(literal.size()));
  const bool large = (flags2() & kInodeNrext64) != 0;
  data_ = {static_cast<ForkFormat>(core_.di_format), offset == 0 ? literal : literal.first(offset),
           large ? core_.di_big_nextents.value() : core_.di_nextents.value()};
  attributes_ = {static_cast<ForkFormat>(core_.di_aformat),
                 offset == 0 ? std::span<const std::byte>() : literal.subspan(offset),
                 large ? core_.di_nextents.value() : core_.di_anextents.value()};
  if (is_special(type_) != (data_.format == ForkFormat::device))
    return corrupt("inode: data fork format " + std::to_string(core_.di_format) + " does not fit its type");
  if (!is_special(type_)) TRY(check_fork(data_, "data"));
  if (offset == 0) {
    attributes_ = {};
    return success();
  }
  return check_fork(attributes_, "attribute");
}

Result<void> Inode::check_fork(const Fork& fork, std::string_view name) const {
  const std::string who = "inode: " + std::string(name) + " fork ";
  switch (fork.format) {
    case ForkFormat::local:
      if (&fork == &data_ && type_ == FileType::regular) return corrupt(who + "holds a file's bytes itself");
      if (&fork == &data_ && size() > fork.bytes.size())
        return corrupt(who + "holds " + std::to_string(size()) + " bytes, has room for " +
                       std::to_string(fork.bytes.size()));
      return success();
    case ForkFormat::extents:
      if (fork.extents > fork.bytes.size() / sizeof(ExtentRecord))
        return corrupt(who + "has " + std::to_string(fork.extents) + " extents, has room for " +
                       std::to_string(fork.bytes.size() / sizeof(ExtentRecord)));
      return success();
    case ForkFormat::btree: return success();
    default: return corrupt(who + "has format " + std::to_string(static_cast<unsigned>(fork.format)));
  }
}

Timestamp Inode::time(const be64& field) const {
  const std::uint64_t raw = field.value();
  if ((flags2() & kInodeBigtime) != 0)
    return {static_cast<std::int64_t>(raw / kNanoseconds) - static_cast<std::int64_t>(kBigtimeEpoch),
            static_cast<std::uint32_t>(raw % kNanoseconds)};
  // Nanoseconds out of range would be an invalid time for everybody above.
  return {static_cast<std::int32_t>(raw >> 32),
          std::min(static_cast<std::uint32_t>(raw), static_cast<std::uint32_t>(kNanoseconds - 1))};
}

Result<Attributes> Inode::stat(const Volume& volume) const {
  Attributes out;
  out.inode = number_;
  out.type = type_;
  out.permissions = core_.di_mode.value() & 07777;
  out.links = core_.di_version == 1 ? core_.di_onlink.value() : core_.di_nlink.value();
  out.uid = core_.di_uid.value();
  out.gid = core_.di_gid.value();
  out.size = size();
  const std::uint64_t units = volume.sb().block_size / 512;
  out.blocks = blocks() * units;
  out.block_size = std::max<std::uint32_t>(4096, volume.sb().block_size);
  if (type_ == FileType::character || type_ == FileType::block) {
    const auto device = get<be32>(data_.bytes);
    const std::uint32_t number = device ? device->value() : 0;
    out.device_major = number >> 18 & 0x3fff;
    out.device_minor = number & 0x3ffff;
  }
  out.accessed = time(core_.di_atime);
  out.modified = time(core_.di_mtime);
  out.changed = time(core_.di_ctime);
  return out;
}

}  // namespace imgfs::xfs
