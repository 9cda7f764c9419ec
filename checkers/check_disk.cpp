// partition-table and root-partition.
#include <algorithm>

#include "checkers/checker.h"
#include "core/bytes.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

std::string at_offset(std::uint64_t offset) {
  char text[32];
  std::snprintf(text, sizeof text, "offset 0x%llx", static_cast<unsigned long long>(offset));
  return text;
}

Names kinds_for(const CheckContext& context, const FamilyNames& kinds) {
  const std::string family(context.installed == nullptr ? "linux" : family_name(context.installed->family));
  const auto found = kinds.find(family);
  return found == kinds.end() ? Names() : found->second;
}

/// The first sector's boot code: what BIOS starts.
struct BootCode {
  bool readable = false;
  bool zero = true;
  bool grub = false;
};
BootCode boot_code(const BlockDevice& disk) {
  BootCode out;
  std::array<std::byte, 440> code;
  if (disk.size() < 512 || !disk.read(0, code)) return out;
  out.readable = true;
  out.zero = std::ranges::all_of(code, [](std::byte b) { return b == std::byte{0}; });
  out.grub = as_chars(code).find("GRUB") != std::string_view::npos;
  return out;
}

Finding no_table(const CheckContext& context) {
  const VolumeTable& table = context.tree.table();
  std::array<std::byte, 512> sector;
  if (context.tree.disk().size() >= sector.size()) {
    if (const auto read = context.tree.disk().read(0, sector); !read)
      return could_not("the first sector of the disk", read.error(), at_offset(0));
  }
  std::vector<Evidence> evidence = {{at_offset(510), "no signature 55 AA of a partition table"}};
  for (const Remark& remark : table.remarks) evidence.push_back({at_offset(0), remark.text});
  if (table.kind == VolumeTable::Kind::whole_disk) {
    const std::string type = context.tree.volumes().empty() ? "" : context.tree.volumes().front().type;
    return make_finding(Status::fail,
                        "the image holds a bare " + (type.empty() ? "file system" : type) +
                            " file system without a partition table: the boot partition or the "
                            "master boot record was left out",
                        evidence, "image the whole disk (/dev/sda), not one partition (/dev/sda1)");
  }
  return make_finding(Status::fail,
                      table.zero ? "the first megabyte of the disk holds nothing but zeros: there is "
                                   "no partition table"
                                 : "there is no partition table and no file system on the disk",
                      evidence, "image the whole disk of the installed system (/dev/sda) and check that the copy is complete");
}

/// The first partition that does not lie inside the disk.
const TreeVolume* cut_off(const CheckContext& context) {
  const std::uint64_t size = context.tree.disk().size();
  for (const TreeVolume& volume : context.tree.volumes()) {
    const auto& offset = volume.volume.offset;
    if (offset && (*offset > size || volume.volume.size > size - *offset)) return &volume;
  }
  return nullptr;
}

}  // namespace

