#include "vfs/file_systems.h"
#include "vfs/guest_search.h"
#include "vfs/joined_tree.h"

namespace imgfs {

namespace {

/// Volumes with a directory; the other slots are for the guests' views.
constexpr std::size_t kMostDirectories = 190;

}  // namespace

Result<std::shared_ptr<Tree>> open_tree(Image image, TreeOptions options) {
  VolumeTable table = find_volumes(image.disk);
  // A disk whose beginning cannot be read and whose table has no copy would look like an empty one.
  std::byte first{};
  if (table.volumes.empty() && image.disk->size() > 0)
    TRY(image.disk->read(0, std::span(&first, 1)));
  auto volumes =
      open_volumes(table.volumes, options.recovery, file_system_types(), kMostDirectories);
  TreeParts parts{std::move(image), std::move(table), std::move(volumes), {}, {}, {}, {},
                  Views(options.uid, options.gid)};
  for (std::size_t i = 0; i < parts.volumes.size(); ++i) {
    TreeVolume& volume = parts.volumes[i];
    std::uint8_t slot = 0;
    if (volume.file_system != nullptr) {
      const auto added = parts.views.add(
          {volume.file_system, i, volume.file_system->root(), View::Case::exact, 0, {}});
      if (added) {
        slot = added.value();
      } else {
        volume.problem = describe(added.error());
        volume.directory.clear();
        volume.file_system = nullptr;
      }
    }
    parts.volume_slots.push_back(slot);
  }
  find_guests(parts);
  return std::shared_ptr<Tree>(std::make_shared<JoinedTree>(std::move(parts), std::move(options)));
}

}  // namespace imgfs
