#include "volumes/lvm.h"

#include <algorithm>
#include <array>
#include <map>

#include "volumes/content.h"
#include "volumes/lvm_group.h"

namespace imgfs::volumes {
namespace {

constexpr std::size_t kMaxName = 127;  ///< as lvm2

/// A volume group by its id, with its newest metadata.
struct Found {
  LvmMetadata metadata;
  std::vector<std::size_t> members;  ///< indexes of the table's volumes that hold metadata of it
};

/// lvm2 takes no other names; so none can be a path.
bool is_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '+' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxName && name.front() != '-' && name != "." &&
         name != ".." && std::ranges::all_of(name, allowed);
}

/// One part of a device-mapper name: its hyphens doubled.
std::string doubled(std::string_view name) {
  std::string out;
  for (const char c : name) out.append(c == '-' ? 2 : 1, c);
  return out;
}

class Assembly {
 public:
  explicit Assembly(VolumeTable& table) : table_(table) {}

  void run() {
    for (std::size_t i = 0; i < table_.volumes.size(); ++i)
      if (table_.volumes[i].content == "lvm2-pv" && table_.volumes[i].device) read_physical(i);
    for (const auto& [id, found] : groups_) list(id, found);
  }

 private:
  void remark(Remark::Kind kind, std::string text) {
    table_.remarks.push_back({kind, std::move(text)});
  }

  void read_physical(std::size_t index) {
    Volume& volume = table_.volumes[index];
    std::array<std::byte, 2048> head{};
    if (volume.device->size() < head.size() || !volume.device->read(0, head)) return;
    const auto label = find_lvm_label(head);
    if (!label) return;
    if (!devices_.emplace(label->uuid, volume.device).second)
      return remark(
          Remark::Kind::damaged,
          volume.name + ": a second physical volume with the UUID " + label->uuid + ": not used");
    const auto metadata = read_lvm_metadata(*volume.device, *label);
    if (!metadata) {
      volume.problem = describe(metadata.error());
      return remark(Remark::Kind::damaged, volume.name + ": " + volume.problem);
    }
    if (metadata.value().group.empty()) return;
    Found& found = groups_[std::string(metadata.value().volume_group.text_of("id"))];
    if (!found.members.empty() && found.metadata.seqno != metadata.value().seqno)
      remark(Remark::Kind::note, volume.name + ": LVM metadata number " +
                                     std::to_string(metadata.value().seqno) + " beside number " +
                                     std::to_string(found.metadata.seqno) + ": the newer is used");
    if (found.members.empty() || metadata.value().seqno > found.metadata.seqno)
      found.metadata = metadata.value();
    found.members.push_back(index);
  }

  void list(const std::string& id, const Found& found) {
    const std::string& group = found.metadata.group;
    if (!is_name(group))
      return remark(Remark::Kind::damaged, "LVM: no volume group can be called \"" + group + "\"");
    const auto volumes = open_lvm_group(found.metadata.volume_group, devices_);
    if (!volumes) {
      const std::string problem = "volume group " + group + ": " + describe(volumes.error());
      for (const std::size_t member : found.members) table_.volumes[member].problem = problem;
      return remark(Remark::Kind::damaged, "LVM: " + problem);
    }
    for (const LvmVolume& volume : volumes.value()) append(group, id, volume);
  }

  void append(const std::string& group, const std::string& id, const LvmVolume& logical) {
    if (!is_name(logical.name))
      return remark(Remark::Kind::damaged,
                    "LVM: no logical volume can be called \"" + logical.name + "\"");
    Volume volume;
    volume.name = doubled(group) + "-" + doubled(logical.name);
    if (std::ranges::find(table_.volumes, volume.name, &Volume::name) != table_.volumes.end()) {
      remark(Remark::Kind::damaged,
             "LVM: a second volume " + volume.name + ", of the volume group with the id " + id);
      volume.name += "." + std::to_string(table_.volumes.size());
    }
    volume.volume_group = group;
    volume.logical_volume = logical.name;
    volume.device = logical.device;
    volume.size = logical.size;
    volume.problem = logical.problem;
    if (volume.device) {
      Content content = recognise(*volume.device);
      volume.content = std::move(content.type);
      volume.label = std::move(content.label);
      volume.uuid = std::move(content.uuid);
    }
    table_.volumes.push_back(std::move(volume));
  }

  VolumeTable& table_;
  LvmDevices devices_;
  std::map<std::string, Found> groups_;
};

}  // namespace

void list_logical_volumes(VolumeTable& table) { Assembly(table).run(); }

}  // namespace imgfs::volumes
