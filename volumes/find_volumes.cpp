#include <algorithm>
#include <cstring>

#include "core/slice_device.h"
#include "core/text.h"
#include "volumes/content.h"
#include "volumes/foreign.h"
#include "volumes/gpt.h"
#include "volumes/lvm.h"
#include "volumes/mbr.h"
#include "volumes/mbr_format.h"
#include "volumes/md_arrays.h"
#include "volumes/volume.h"

namespace imgfs {

using namespace volumes;

namespace {

constexpr std::uint64_t kZeroCheck = 1U << 20;

void remark(VolumeTable& table, Remark::Kind kind, std::string text) {
  table.remarks.push_back({kind, std::move(text)});
}

/// Read in pieces: most disks say something in the first.
bool is_zero(const BlockDevice& disk) {
  std::vector<std::byte> bytes(16U << 10);
  const std::uint64_t end = std::min(disk.size(), kZeroCheck);
  for (std::uint64_t at = 0; at < end; at += bytes.size()) {
    const auto piece = std::span(bytes).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - at)));
    if (!disk.read(at, piece)) return false;
    if (!std::ranges::all_of(piece, [](std::byte byte) { return byte == std::byte{0}; }))
      return false;
  }
  return true;
}

/// One volume for the whole disk, with what was found on it.
void list_whole_disk(const Device& disk, Content content, VolumeTable& table) {
  table.kind = VolumeTable::Kind::whole_disk;
  Volume volume;
  volume.name = "p0";
  volume.offset = 0;
  volume.size = disk->size();
  volume.content = std::move(content.type);
  volume.label = std::move(content.label);
  volume.uuid = std::move(content.uuid);
  table.volumes.push_back(std::move(volume));
}

/// A boot sector's own code can look like entries: where the disk starts like a file system, the
/// table counts only if every entry lies inside the disk and none overlaps another.
bool is_beyond_doubt(const Mbr& mbr, std::uint64_t sectors) {
  std::uint64_t used = 0;
  std::vector<MbrEntry> entries(mbr.entries.begin(), mbr.entries.end());
  std::ranges::sort(entries, {}, &MbrEntry::start);
  for (const MbrEntry& entry : entries) {
    if (entry.count == 0) continue;
    if (entry.type == 0 || entry.start <= used ||
        std::uint64_t{entry.start} + entry.count > sectors)
      return false;
    used = std::uint64_t{entry.start} + entry.count - 1;
  }
  return used != 0;
}

/// A table made for sectors of 4 KiB (VHDX can have them) lies in the first sector all the same:
/// its numbers count as 4 KiB where nothing begins at the places that 512 B give, and something
/// does at the others.
std::uint32_t mbr_sector_size(const Device& disk, const Mbr& mbr) {
  const auto begins = [&](std::uint32_t sector_size) {
    return std::ranges::any_of(mbr.entries, [&](const MbrEntry& entry) {
      const std::uint64_t start = std::uint64_t{entry.start} * sector_size;
      if (entry.count == 0 || start >= disk->size()) return false;
      const Device rest = std::make_shared<SliceDevice>(disk, start, disk->size() - start);
      std::vector<std::byte> sector(512);
      if (entry.is_extended()) return rest->read(0, sector) && parse_mbr(sector).has_value();
      return bool{recognise(*rest)};
    });
  };
  const bool fits = std::ranges::all_of(mbr.entries, [&](const MbrEntry& entry) {
    return std::uint64_t{entry.start} + entry.count <= disk->size() / 4096;
  });
  return fits && !begins(512) && begins(4096) ? 4096 : 512;
}

void list_mbr_disk(const Device& disk, const Mbr& mbr, VolumeTable& table) {
  table.kind = VolumeTable::Kind::mbr;
  table.sector_size = mbr_sector_size(disk, mbr);
  list_mbr(*disk, mbr, table);
}

/// Finds the partitions of a disk that has an MBR's signature, or none; false where none are found.
class Search {
 public:
  Search(Device disk, VolumeTable& table) : disk_(std::move(disk)), table_(table) {}

  void run() {
    std::vector<std::byte> sector(512);
    if (disk_->size() < sector.size()) return;
    if (const auto done = disk_->read(0, sector); !done)
      return remark(table_, Remark::Kind::damaged,
                    "the first sector cannot be read: " + describe(done.error()));
    mbr_ = parse_mbr(sector);
    content_ = recognise(*disk_);
    protective_ = mbr_ && mbr_->has(kTypeProtective);
    if (try_gpt() || try_mbr() || try_bsd()) return;
    if (content_) return list_whole_disk(disk_, std::move(content_), table_);
    if (has_apple_map(*disk_))
      return list_foreign(VolumeTable::Kind::apm, "apm",
                          "Apple partition map: its partitions are not read");
    if (mbr_) list_mbr_disk(disk_, *mbr_, table_);
  }

 private:
  bool try_gpt() {
    const bool has_partitions = mbr_ && !protective_ && is_plausible(*mbr_, disk_->size(), 512);
    if (has_partitions || (!protective_ && content_)) {
      VolumeTable unused;
      if (list_gpt(*disk_, nullptr, unused) == GptFound::usable)
        remark(table_, Remark::Kind::note,
               "a GPT is there as well but not used: the MBR has no protective entry");
      return false;
    }
    const GptFound found = list_gpt(*disk_, mbr_ ? &*mbr_ : nullptr, table_);
    if (found == GptFound::usable) return gpt_remarks(), true;
    if (content_ || !protective_) return false;
    table_.kind = VolumeTable::Kind::gpt;
    if (found == GptFound::none)
      remark(table_, Remark::Kind::damaged,
             "protective MBR, but no GPT: neither a primary nor a backup header");
    return true;
  }

