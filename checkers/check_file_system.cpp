// file-system: clean, of a kind and with features that the policy accepts?
#include <algorithm>

#include "checkers/checker.h"

namespace imgfs::checkers {
namespace {

class FileSystemCheck {
 public:
  explicit FileSystemCheck(const CheckContext& context)
      : context_(context),
        rule_(context.rules.file_system),
        family_(context.installed == nullptr ? "linux" : family_name(context.installed->family)) {}

  Finding run() {
    if (refused_table()) return finish();
    for (const TreeVolume& volume : context_.tree.volumes()) look_at(volume);
    free_space();
    if (status_ == Status::pass && unread_)
      return make_finding(Status::unknown, "a file system could not be read: " + unread_->path.substr(1), {*unread_});
    if (status_ == Status::pass && readable_ == 0)
      return make_finding(Status::unknown, "no volume has a readable file system", {{"/.raw/disk", "no file system"}});
    if (unread_) evidence_.push_back(*unread_);
    return finish();
  }

 private:
  void worse(Status status, std::string summary, std::string fix) {
    if (status == Status::fail) status = rule_.severity;
    if (status_ == Status::fail || (status_ == Status::warn && status != Status::fail)) return;
    status_ = status;
    summary_ = std::move(summary);
    fix_ = std::move(fix);
  }
  Finding finish() {
    if (status_ == Status::pass) return make_finding(Status::pass, "the file systems are clean", evidence_);
    return make_finding(status_, summary_, evidence_, fix_);
  }
  Names list(const FamilyNames& names) const {
    const auto found = names.find(family_);
    return found == names.end() ? Names() : found->second;
  }

  bool refused_table() {
    const Names refused = list(rule_.refused_volumes);
    if (context_.tree.table().kind == VolumeTable::Kind::dynamic_disk && contains(refused, "dynamic-disk")) {
      evidence_.push_back({"/.raw/disk", "a dynamic disk (partition of type 0x42 or LDM database)"});
      worse(Status::fail, "the disk is a dynamic disk", "convert it to a basic disk before the export (a copy to a new disk with basic volumes)");
      return true;
    }
    for (const TreeVolume& volume : context_.tree.volumes())
      if (volume.type == "lvm2-pv" && contains(refused, "lvm")) {
        evidence_.push_back({"/.raw/" + volume.volume.name, "an LVM physical volume"});
        worse(Status::fail, "logical volumes are not accepted", "copy the system to plain partitions");
        return true;
      }
    return false;
  }

  static bool own_space(const TreeVolume& volume) {
    static constexpr std::string_view kNone[] = {"swap", "lvm2-pv", ""};
    static constexpr std::string_view kBootTypes[] = {"21686148-6449-6e6f-744e-656564454649", "9e1a2d38-c612-4316-aa26-8b49521e5a8b",
                                                      "e3c9e316-0b5c-4db8-817d-f92df00215ae", "0x5", "0xf", "0x85", "0x05", "0x0f"};
    const bool none = std::ranges::find(kNone, volume.type) != std::end(kNone);
    return (none && volume.problem.empty()) || volume.type == "swap" || volume.type == "lvm2-pv" ||
           std::ranges::find(kBootTypes, volume.volume.partition_type) != std::end(kBootTypes);
  }

  void look_at(const TreeVolume& volume) {
    const std::string path = volume.directory.empty() ? "/.raw/" + volume.volume.name : "/" + volume.directory;
    if (!volume.file_system) {
      if (own_space(volume)) return;
      if (!unread_) unread_ = Evidence{path, volume.type + ": " + (volume.problem.empty() ? "not readable" : volume.problem)};
      return;
    }
    ++readable_;
    const FileSystemInfo& info = volume.file_system->info();
    const Names kinds = list(rule_.kinds);
    if (!kinds.empty() && !contains(kinds, info.type)) {
      // The ESP is always FAT.
      evidence_.push_back({path, info.type});
      worse(Status::fail, "the file system " + info.type + " of " + volume.directory + " is not accepted; only " + join(kinds),
            "copy its files to a new " + kinds.front() + " file system (mkfs." + kinds.front() + ", rsync -aHAX)");
    }
    refused_features(info, path, volume.directory);
    remarks(info, path, volume.directory);
    if (evidence_.size() < 32 && status_ == Status::pass) evidence_.push_back({path, info.type + ", clean"});
  }

  void refused_features(const FileSystemInfo& info, const std::string& path, const std::string& name) {
    const auto refused = rule_.features.find(info.type);
    if (refused == rule_.features.end()) return;
    for (const auto& feature : refused->second)
      if (contains(info.features, feature)) {
        evidence_.push_back({path, info.type + " with the feature " + feature});
        std::string fix = "make the file system anew without it: mkfs." + info.type + " -O ^" + feature + " (and copy the files)";
        if (feature == "64bit") fix = "resize2fs -s DEVICE (unmounted), or " + fix;
        worse(Status::fail, "the file system of " + name + " has the feature " + feature + ", which is not accepted", fix);
      }
  }

  void remarks(const FileSystemInfo& info, const std::string& path, const std::string& name) {
    const std::string repair = info.type == "xfs"    ? "mount and unmount it once, or xfs_repair DEVICE"
                               : info.type == "ntfs" ? "chkdsk /f in the guest, and shut down fully (shutdown /s /t 0, no fast startup)"
                               : info.type == "vfat" ? "fsck.vfat -a DEVICE"
                                                     : "e2fsck -f DEVICE (unmounted)";
    for (const Remark& remark : info.remarks) {
      if (remark.kind == Remark::Kind::note) continue;
      if (evidence_.size() < 64) evidence_.push_back({path, remark.text});
      if (remark.kind == Remark::Kind::unsupported)
        worse(Status::warn, "the file system of " + name + " has a feature that this program does not read", "check it in the guest");
      else
        worse(Status::warn, "the file system of " + name + (remark.kind == Remark::Kind::damaged ? " is damaged" : " was not unmounted cleanly"), repair);
    }
  }

  void free_space() {
    if (!rule_.free_min || context_.installed == nullptr) return;
    const auto& volumes = context_.tree.volumes();
    if (context_.installed->volume >= volumes.size()) return;
    const TreeVolume& root = volumes[context_.installed->volume];
    if (!root.file_system) return;
    const auto usage = root.file_system->usage();
    if (!usage) {
      if (!unread_) unread_ = Evidence{"/" + root.directory, "free space: " + describe(usage.error())};
      return;
    }
    const std::uint64_t available = usage.value().blocks_available * usage.value().block_size;
    if (available >= rule_.free_min->low) return;
    evidence_.push_back({"/" + root.directory, size_text(available) + " free"});
    worse(Status::fail, "the root file system has less than " + rule_.free_min->text + " free", "delete what is not needed (package caches, logs), or enlarge it");
  }

  const CheckContext& context_;
  const FileSystemRule& rule_;
  std::string family_;
  Status status_ = Status::pass;
  std::string summary_;
  std::string fix_;
  std::vector<Evidence> evidence_;
  std::optional<Evidence> unread_;
  int readable_ = 0;
};

}  // namespace

Finding check_file_system(const CheckContext& context) { return FileSystemCheck(context).run(); }

}  // namespace imgfs::checkers
