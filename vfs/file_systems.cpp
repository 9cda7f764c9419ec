#include "vfs/file_systems.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/log.h"
#include "core/text.h"
#include "ext/ext.h"
#include "fat/fat.h"
#include "ntfs/ntfs.h"
#include "vfs/names.h"
#include "xfs/xfs.h"

namespace imgfs {

namespace {

/// What a volume without a readable file system is, for people; by `Volume::content`.
struct Content {
  std::string_view name;
  std::string_view sentence;
};
constexpr std::array kContents{
    Content{"swap", "swap space: holds no files"},
    Content{"lvm2-pv", "an LVM physical volume: its logical volumes are shown under their own names"},
    Content{"luks", "encrypted (LUKS): cannot be read without its key"},
    Content{"BitLocker", "encrypted (BitLocker): cannot be read without its key"},
    Content{"zfs_member", "part of a ZFS pool: ZFS cannot be read"},
    Content{"linux_raid_member", "a member of a Linux RAID: this level cannot be read"},
    Content{"swsuspend", "swap space with a hibernated system: holds no files"},
    Content{"jbd", "the external journal of an ext file system: holds no files"},
};

/// Partitions that hold no file system by their type: GUIDs and MBR bytes.
constexpr std::array kTypes{
    Content{"21686148-6449-6e6f-744e-656564454649", "a BIOS boot partition: holds boot code, no files"},
    Content{"e3c9e316-0b5c-4db8-817d-f92df00215ae", "a Microsoft reserved partition: holds no files"},
    Content{"9e1a2d38-c612-4316-aa26-8b49521e5a8b", "a PReP boot partition: holds boot code, no files"},
    Content{"0x41", "a PReP boot partition: holds boot code, no files"},
};

/// What a row of the table is called where the file system could not be opened.
std::string type_of_row(std::string_view row) {
  if (row == "ext") return "ext4";
  if (row == "fat") return "vfat";
  return std::string(row);
}

std::string_view sentence_for(std::span<const Content> table, std::string_view name) {
  const auto row = std::ranges::find(table, name, &Content::name);
  return row == table.end() ? std::string_view() : row->sentence;
}

void add_problem(std::string& problem, std::string_view more) {
  if (more.empty()) return;
  if (!problem.empty()) problem += "; ";
  problem += more;
}

/// Says what a volume is that has no file system of ours.
void describe_other(TreeVolume& volume) {
  const Volume& from = volume.volume;
  volume.type = from.content.empty() ? "unknown" : from.content;
  volume.label = from.label;
  volume.uuid = from.uuid;
  if (from.device == nullptr && !from.problem.empty()) return;
  std::string_view sentence = sentence_for(kContents, from.content);
  if (sentence.empty() && from.content.empty()) sentence = sentence_for(kTypes, from.partition_type);
  if (!sentence.empty()) return add_problem(volume.problem, sentence);
  add_problem(volume.problem, from.content.empty() ? "no file system that is known"
                                                   : from.content + " cannot be read");
}

/// Whether a volume without files is nothing to be warned of.
bool is_expected(const TreeVolume& volume) {
  const Volume& from = volume.volume;
  if (!from.problem.empty() || volume.file_system != nullptr) return false;
  return from.content == "swap" || from.content == "lvm2-pv" ||
         (from.content.empty() && !sentence_for(kTypes, from.partition_type).empty());
}

void open_volume(TreeVolume& volume, Recovery recovery, std::span<const FileSystemType> types) {
  const Volume& from = volume.volume;
  volume.problem = from.problem;
  if (from.device == nullptr) return describe_other(volume);
  std::string failure;
  std::string failed_type;
  for (const FileSystemType& type : types) {
    if (!type.probe(*from.device)) continue;
    auto opened = type.open(from.device, recovery);
    if (!opened) {
      if (failed_type.empty()) failed_type = type_of_row(type.name);
      add_problem(failure, describe(opened.error()));
      continue;
    }
    volume.file_system = std::move(opened).value();
    const FileSystemInfo& info = volume.file_system->info();
    volume.type = info.type;
    volume.label = info.label;
    volume.uuid = info.uuid;
    return;
  }
  if (failed_type.empty()) return describe_other(volume);
  volume.type = from.content.empty() ? failed_type : from.content;
  volume.label = from.label;
  volume.uuid = from.uuid;
  add_problem(volume.problem, failure);
}

/// `name` as one that a path can hold and that is not in `taken`, which it joins.
std::string free_name(const std::string& name, std::set<std::string, std::less<>>& taken) {
  std::string free = is_plain_name(name) ? name : name_code(name, 0);
  for (int i = 2; !taken.insert(free).second; ++i)
    free = name.substr(0, 200) + "~" + std::to_string(i);
  return free;
}

}  // namespace

std::span<const FileSystemType> file_system_types() {
  // FAT last: its boot sector has the weakest signature.
  static const std::array types{xfs::file_system_type(), ext::file_system_type(),
                                ntfs::file_system_type(), fat::file_system_type()};
  return types;
}

std::vector<TreeVolume> open_volumes(const std::vector<Volume>& volumes, Recovery recovery,
                                     std::span<const FileSystemType> types, std::size_t most) {
  std::vector<TreeVolume> opened;
  opened.reserve(volumes.size());
  std::set<std::string, std::less<>> directories{"root", ".raw", ".import-report",
                                                 ".import-report.json"};
  std::set<std::string, std::less<>> raw_names{"disk"};
  std::size_t readable = 0;
  for (const Volume& from : volumes) {
    TreeVolume& volume = opened.emplace_back();
    volume.volume = from;
    open_volume(volume, recovery, types);
    if (from.device != nullptr) volume.raw_name = free_name(from.name, raw_names);
    if (volume.file_system != nullptr && ++readable <= most) {
      volume.directory = free_name(from.name, directories);
    } else if (volume.file_system != nullptr) {
      volume.file_system = nullptr;
      add_problem(volume.problem,
                  "not shown: more than " + std::to_string(most) + " file systems in one image");
    }
    if (!volume.problem.empty())
      log(is_expected(volume) ? LogLevel::info : LogLevel::warning, from.name + ": " + volume.problem);
  }
  return opened;
}

}  // namespace imgfs
