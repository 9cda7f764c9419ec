#include "volumes/lvm_group.h"

#include <algorithm>
#include <limits>

#include "volumes/lvm_raid.h"

namespace imgfs::volumes {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kMax32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 62;  ///< bytes, of a logical volume
constexpr std::size_t kMaxStripes = 128;                    ///< as lvm2
constexpr int kMaxDepth = 6;  ///< of logical volumes on logical volumes
constexpr std::size_t kMaxVolumes = 200;

struct PhysicalVolume {
  Device device;            ///< null: missing
  std::uint64_t start = 0;  ///< of the first extent, bytes
  std::uint64_t extents = 0;
  std::string name;  ///< for people: the UUID and the device's name when it was last seen
};

/// A logical volume that has been put together.
struct Assembled {
  Device device;
  std::uint64_t size = 0;
  std::string missing;  ///< what it lacks; empty where it is whole
  bool any = false;     ///< whether some of its bytes are there
};

class Group {
 public:
  Group(const LvmValue& group, const LvmDevices& devices) : group_(group), devices_(devices) {}

  Result<std::vector<LvmVolume>> open();

 private:
  Result<void> read_physical();
  /// The section of a logical volume; null where there is none.
  const LvmValue* logical(std::string_view name) const {
    const auto found = logical_.find(name);
    return found == logical_.end() ? nullptr : found->second;
  }
  /// What other volumes say of it: the store of a snapshot, an origin that one is merged into.
  std::string special(std::string_view name) const;
  /// Each volume is put together once; also a failure is kept.
  Result<Assembled> assemble(const LvmValue& volume, int depth);
  Result<Assembled> put_together(const LvmValue& volume, int depth);
  Result<LvmSegment> segment(const LvmValue& section, int depth, Assembled& out);
  Result<LvmSegment> striped(const LvmValue& section, std::uint64_t extents, int depth,
                             Assembled& out);
  Result<LvmSegment> mirrored(const LvmValue& section, std::uint64_t extents, int depth,
                              Assembled& out);
  Result<LvmSegment> raid1(const LvmValue& section, std::uint64_t extents, int depth,
                           Assembled& out);
  /// One area of a segment: `extents` of the physical or logical volume `name` from `first` on.
  Result<LvmSegment::Stripe> area(const std::string& name, std::int64_t first,
                                  std::uint64_t extents, int depth, Assembled& out);