Finding check_partition_table(const CheckContext& context) {
  const VolumeTable& table = context.tree.table();
  const TableRule& rule = context.rules.table;
  if (table.kind == VolumeTable::Kind::none || table.kind == VolumeTable::Kind::whole_disk)
    return no_table(context);
  const std::string kind(table_name(table.kind));
  const bool gpt = table.kind == VolumeTable::Kind::gpt;
  std::vector<Evidence> evidence = {{at_offset(gpt ? table.sector_size : 446), kind + ", " +
                                         std::to_string(context.tree.volumes().size()) + " volumes"}};
  if (context.tree.volumes().empty())
    return make_finding(Status::fail, "the partition table (" + kind + ") has no partition", evidence,
                        "image the whole disk of the installed system (/dev/sda)");
  if (const TreeVolume* volume = cut_off(context)) {
    evidence.push_back({at_offset(*volume->volume.offset),
                        volume->volume.name + ": " + size_text(volume->volume.size) + ", on a disk of " +
                            size_text(context.tree.disk().size())});
    return make_finding(Status::fail, "partition " + volume->volume.name + " ends beyond the disk: the image is cut short",
                        evidence, "copy or export the image again and compare its size with the original's");
  }
  const Names kinds = kinds_for(context, rule.kinds);
  const std::string convert =
      "reinstall or convert to an MBR (msdos) label with BIOS boot: sgdisk --gpttombr=1:2:3 DISK, then "
      "grub-install (grub2-install) DISK in the guest";
  if (!contains(kinds, kind)) {
    const bool doubtful = contains(kinds_for(context, rule.doubtful), kind);
    std::string upper = kind;
    std::ranges::transform(upper, upper.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    Finding finding = make_finding(
        doubtful ? Status::warn : rule.severity,
        doubtful ? "the partition table is " + upper + ", of which the document says nothing: it may not boot"
                 : "the partition table is " + upper + "; only " + join(kinds) + " is accepted",
        evidence, convert);
    finding.code = "";  // of the documents none names a code for the kind of the table
    return finding;
  }
  for (const Remark& remark : table.remarks)
    if (remark.kind != Remark::Kind::note) evidence.push_back({at_offset(0), remark.text});
  if (evidence.size() > 1)
    return make_finding(Status::warn, "the partition table (" + kind + ") is not sound", evidence,
                        gpt ? "sgdisk -e DISK (it writes both copies anew)" : "fdisk DISK, and correct what is named");
  if (gpt) return make_finding(Status::pass, "the partition table is a sound GPT", evidence);
  const BootCode code = boot_code(context.tree.disk());
  const bool active = std::ranges::any_of(context.tree.volumes(),
                                          [](const TreeVolume& volume) { return volume.volume.active; });
  if (code.readable && code.zero)
    evidence.push_back({at_offset(0), "no boot code: BIOS starts only what grub-install puts there"});
  if (!active && !code.grub) {
    evidence.push_back({at_offset(446), "no entry has the flag 0x80"});
    return make_finding(Status::warn, "no partition is marked active, and there is no GRUB in the master boot record",
                        evidence, "grub-install (grub2-install) DISK, or sfdisk --activate DISK 1");
  }
  return make_finding(Status::pass, "the partition table is a sound MBR", evidence);
}

namespace {

/// Volumes whose lack of a file system says nothing: swap, physical volumes, boot loaders' own space.
bool never_a_root(const TreeVolume& volume) {
  static constexpr std::string_view kTypes[] = {"swap", "lvm2-pv"};
  static constexpr std::string_view kBootTypes[] = {
      "21686148-6449-6e6f-744e-656564454649",  // BIOS boot
      "9e1a2d38-c612-4316-aa26-8b49521e5a8b",  // PReP
      "e3c9e316-0b5c-4db8-817d-f92df00215ae",  // Microsoft reserved
      "0x5", "0xf", "0x85", "0x05", "0x0f", "0x41"};
  return std::ranges::find(kTypes, volume.type) != std::end(kTypes) ||
         std::ranges::find(kBootTypes, volume.volume.partition_type) != std::end(kBootTypes);
}

struct Content {
  bool boot = false;      ///< kernels or a boot loader
  bool install = false;   ///< an installer
  bool backup = false;    ///< a Windows data volume
  bool files = false;     ///< anything besides lost+found
};

Content content_of(const CheckContext& context, std::size_t volume) {
  Content out;
  const auto files = context.surroundings.volume_files(context.tree, volume);
  if (!files) return out;
  const auto names = files->list("/", 10'000);
  if (!names) return out;
  for (const auto& name : names.value()) {
    if (name != "lost+found") out.files = true;
    if (name.starts_with("vmlinuz") || name.starts_with("initr") || name == "grub" || name == "grub2" ||
        name == "EFI" || name == "loader" || name == "bootmgr")
      out.boot = true;
    if (name == ".treeinfo" || name == "isolinux" || name == ".disk" || name == "casper" || name == "sources")
      out.install = true;
    if (name == "System Volume Information" || name == "$RECYCLE.BIN") out.backup = true;
  }
  return out;
}

Finding no_root(const CheckContext& context) {
  std::vector<Evidence> evidence;
  Content all;
  bool all_boot = true;
  bool any = false;
  for (std::size_t i = 0; i < context.tree.volumes().size(); ++i) {
    const TreeVolume& volume = context.tree.volumes()[i];
    if (!volume.file_system && volume.directory.empty()) continue;
    const Content content = content_of(context, i);
    any = true;
    all.boot |= content.boot;
    all.install |= content.install;
    all.backup |= content.backup;
    all.files |= content.files;
    if (content.files && !content.boot) all_boot = false;
    evidence.push_back({"/" + volume.directory, volume.type + ": " +
                            (content.boot ? "boot files, no /etc"
                             : content.files ? "no /etc with /bin, no Windows directory"
                                             : "no files")});
  }
  std::string why = "the volumes hold only data: a data disk's image?";
  if (!any) why = "no volume has a file system with files";
  else if (all.install) why = "the files are an installer's, not an installed system's";
  else if (all.boot && all_boot) why = "there is only a boot partition, without the root file system";
  else if (!all.files) why = "the file systems are empty: a data disk's image?";
  if (evidence.empty()) evidence.push_back({"/.raw/disk", "no readable file system"});
  return make_finding(Status::fail, "no installed system was found: " + why, evidence,
                      "image the whole system disk (with its root partition), not a data disk, a boot "
                      "partition or an installer");
}

}  // namespace

Finding check_root_partition(const CheckContext& context) {
  const auto& guests = context.tree.guests();
  std::vector<Evidence> evidence;
  for (const InstalledGuest& guest : guests) {
    const auto& volumes = context.tree.volumes();
    const std::string where = guest.volume < volumes.size() ? volumes[guest.volume].directory : "";
    std::string detail = std::string(family_name(guest.family)) + " system";
    if (!guest.evidence.empty()) detail += ": " + join(guest.evidence);
    evidence.push_back({"/" + where + guest.subdirectory, detail});
  }
  if (guests.size() > 1)
    return make_finding(context.rules.root.several,
                        "there are " + std::to_string(guests.size()) + " installed systems; which of them boots depends on the boot loader",
                        evidence, "keep one system on the disk: remove the partitions of the others");
  if (guests.size() == 1 && context.guest != nullptr)
    return make_finding(Status::pass, "exactly one installed system", evidence);
  bool unreadable = false;
  for (const TreeVolume& volume : context.tree.volumes()) {
    if (volume.file_system || !volume.directory.empty() || never_a_root(volume)) continue;
    unreadable = true;
    evidence.push_back({"/.raw/" + volume.volume.name,
                        (volume.type.empty() ? "unknown" : volume.type) +
                            (volume.problem.empty() ? ": it has no readable file system" : ": " + volume.problem)});
  }
  if (unreadable || guests.size() == 1)
    return make_finding(Status::unknown, "no installed system was found, but not all volumes can be read", evidence);
  return no_root(context);
}

}  // namespace imgfs::checkers
