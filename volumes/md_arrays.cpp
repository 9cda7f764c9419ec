#include "volumes/md_arrays.h"

#include <algorithm>

#include "core/slice_device.h"
#include "volumes/content.h"
#include "volumes/md.h"

namespace imgfs::volumes {
namespace {

struct Found {
  Volume* volume;
  MdMember member;
};

void use(const Found& found, VolumeTable& table) {
  Volume& volume = *found.volume;
  volume.device = std::make_shared<SliceDevice>(volume.device, found.member.data_offset,
                                                found.member.data_size);
  table.remarks.push_back(
      {Remark::Kind::note, volume.name + ": member of the MD RAID1 array " + found.member.uuid +
                               " (version " + found.member.version + "): its data area is shown"});
  Content content = recognise(*volume.device);
  if (!content) return;
  volume.content = std::move(content.type);
  volume.label = std::move(content.label);
  volume.uuid = std::move(content.uuid);
}

}  // namespace

void open_md_arrays(VolumeTable& table) {
  std::vector<Found> members;
  for (Volume& volume : table.volumes) {
    if (!volume.device || volume.content != "linux_raid_member") continue;
    auto member = find_md_superblock(*volume.device);
    if (!member) continue;
    if (member->problem.empty()) {
      members.push_back({&volume, std::move(*member)});
    } else {
      volume.problem = member->problem;
      volume.device = nullptr;
    }
  }
  // The newest of each array first; the order of the disk where they are as new as each other.
  std::ranges::stable_sort(
      members, [](const Found& a, const Found& b) { return a.member.events > b.member.events; });
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto first = std::ranges::find_if(
        members, [&](const Found& other) { return other.member.uuid == members[i].member.uuid; });
    if (first == members.begin() + static_cast<std::ptrdiff_t>(i)) {
      use(members[i], table);
      continue;
    }
    const bool older = members[i].member.events < first->member.events;
    members[i].volume->problem = std::string(older ? "an older state" : "a mirror") + " of " +
                                 first->volume->name + ", in the same MD RAID1 array";
    members[i].volume->device = nullptr;
  }
}

}  // namespace imgfs::volumes