  const LvmValue& group_;
  const LvmDevices& devices_;
  const LvmValue* volumes_ = nullptr;
  std::map<std::string_view, const LvmValue*> logical_;  ///< a text may have 100,000, and segments on each
  std::uint64_t extent_size_ = 0;  ///< bytes
  std::map<std::string, PhysicalVolume, std::less<>> physical_;
  std::map<const LvmValue*, Result<Assembled>> assembled_;
};

Result<void> Group::read_physical() {
  const auto sectors = group_.number_of("extent_size", kMax32);
  if (!sectors || *sectors == 0) return corrupt("volume group without a sound extent_size");
  extent_size_ = *sectors * kSector;
  const LvmValue* list = group_.section("physical_volumes");
  if (list == nullptr) return corrupt("volume group without physical_volumes");
  for (const LvmValue& item : list->items) {
    PhysicalVolume volume;
    const std::string_view uuid = item.text_of("id");
    const auto start = item.number_of("pe_start", kMaxSize / kSector);
    const auto extents = item.number_of("pe_count", kMax32);
    if (!start || !extents)
      return corrupt("physical volume \"" + item.key + "\" without pe_start or pe_count");
    volume.start = *start * kSector;
    volume.extents = *extents;
    volume.name = std::string(uuid) + " (" + std::string(item.text_of("device")) + ")";
    const auto found = devices_.find(uuid);
    if (found != devices_.end()) volume.device = found->second;
    physical_.emplace(item.key, std::move(volume));
  }
  return success();
}

Result<LvmSegment::Stripe> Group::area(const std::string& name, std::int64_t first,
                                       std::uint64_t extents, int depth, Assembled& out) {
  if (first < 0 || static_cast<std::uint64_t>(first) > kMax32)
    return corrupt("extent " + std::to_string(first) + " on \"" + name + "\"");
  const auto begin = static_cast<std::uint64_t>(first);
  const auto found = physical_.find(name);
  if (found != physical_.end()) {
    const PhysicalVolume& pv = found->second;
    if (extents > pv.extents || begin > pv.extents - extents)
      return corrupt("extents " + std::to_string(begin) + " to " + std::to_string(begin + extents) +
                     " of \"" + name + "\", which has " + std::to_string(pv.extents));
    if (!pv.device) out.missing = "physical volume " + pv.name + " is missing";
    out.any = out.any || pv.device;
    if (begin > (kMaxSize - pv.start) / extent_size_)
      return corrupt("extent " + std::to_string(begin) + " lies past any disk");
    return LvmSegment::Stripe{pv.device, pv.start + begin * extent_size_};
  }
  const LvmValue* below = logical(name);
  if (below == nullptr) return corrupt("segment on \"" + name + "\", which is not there");
  const Assembled part = TRY(assemble(*below, depth + 1));
  const std::uint64_t size = part.size / extent_size_;
  if (extents > size || begin > size - extents)
    return corrupt("segment reaches past the end of \"" + name + "\"");
  if (!part.missing.empty()) out.missing = part.missing;
  out.any = out.any || part.any;
  return LvmSegment::Stripe{part.device, begin * extent_size_};
}

Result<LvmSegment> Group::striped(const LvmValue& section, std::uint64_t extents, int depth,
                                  Assembled& out) {
  const LvmValue* list = section.find("stripes");
  const auto count = section.number_of("stripe_count", kMaxStripes);
  if (list == nullptr || !count || *count == 0 || list->items.size() != *count * 2)
    return corrupt("stripe_count and stripes disagree, or more than 128 stripes");
  LvmSegment segment;
  segment.kind = LvmSegment::Kind::striped;
  if (*count > 1) {
    const auto size = section.number_of("stripe_size", kMax32);
    if (!size || *size == 0 || extents % *count != 0)
      return corrupt("stripes without a sound stripe_size");
    segment.stripe_size = *size * kSector;
    if (extents / *count * extent_size_ % segment.stripe_size != 0)
      return corrupt("stripe_size does not divide the segment");
  }
  for (std::size_t i = 0; i < list->items.size(); i += 2)
    segment.stripes.push_back(
        TRY(area(list->items[i].text, list->items[i + 1].number, extents / *count, depth, out)));
  return segment;
}

/// Any leg holds everything; the first one is what the others are copied from.
Result<LvmSegment> Group::mirrored(const LvmValue& section, std::uint64_t extents, int depth,
                                   Assembled& out) {
  const LvmValue* list = section.find("mirrors");
  if (list == nullptr || list->items.empty() || list->items.size() % 2 != 0 ||
      list->items.size() > 2 * kMaxStripes)
    return corrupt("mirror without its images");
  std::optional<LvmSegment> best;
  Assembled best_leg;
  for (std::size_t i = 0; i < list->items.size(); i += 2) {
    Assembled leg;
    LvmSegment segment;
    segment.kind = LvmSegment::Kind::striped;
    segment.stripes.push_back(
        TRY(area(list->items[i].text, list->items[i + 1].number, extents, depth, leg)));
    const bool better =
        !best || (!best_leg.any && leg.any) || (!best_leg.missing.empty() && leg.missing.empty());
    if (!better) continue;
    best = std::move(segment);
    best_leg = leg;
  }
  if (!best_leg.missing.empty()) out.missing = best_leg.missing;
  out.any = out.any || best_leg.any;
  return std::move(*best);
}

Result<LvmSegment> Group::raid1(const LvmValue& section, std::uint64_t extents, int depth,
                                Assembled& out) {
  const LvmValue* list = section.find("raids");
  if (list == nullptr || list->items.empty() || list->items.size() % 2 != 0 ||
      list->items.size() > 2 * kMaxStripes)
    return corrupt("raid1 without its images");
  std::vector<RaidLeg> legs;
  std::vector<Assembled> parts(list->items.size() / 2);
  std::vector<LvmSegment> segments(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    segments[i].kind = LvmSegment::Kind::striped;
    segments[i].stripes.push_back(
        TRY(area(list->items[2 * i + 1].text, 0, extents, depth, parts[i])));
    const LvmValue* image = logical(list->items[2 * i + 1].text);
    const LvmValue* meta = logical(list->items[2 * i].text);
    RaidLeg leg;
    if (meta != nullptr)
      if (const auto device = assemble(*meta, depth + 1); device && device.value().missing.empty())
        leg.metadata = device.value().device;
    leg.whole = parts[i].missing.empty() && image != nullptr &&
                !image->has_flag("status", "LV_REBUILD") && !image->has_flag("flags", "LV_REBUILD");
    legs.push_back(std::move(leg));
  }
  const std::size_t chosen = choose_raid1_leg(legs);
  if (!parts[chosen].missing.empty()) out.missing = parts[chosen].missing;
  out.any = out.any || parts[chosen].any;
  return std::move(segments[chosen]);
}

Result<LvmSegment> Group::segment(const LvmValue& section, int depth, Assembled& out) {
  const auto start = section.number_of("start_extent", kMax32);
  const auto extents = section.number_of("extent_count", kMax32);
  if (!start || !extents || *extents == 0)
    return corrupt("segment without start_extent or extent_count");
  if (*start + *extents > kMaxSize / extent_size_) return corrupt("segment ends past 2^62 bytes");
  std::string_view type = section.text_of("type");
  type = type.substr(0, type.find('+'));  // segment-type flags of later versions
  LvmSegment segment;
  if (type == "striped" || type == "linear")
    segment = TRY(striped(section, *extents, depth, out));
  else if (type == "mirror")
    segment = TRY(mirrored(section, *extents, depth, out));
  else if (type == "raid1")
    segment = TRY(raid1(section, *extents, depth, out));
  else if (type == "zero")
    segment.kind = LvmSegment::Kind::zero;
  else if (type == "error")
    out.missing = segment.problem = "a part is mapped to errors";
  else
    return unsupported("logical volume of type \"" + std::string(type) + "\" is not read");
  if (type == "zero") out.any = true;
  if (segment.problem.empty()) segment.problem = out.missing;
  segment.start = *start * extent_size_;
  segment.length = *extents * extent_size_;
  return segment;
}

Result<Assembled> Group::assemble(const LvmValue& volume, int depth) {
  if (depth > kMaxDepth) return corrupt("logical volumes lie on each other deeper than 6");
  const auto [done, is_new] =
      assembled_.emplace(&volume, corrupt("logical volumes lie on each other in a loop"));
  if (is_new) done->second = put_together(volume, depth);  // meanwhile, a loop finds the error
  return done->second;
}

Result<Assembled> Group::put_together(const LvmValue& volume, int depth) {
  Assembled out;
  std::vector<LvmSegment> segments;
  for (const LvmValue& item : volume.items)
    if (item.kind == LvmValue::Kind::section && item.key.starts_with("segment")) {
      Assembled part;  // what this segment alone lacks
      segments.push_back(TRY(segment(item, depth, part)));
      if (!part.missing.empty()) out.missing = part.missing;
      out.any = out.any || part.any;
    }
  std::ranges::sort(segments, {}, &LvmSegment::start);
  for (const LvmSegment& segment : segments) {
    if (segment.start != out.size)
      return corrupt("segments leave a gap or overlap at extent " +
                     std::to_string(out.size / extent_size_));
    out.size += segment.length;
  }
  if (segments.empty()) return corrupt("logical volume without segments");
  out.device = std::make_shared<LvmDevice>(std::move(segments), out.size);
  return out;
}

std::string Group::special(std::string_view name) const {
  for (const LvmValue& volume : volumes_->items) {
    const LvmValue* segment = volume.section("segment1");
    if (segment == nullptr || segment->text_of("type") != "snapshot") continue;
    if (segment->text_of("cow_store") == name)
      return "snapshot of \"" + std::string(segment->text_of("origin")) +
             "\": its changes are not read";
    if (segment->find("merging_store") != nullptr &&
        (segment->text_of("origin") == name || segment->text_of("merging_store") == name))
      return "a snapshot is being merged into \"" + std::string(segment->text_of("origin")) +
             "\": neither is read";
  }
  return {};
}

/// For a volume that cannot be put together: the size that its segments tell.
std::uint64_t told_size(const LvmValue& volume, std::uint64_t extent_size) {
  std::uint64_t extents = 0;
  for (const LvmValue& item : volume.items)
    extents += item.number_of("extent_count", kMax32).value_or(0);
  return extents > kMaxSize / extent_size ? 0 : extents * extent_size;
}

Result<std::vector<LvmVolume>> Group::open() {
  TRY(read_physical());
  std::vector<LvmVolume> out;
  volumes_ = group_.section("logical_volumes");
  if (volumes_ == nullptr) return out;
  for (const LvmValue& item : volumes_->items)
    logical_.emplace(item.key, item.kind == LvmValue::Kind::section ? &item : nullptr);
  for (const LvmValue& item : volumes_->items) {
    const LvmValue* first = item.section("segment1");
    const bool is_link = first != nullptr && first->text_of("type") == "snapshot";
    if (item.kind != LvmValue::Kind::section || is_link || !item.has_flag("status", "VISIBLE"))
      continue;
    if (out.size() == kMaxVolumes) return corrupt("more than 200 logical volumes");
    LvmVolume volume;
    volume.name = item.key;
    volume.problem = special(item.key);
    volume.size = told_size(item, extent_size_);
    if (volume.problem.empty()) {
      const auto assembled = assemble(item, 0);
      if (!assembled) {
        volume.problem = describe(assembled.error());
      } else {
        volume.size = assembled.value().size;
        volume.problem = assembled.value().missing;
        if (assembled.value().any) volume.device = assembled.value().device;
      }
    }
    out.push_back(std::move(volume));
  }
  return out;
}

}  // namespace

Result<std::vector<LvmVolume>> open_lvm_group(const LvmValue& group, const LvmDevices& devices) {
  return Group(group, devices).open();
}

}  // namespace imgfs::volumes
