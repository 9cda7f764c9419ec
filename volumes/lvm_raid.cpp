#include "volumes/lvm_raid.h"

#include <algorithm>
#include <optional>

#include "volumes/lvm_raid_format.h"

namespace imgfs::volumes {

std::size_t choose_raid1_leg(const std::vector<RaidLeg>& legs) {
  std::vector<std::optional<DmRaidSuperblock>> supers;
  std::uint64_t newest = 0;
  std::uint64_t failed = 0;
  for (const RaidLeg& leg : legs) {
    supers.emplace_back();
    if (!leg.metadata) continue;
    const auto super = read_struct<DmRaidSuperblock>(*leg.metadata, 0);
    if (!super || super.value().magic.value() != kDmRaidMagic) continue;
    supers.back() = super.value();
    if (super.value().events.value() < newest) continue;
    newest = super.value().events.value();
    failed = super.value().failed_devices.value();
  }
  // From strict to lenient: in sync; not failed and as new as any; whole at all.
  const auto is_current = [&](std::size_t i) {
    const bool marked = i < 64 && (failed >> i & 1U) != 0;
    return legs[i].whole && !marked &&
           (newest == 0 || (supers[i] && supers[i]->events.value() == newest));
  };
  const auto is_in_sync = [&](std::size_t i) {
    return is_current(i) && supers[i] && supers[i]->disk_recovery_offset.value() == UINT64_MAX;
  };
  for (std::size_t i = 0; i < legs.size(); ++i)
    if (is_in_sync(i)) return i;
  for (std::size_t i = 0; i < legs.size(); ++i)
    if (is_current(i)) return i;
  const auto whole = std::ranges::find_if(legs, &RaidLeg::whole);
  return whole == legs.end() ? 0 : static_cast<std::size_t>(whole - legs.begin());
}

}  // namespace imgfs::volumes