  void gpt_remarks() {
    if (!protective_)
      return remark(table_, Remark::Kind::damaged,
                    "GPT without a protective MBR: Linux does not use it");
    std::uint64_t end = 0;
    int others = 0;
    for (const MbrEntry& entry : mbr_->entries) {
      if (entry.count != 0 && entry.type != kTypeProtective) ++others;
      if (entry.type == kTypeProtective) end = std::uint64_t{entry.start} + entry.count;
    }
    if (others != 0)
      remark(table_, Remark::Kind::note,
             "hybrid MBR: " + std::to_string(others) +
                 " entries beside the protective one; the GPT is the one used");
    if (end != UINT32_MAX && end != std::uint64_t{UINT32_MAX} + 1 &&
        end > disk_->size() / table_.sector_size)
      remark(table_, Remark::Kind::damaged,
             "the protective MBR covers " + std::to_string(end) +
                 " sectors, but the disk has only " +
                 std::to_string(disk_->size() / table_.sector_size));
  }

  bool try_mbr() {
    if (!mbr_ || protective_ || !is_plausible(*mbr_, disk_->size(), 512)) return false;
    if (content_ && is_boot_sector_format() && !is_beyond_doubt(*mbr_, disk_->size() / 512))
      return false;
    list_mbr_disk(disk_, *mbr_, table_);
    if (!mbr_->has(kTypeDynamic)) return true;
    table_.kind = VolumeTable::Kind::dynamic_disk;
    return true;
  }

  bool is_boot_sector_format() const {
    return content_.type == "vfat" || content_.type == "ntfs" || content_.type == "exfat" ||
           content_.type == "BitLocker" || content_.type == "ReFS";
  }

  bool try_bsd() {
    if (!has_bsd_label(*disk_)) return false;
    list_foreign(VolumeTable::Kind::bsd, "bsd", "BSD disklabel: its partitions are not read");
    return true;
  }

  void list_foreign(VolumeTable::Kind kind, const char* type, std::string problem) {
    list_whole_disk(disk_, {type, {}, {}}, table_);
    table_.kind = kind;
    table_.volumes.back().problem = problem;
    remark(table_, Remark::Kind::unsupported, std::move(problem));
  }

  Device disk_;
  VolumeTable& table_;
  std::optional<Mbr> mbr_;
  Content content_;
  bool protective_ = false;
};

/// Gives each volume its bytes, as far as they are on the disk.
void attach(const Device& disk, VolumeTable& table) {
  for (Volume& volume : table.volumes) {
    if (!volume.problem.empty() || !volume.offset) continue;
    const std::uint64_t start = *volume.offset;
    if (volume.partition_type == kLdmDataGuid || volume.partition_type == kLdmMetadataGuid ||
        volume.partition_type == "0x42") {
      table.kind = VolumeTable::Kind::dynamic_disk;
      volume.content = "ldm";
      volume.problem = "Windows dynamic disk (LDM): its volumes are not read";
      continue;
    }
    if (start >= disk->size()) {
      volume.problem = "starts at byte " + std::to_string(start) +
                       ", past the end of the disk of " + std::to_string(disk->size()) + " bytes";
    } else {
      const std::uint64_t there = std::min(volume.size, disk->size() - start);
      if (there < volume.size)
        volume.problem = "cut short: " + std::to_string(volume.size - there) + " of its " +
                         std::to_string(volume.size) + " bytes lie past the end of the disk";
      if (there != 0) volume.device = std::make_shared<SliceDevice>(disk, start, there);
    }
    if (!volume.problem.empty())
      remark(table, Remark::Kind::damaged, volume.name + ": " + volume.problem);
  }
}

void report_overlaps(VolumeTable& table) {
  std::vector<const Volume*> order;
  for (const Volume& volume : table.volumes)
    if (volume.offset && volume.size != 0) order.push_back(&volume);
  std::ranges::sort(order, {}, [](const Volume* volume) { return *volume->offset; });
  std::vector<std::string> texts;
  const Volume* widest = nullptr;  // of those seen, the one that ends last
  for (const Volume* volume : order) {
    const auto end = [](const Volume* v) {
      return v->size > UINT64_MAX - *v->offset ? UINT64_MAX : *v->offset + v->size;
    };
    if (widest != nullptr && *volume->offset < end(widest))
      texts.push_back(volume->name + " overlaps " + widest->name + ": it starts at byte " +
                      std::to_string(*volume->offset) + ", before byte " +
                      std::to_string(end(widest)));
    if (widest == nullptr || end(volume) > end(widest)) widest = volume;
  }
  for (std::string& text : texts) remark(table, Remark::Kind::damaged, std::move(text));
}

void look_inside(VolumeTable& table) {
  for (Volume& volume : table.volumes) {
    if (!volume.device || !volume.content.empty()) continue;
    Content content = recognise(*volume.device);
    volume.content = std::move(content.type);
    volume.label = std::move(content.label);
    volume.uuid = std::move(content.uuid);
  }
}

}  // namespace

VolumeTable find_volumes(Device disk) {
  VolumeTable table;
  table.zero = is_zero(*disk);
  if (table.zero && disk->size() <= kZeroCheck) return table;
  Search(disk, table).run();
  attach(disk, table);
  report_overlaps(table);
  look_inside(table);
  open_md_arrays(table);
  list_logical_volumes(table);
  return table;
}

}  // namespace imgfs
