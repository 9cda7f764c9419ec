#include "volumes/content.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "core/text.h"
#include "volumes/lvm_label.h"
#include "volumes/md.h"

namespace imgfs::volumes {
namespace {

using namespace std::string_view_literals;

/// The first bytes of a volume, which hold nearly every superblock.
constexpr std::uint64_t kHeadSize = 72U << 10;

/// The head, with reads that answer nothing past its end.
class Head {
 public:
  explicit Head(const BlockDevice& device)
      : bytes_(static_cast<std::size_t>(std::min(device.size(), kHeadSize))) {
    if (!device.read(0, bytes_)) bytes_.clear();
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  bool has(std::size_t offset, std::string_view magic) const {
    return offset <= bytes_.size() && as_chars(bytes_).substr(offset).starts_with(magic);
  }
  std::byte byte(std::size_t offset) const {
    return offset < bytes_.size() ? bytes_[offset] : std::byte{0};
  }
  template <class T>
  auto number(std::size_t offset) const {
    const auto value = get<T>(bytes_, offset);
    return value ? value->value() : typename T::value_type{0};
  }
  /// Up to `length` characters that end at the first NUL.
  std::string text(std::size_t offset, std::size_t length) const {
    const auto field = part(bytes_, offset, length);
    if (!field) return {};
    const std::string_view chars = as_chars(*field);
    return std::string(chars.substr(0, chars.find('\0')));
  }
  /// Without the blanks that pad it.
  std::string padded_text(std::size_t offset, std::size_t length) const {
    return std::string(trimmed(text(offset, length)));
  }
  /// 16 bytes as a UUID; empty where they are all zero.
  std::string uuid(std::size_t offset) const {
    const auto field = part(bytes_, offset, 16);
    if (!field || std::ranges::all_of(*field, [](std::byte b) { return b == std::byte{0}; }))
      return {};
    return uuid_text(field->first<16>());
  }

 private:
  std::vector<std::byte> bytes_;
};

/// A format that one magic number tells.
struct Magic {
  std::string_view type;
  std::size_t offset;
  std::string_view magic;
  std::size_t uuid = 0;   ///< offset of 16 bytes, 0: none
  std::size_t label = 0;  ///< offset, 0: none
  std::size_t label_length = 0;
};

/// Sources: the formats' own headers; offsets checked against blkid.
constexpr Magic kMagics[] = {
    {"xfs", 0, "XFSB"sv, 32, 108, 12},
    {"ntfs", 3, "NTFS    "sv},
    {"BitLocker", 3, "-FVE-FS-"sv},
    {"ReFS", 3, "ReFS\0\0\0\0"sv},
    {"btrfs", 65600, "_BHRfS_M"sv, 65568, 65835, 256},
    {"squashfs", 0, "hsqs"sv},
    {"squashfs", 0, "sqsh"sv},
    {"apfs", 32, "NXSB"sv, 72},
    {"erofs", 1024, "\xe2\xe1\xf5\xe0"sv, 1072, 1088, 16},
    {"jfs", 32768, "JFS1"sv, 32904, 32920, 16},
    {"reiserfs", 65588, "ReIsErFs"sv, 65620, 65636, 16},
    {"reiserfs", 65588, "ReIsEr2Fs"sv, 65620, 65636, 16},
    {"reiserfs", 65588, "ReIsEr3Fs"sv, 65620, 65636, 16},
    {"reiser4", 65536, "ReIsEr4"sv, 65556, 65572, 16},
    {"bcache", 4120, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"sv, 4136},
    {"bcachefs", 4120, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"sv, 4152,
     4168, 32},
    {"ocfs2", 8192, "OCFSV2"sv},
    {"ocfs2", 4096, "OCFSV2"sv},
    {"ocfs2", 2048, "OCFSV2"sv},
    {"ocfs2", 1024, "OCFSV2"sv},
    {"gfs2", 65536, "\x01\x16\x19\x70\x00\x00\x00\x01"sv, 65792, 65696, 64},
    {"cramfs", 0, "\x45\x3d\xcd\x28"sv, 0, 48, 16},
    {"romfs", 0, "-rom1fs-"sv},
    {"vdo", 0, "dmvdo001"sv},
    {"DM_snapshot_cow", 0, "SnAp"sv},
    {"DM_verity_hash", 0, "verity\0\0"sv},
    {"DM_integrity", 0, "integrt\0"sv},
};

Content luks(const Head& head) {
  if (!head.has(0, "LUKS\xba\xbe"sv)) return {};
  const unsigned version = head.number<be16>(6);
  return {"luks", version == 2 ? head.text(24, 48) : "", head.text(168, 40)};
}

/// The magic lies at the end of the first page, whose size depends on the machine.
Content swap_area(const Head& head) {
  for (const std::size_t page : {4096U, 8192U, 16384U, 32768U, 65536U}) {
    const std::size_t at = page - 10;
    const bool suspended = head.has(at, "S1SUSPEND") || head.has(at, "S2SUSPEND") ||
                           head.has(at, "ULSUSPEND") || head.has(at, "LINHIB0001");
    if (head.has(at, "SWAP-SPACE")) return {"swap", {}, {}};
    if (!suspended && !head.has(at, "SWAPSPACE2")) continue;
    return {suspended ? "swsuspend" : "swap", head.text(1052, 16), head.uuid(1036)};
  }
  return {};
}

/// Source: ext4's on-disk format, super block.
Content ext(const Head& head) {
  constexpr std::size_t kSuperblock = 1024;
  if (head.number<le16>(kSuperblock + 56) != 0xef53 || head.number<le32>(kSuperblock + 24) > 6)
    return {};
  const std::uint32_t compatible = head.number<le32>(kSuperblock + 92);
  const std::uint32_t incompatible = head.number<le32>(kSuperblock + 96);
  const std::uint32_t read_only = head.number<le32>(kSuperblock + 100);
  const std::string uuid = head.uuid(kSuperblock + 104);
  const std::string label = head.text(kSuperblock + 120, 16);
  if ((incompatible & 0x8U) != 0) return {"jbd", label, uuid};
  const bool ext4 = (read_only & ~0x7U) != 0 || (incompatible & ~0x16U) != 0;
  return {ext4 ? "ext4" : (compatible & 0x4U) != 0 ? "ext3" : "ext2", label, uuid};
}

Content iso9660(const Head& head) {
  if (!head.has(32769, "CD001")) {
    const bool udf =
        head.has(32769, "BEA01") && (head.has(34817, "NSR0") || head.has(36865, "NSR0"));
    return udf ? Content{"udf", {}, {}} : Content{};
  }
  for (std::size_t at = 34817; at < kHeadSize; at += 2048)
    if (head.has(at, "NSR0")) return {"udf", {}, {}};
  std::string date = head.text(32768 + 830, 16);  // changed, or else created
  if (date.empty() || date.starts_with("0000")) date = head.text(32768 + 813, 16);
  std::string uuid;
  for (std::size_t i = 0; i < date.size(); i += 2)
    (uuid += (i >= 4 ? "-" : "")) += date.substr(i, 2);
  return {"iso9660", head.padded_text(32768 + 40, 32), date.size() == 16 ? uuid : ""};
}

/// Superblocks of UFS1 and UFS2 at each place where one may lie, in both byte orders.
Content ufs(const Head& head) {
  for (const std::size_t at : {8192U, 65536U, 0U}) {
    const std::uint32_t magic = head.number<le32>(at + 1372);
    const bool big = magic == 0x54190100U || magic == 0x19015419U;
    if (magic != 0x00011954U && magic != 0x19540119U && !big) continue;
    const auto half = [&](std::size_t offset) {
      return big ? head.number<be32>(offset) : head.number<le32>(offset);
    };
    char uuid[17];
    std::snprintf(uuid, sizeof uuid, "%08x%08x", half(at + 144), half(at + 148));
    return {"ufs", magic == 0x00011954U ? "" : head.text(at + 680, 32), uuid};
  }
  return {};
}

Content f2fs(const Head& head) {
  if (head.number<le32>(1024) != 0xf2f52010U) return {};
  std::string label;
  if (const auto field = part(head.bytes(), 1024 + 124, 1024)) label = utf16le_to_wtf8(*field);
  label.resize(std::min(label.size(), label.find('\0')));
  return {"f2fs", label, head.uuid(1024 + 108)};
}

/// Magic numbers of 16 bits, which ext's counters can look like: tried after it, with a second
/// sign.
Content short_magics(const Head& head) {
  const unsigned version = head.number<be16>(1026);
  if ((head.has(1024, "H+") && version == 4) || (head.has(1024, "HX") && version == 5))
    return {"hfsplus", {}, {}};
  const std::uint32_t block_size = head.number<be32>(1044);
  if (head.has(1024, "BD") && block_size != 0 && block_size % 512 == 0) return {"hfs", {}, {}};
  if (head.number<le16>(1030) == 0x3434 && head.number<le32>(1024) == 2)
    return {"nilfs2", head.text(1192, 80), head.uuid(1176)};
  return {};
}

Content exfat(const Head& head) {
  if (!head.has(3, "EXFAT   ") || head.number<le16>(510) != 0xaa55) return {};
  char uuid[10];
  const std::uint32_t serial = head.number<le32>(100);
  std::snprintf(uuid, sizeof uuid, "%04X-%04X", serial >> 16, serial & 0xffffU);
  return {"exfat", {}, uuid};
}

/// A ring of uberblocks in each of the labels; blkid asks for four of them.
Content zfs(const BlockDevice& device) {
  constexpr std::uint64_t kRing = 128U << 10;
  std::vector<std::byte> ring(kRing);
  for (const std::uint64_t at : {kRing, kRing * 3}) {
    if (device.size() < at + kRing || !device.read(at, ring)) return {};
    int found = 0;
    for (std::size_t i = 0; i < ring.size(); i += 1024) {
      const std::uint64_t magic = get<le64>(ring, i)->value();
      found += magic == 0x00bab10cU || magic == 0x0cb1ba0000000000U ? 1 : 0;
    }
    if (found >= 4) return {"zfs_member", {}, {}};
  }
  return {};
}

/// Signatures near the end and beyond the head, each read by itself.
Content far_away(const BlockDevice& device) {
  struct Place {
    std::string_view type;
    std::uint64_t offset;
    std::string_view magic;
  };
  const std::uint64_t size = device.size();
  const Place places[] = {
      {"isw_raid_member", size - 1024, "Intel Raid ISM Cfg. Sig. "sv},
      {"ddf_raid_member", size - 512, "\xde\x11\xde\x11"sv},
      {"VMFS_volume_member", 1U << 20, "\x0d\xd0\x01\xc0"sv},
      {"VMFS", 2U << 20, "\x5e\xf1\xab\x2f"sv},
  };
  for (const Place& place : places) {
    std::byte bytes[32];
    const auto window = std::span(bytes).first(place.magic.size());
    if (size < 4096 || place.offset > size - place.magic.size() ||
        !device.read(place.offset, window))
      continue;
    if (as_chars(window) == place.magic) return {std::string(place.type), {}, {}};
  }
  return {};
}

/// A boot sector with a sound parameter block, and a mark that it is one.
Content fat(const BlockDevice& device, const Head& head) {
  const unsigned sector_size = head.number<le16>(11);
  const unsigned reserved = head.number<le16>(14);
  const unsigned cluster = std::to_integer<unsigned>(head.byte(13));
  const unsigned fats = std::to_integer<unsigned>(head.byte(16));
  const unsigned media = std::to_integer<unsigned>(head.byte(21));
  const bool sound = std::has_single_bit(sector_size) && sector_size >= 512 &&
                     sector_size <= 4096 && std::has_single_bit(cluster) && reserved != 0 &&
                     fats != 0 && fats <= 4 && (media == 0xf0 || media >= 0xf8) &&
                     (head.number<le16>(22) != 0 || head.number<le32>(36) != 0) &&
                     (head.number<le16>(19) != 0 || head.number<le32>(32) != 0);
  if (!sound) return {};
  const auto first = read_struct<le16>(device, std::uint64_t{reserved} * sector_size);
  const unsigned jump = std::to_integer<unsigned>(head.byte(0));
  const bool marked = head.number<le16>(510) == 0xaa55 || jump == 0xeb || jump == 0xe9 ||
                      (first && (first.value().value() & 0xffU) == media);
  return marked ? Content{"vfat", {}, {}} : Content{};
}

Content by_magic(const Head& head) {
  for (const Magic& row : kMagics) {
    if (!head.has(row.offset, row.magic)) continue;
    Content content{std::string(row.type), {}, {}};
    if (row.uuid != 0) content.uuid = head.uuid(row.uuid);
    if (row.label != 0) content.label = head.text(row.label, row.label_length);
    return content;
  }
  return {};
}

}  // namespace

Content recognise(const BlockDevice& device) {
  if (const auto member = find_md_superblock(device))
    return {"linux_raid_member", member->name, member->uuid};
  const Head head(device);
  if (const auto label = find_lvm_label(head.bytes())) return {"lvm2-pv", {}, label->uuid};
  for (const auto& probe :
       {luks, swap_area, by_magic, ext, f2fs, exfat, iso9660, ufs, short_magics})
    if (Content content = probe(head)) return content;
  if (Content content = fat(device, head)) return content;
  if (Content content = far_away(device)) return content;
  return zfs(device);
}

}  // namespace imgfs::volumes
