#include "volumes/md.h"

#include <cstring>

#include "core/text.h"
#include "volumes/md_format.h"

namespace imgfs::volumes {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kReserved090 = 64U << 10;

std::string level_name(std::uint32_t level) {
  const auto number = static_cast<std::int32_t>(level);
  switch (number) {
    case -1: return "linear";
    case -4: return "multipath";
    case -5: return "faulty";
    case -10: return "container";
    default: return "raid" + std::to_string(number);
  }
}

/// The sum of `bytes` as little-endian words, the upper half added to the lower.
std::uint32_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) sum += get<le32>(bytes, at)->value();
  if (at + 2 <= bytes.size()) sum += get<le16>(bytes, at)->value();
  return static_cast<std::uint32_t>(sum) + static_cast<std::uint32_t>(sum >> 32);
}

std::string reason(const MdMember& member, bool in_sync) {
  if (member.level != "raid1")
    return "member of the MD array " + (member.name.empty() ? member.uuid : member.name) +
           " of level " + member.level + ": only RAID1 can be read";
  if (!in_sync) return "member of an MD RAID1 array, but a spare, faulty or not rebuilt to its end";
  return {};
}

std::optional<MdMember> find_090(const BlockDevice& device) {
  if (device.size() < 2 * kReserved090) return std::nullopt;
  const std::uint64_t place = (device.size() & ~(kReserved090 - 1)) - kReserved090;
  const auto read = read_struct<Md090Superblock>(device, place);
  if (!read) return std::nullopt;
  Md090Superblock super = read.value();
  if (super.md_magic.value() != kMdMagic || super.major_version.value() != 0) return std::nullopt;
  const std::uint32_t expected = super.sb_csum.value();
  super.sb_csum = le32(0);
  if (checksum(std::as_bytes(std::span(&super, 1))) != expected) return std::nullopt;
  MdMember member;
  member.version = "0.90";
  // The UUID's text shows the words' numbers.
  const be32 words[] = {be32(super.set_uuid0.value()), be32(super.set_uuid1.value()),
                        be32(super.set_uuid2.value()), be32(super.set_uuid3.value())};
  member.uuid = uuid_text(std::as_bytes(std::span(words)).first<16>());
  member.level = level_name(super.level.value());
  member.events = std::uint64_t{super.events_hi.value()} << 32 | super.events_lo.value();
  member.data_size = std::uint64_t{super.size.value()} * 1024;
  member.problem = reason(member, (super.this_disk.state.value() & 0x7U) == 0x6U);
  if (member.problem.empty() && member.data_size > place)
    member.problem =
        "MD RAID1 data of " + std::to_string(member.data_size) + " bytes reach past its superblock";
  return member;
}

std::optional<MdMember> find_1(const BlockDevice& device, const char* version,
                               std::uint64_t place) {
  const auto read = read_struct<Md1Superblock>(device, place);
  if (!read) return std::nullopt;
  Md1Superblock super = read.value();
  const std::uint32_t devices = super.max_dev.value();
  if (super.magic.value() != kMdMagic || super.major_version.value() != 1 ||
      devices > kMdMaxDevices || super.super_offset.value() != place / kSector)
    return std::nullopt;
  const std::uint32_t expected = super.sb_csum.value();
  super.sb_csum = le32(0);
  const std::size_t used = offsetof(Md1Superblock, dev_roles) + std::size_t{devices} * 2;
  if (checksum(std::as_bytes(std::span(&super, 1)).first(used)) != expected) return std::nullopt;
  MdMember member;
  member.version = version;
  member.uuid = uuid_text(super.set_uuid);
  member.name.assign(super.set_name, strnlen(super.set_name, sizeof super.set_name));
  member.level = level_name(super.level.value());
  member.events = super.events.value();
  const std::uint32_t number = super.dev_number.value();
  const unsigned role = number < devices ? super.dev_roles[number].value() : 0xffffU;
  const std::uint32_t features = super.feature_map.value();
  member.problem = reason(
      member, role < kMdRoleLast && (features & (kMdFeatureRecovery | kMdFeatureJournal)) == 0);
  const std::uint64_t sectors = device.size() / kSector;
  const std::uint64_t offset = super.data_offset.value();
  const std::uint64_t size = super.size.value();
  if (offset > sectors || size > sectors - offset) {
    if (member.problem.empty())
      member.problem = "MD RAID1 data area of " + std::to_string(size) + " sectors from " +
                       std::to_string(offset) + " on reaches past the device's " +
                       std::to_string(sectors);
    return member;
  }
  member.data_offset = offset * kSector;
  member.data_size = size * kSector;
  return member;
}

}  // namespace

std::optional<MdMember> find_md_superblock(const BlockDevice& device) {
  if (auto member = find_1(device, "1.2", 4096)) return member;
  if (auto member = find_1(device, "1.1", 0)) return member;
  const std::uint64_t sectors = device.size() / kSector;
  if (sectors >= 24) {
    const std::uint64_t last = (sectors - 16) & ~std::uint64_t{7};
    if (auto member = find_1(device, "1.0", last * kSector)) return member;
  }
  return find_090(device);
}

}  // namespace imgfs::volumes
