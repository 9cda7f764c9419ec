// device-names: do fstab and the boot loader name disks in a way that survives the move?
#include <algorithm>

#include "checkers/checker.h"
#include "checkers/fstab.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxFstab = 1 << 20;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

class NamesCheck {
 public:
  explicit NamesCheck(const CheckContext& context)
      : context_(context), rule_(context.rules.device_names) {
    const auto& found = distribution(context);
    if (found) system_ = found.value();
  }

  Finding run() {
    const auto& boot = boot_entry(context_);
    if (boot && boot.value().command_line_known) read_command_line(boot.value());
    const auto text = context_.guest->read_text("/etc/fstab", kMaxFstab);
    if (text) {
      for (const FstabEntry& entry : parse_fstab(text.value())) read_entry(entry);
    } else if (text.error().code != Errc::not_found) {
      return could_not("/etc/fstab", text.error(), shown("/etc/fstab"));
    }
    if (status_ == Status::fail) return finish();
    if (!boot || !boot.value().command_line_known) {
      const std::string why = boot ? "no boot loader's configuration was found" : describe(boot.error());
      evidence_.push_back({shown("/boot"), why});
      return make_finding(Status::unknown, "how the boot loader names the root file system is not known", evidence_);
    }
    if (!text) {
      evidence_.push_back({shown("/etc/fstab"), "missing"});
      worse(Status::warn, "there is no /etc/fstab", "write /etc/fstab with UUIDs, as blkid shows them");
    }
    return finish();
  }

 private:
  std::string shown(std::string_view path) const { return context_.guest->shown(path); }

  void worse(Status status, const std::string& summary, const std::string& fix) {
    if (status == Status::fail) status = rule_.severity;
    if (status_ == Status::fail || (status_ == Status::warn && status != Status::fail)) return;
    status_ = status;
    summary_ = summary;
    fix_ = fix;
  }

  Finding finish() {
    if (status_ == Status::pass)
      return make_finding(Status::pass, "fstab and the boot loader name disks by what does not change", evidence_);
    return make_finding(status_, summary_, evidence_, fix_);
  }

  bool survives(const DiskName& name) const {
    return std::ranges::any_of(rule_.survives, [&](const std::string& kind) { return name.tag.starts_with(kind); });
  }

  /// Whether a volume of the image has that name.
  bool in_image(const DiskName& name) const {
    return std::ranges::any_of(context_.tree.volumes(), [&](const TreeVolume& volume) {
      if (name.tag == "uuid") return lower(volume.uuid) == lower(name.value);
      if (name.tag == "label") return volume.label == name.value;
      if (name.tag == "partuuid") return lower(volume.volume.partition_uuid) == lower(name.value);
      if (name.tag == "partlabel") return volume.volume.partition_label == name.value;
      return volume.volume.name == name.value;
    });
  }

  /// How many volumes tell what they are called; without any, nothing is missing for certain.
  bool names_known(const DiskName& name) const {
    if (name.tag == "partuuid" || name.tag == "partlabel") return !context_.tree.volumes().empty();
    return std::ranges::none_of(context_.tree.volumes(), [](const TreeVolume& volume) {
      return !volume.problem.empty() && volume.uuid.empty();
    });
  }

  void read_command_line(const BootEntry& entry) {
    const std::string fix = "put root=UUID=… (blkid shows it) in place: " + boot_command(system_);
    const auto root = option_value(entry.options, "root");
    if (!root) {
      // A unified image or dracut finds it by itself (fstab, or the partition's type).
      evidence_.push_back({shown(entry.source), "no root= on the kernel's command line"});
      if (entry.initrds.empty() && !entry.unified)
        worse(Status::fail, "the kernel's command line names no root file system, and there is no initramfs to find it", fix);
      return;
    }
    const DiskName name = disk_name(*root);
    evidence_.push_back({shown(entry.source), "root=" + *root});
    const std::string what = "the boot loader names the root file system ";
    if (name.kind == NameKind::by_device && !survives(name))
      worse(Status::fail, what + "as " + *root + ", which is another name after the move", fix);
    else if (name.kind == NameKind::by_place)
      worse(Status::warn, what + "by the old machine's hardware: " + *root, fix);
    else if (name.kind == NameKind::by_content && !in_image(name))
      worse(names_known(name) ? Status::fail : Status::warn, what + "as " + *root + ", which no volume of the image is called", fix);
    const auto resume = option_value(entry.options, "resume");
    if (resume && *resume != "none") {
      const DiskName swap = disk_name(*resume);
      if ((swap.kind == NameKind::by_device && !survives(swap)) || swap.kind == NameKind::by_place) {
        evidence_.push_back({shown(entry.source), "resume=" + *resume});
        worse(Status::warn, "the boot loader names the place to resume from as " + *resume, "remove resume= or name it by UUID: " + boot_command(system_));
      }
    }
  }

  static bool over_network(const FstabEntry& entry) {
    for (const std::string_view type : {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs"})
      if (entry.type == type) return true;
    return false;
  }

  void read_entry(const FstabEntry& entry) {
    if (entry.has("noauto")) return;
    const bool forgiving = entry.has("nofail");
    const std::string line = "line " + std::to_string(entry.line) + ": " + entry.source + " " + entry.target;
    const std::string place = shown("/etc/fstab");
    if (over_network(entry)) {
      if (forgiving || entry.has("_netdev")) return;
      evidence_.push_back({place, line});
      return worse(Status::warn, "fstab mounts " + entry.target + " over the network, and boot waits for it",
                   "add _netdev,nofail to the options of " + entry.target + " in /etc/fstab");
    }
    const DiskName name = disk_name(entry.source);
    const bool swap = entry.type == "swap" || entry.target == "none" || entry.target == "swap";
    const bool vital = entry.target == "/" || entry.target == "/boot" || entry.target == "/boot/efi" || entry.target == "/usr";
    const std::string uuid_fix = "name it by UUID=… in /etc/fstab (blkid shows it)";
    const std::string called = "fstab names " + (swap ? std::string("the swap space") : entry.target);
    // Without nofail, a missing file system ends the boot in emergency mode; missing swap does not.
    const Status if_missing = (!swap && (vital || !forgiving)) ? Status::fail : Status::warn;
    const bool moved = name.kind == NameKind::by_device && !survives(name);
    if (moved || name.kind == NameKind::by_place) {
      evidence_.push_back({place, line});
      return worse(if_missing, called + " as " + entry.source + (moved ? ", which is another name after the move" : ", bound to the old machine's hardware"), uuid_fix);
    }
    if (name.kind == NameKind::by_content && !in_image(name)) {
      evidence_.push_back({place, line + ": no such volume in the image"});
      const bool certain = names_known(name);
      return worse(certain && !forgiving ? if_missing : Status::warn, called + " as " + entry.source + ", which no volume of the image is called",
                   "remove the line from /etc/fstab, or add nofail to its options");
    }
    if (name.kind == NameKind::by_content && vital) evidence_.push_back({place, line});
  }

  const CheckContext& context_;
  const NamesRule& rule_;
  Distribution system_;
  Status status_ = Status::pass;
  std::string summary_;
  std::string fix_;
  std::vector<Evidence> evidence_;
};

}  // namespace

Finding check_device_names(const CheckContext& context) { return NamesCheck(context).run(); }

}  // namespace imgfs::checkers
