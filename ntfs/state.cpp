#include "ntfs/state.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>

#include "core/text.h"
#include "ntfs/directory.h"
#include "ntfs/file.h"

namespace imgfs::ntfs {
namespace {

using Kind = Remark::Kind;

constexpr std::size_t kLogStart = 2 * 65536;  ///< two restart pages of the largest size
constexpr std::uint64_t kMaximumName = 1024;

void remark(FileSystemInfo& info, Kind kind, std::string text) {
  info.remarks.push_back({kind, std::move(text)});
}

struct Restart {
  std::uint64_t lsn;
  LogState state;
};

/// One restart page; nothing where it is not a good one.
std::optional<Restart> parse_restart(std::span<const std::byte> bytes) {
  const auto page = get<RestartPage>(bytes);
  if (!page) return std::nullopt;
  const std::string_view magic(page->magic, sizeof page->magic);
  if (magic == "CHKD") return Restart{page->chkdsk_lsn.value(), LogState::clean};
  const std::uint32_t size = page->system_page_size.value();
  const auto whole = part(bytes, 0, size);
  if (magic != "RSTR" || !std::has_single_bit(size) || size < 512 || !whole) return std::nullopt;
  std::vector<std::byte> copy(whole->begin(), whole->end());
  if (!apply_fixups(copy, "RSTR")) return std::nullopt;
  const auto area = get<RestartArea>(copy, page->restart_area_offset.value());
  if (!area) return std::nullopt;
  const bool clean = (area->flags.value() & RestartArea::kVolumeIsClean) != 0 ||
                     area->client_in_use_list.value() == RestartArea::kNoClient;
  // Version 2.0 is what Windows 8 and later leave behind while they still hold metadata (Fast
  // Startup).
  if (page->major_version.value() >= 2)
    return Restart{area->current_lsn.value(), LogState::fast_restart};
  return Restart{area->current_lsn.value(), clean ? LogState::clean : LogState::dirty};
}

void read_volume_file(const Volume& volume, FileSystemInfo& info) {
  const auto read = [&]() -> Result<void> {
    File file = TRY(File::open(volume, kVolumeFile));
    if (const auto label = TRY(file.value(AttributeType::volume_name, {}, kMaximumName)))
      info.label = utf16le_to_wtf8(*label);
    const auto bytes = TRY(file.value(AttributeType::volume_information, {}, kMaximumName));
    const auto information = bytes ? get<VolumeInformation>(*bytes) : std::nullopt;
    if (!information) return corrupt("no $VOLUME_INFORMATION");
    info.features.push_back("version=" + std::to_string(information->major_version) + "." +
                            std::to_string(information->minor_version));
    if ((information->flags.value() & VolumeInformation::kDirty) != 0)
      remark(info, Kind::unclean, "volume is marked dirty: Windows wants to check it (chkdsk)");
    return success();
  };
  if (const auto done = read(); !done)
    remark(info, Kind::damaged, "$Volume: " + describe(done.error()));
}

void read_log_file(const Volume& volume, FileSystemInfo& info) {
  const auto read = [&]() -> Result<LogState> {
    File file = TRY(File::open(volume, kLogFile));
    const auto stream = TRY(file.stream(AttributeType::data));
    if (!stream) return corrupt("no data");
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(std::min<std::uint64_t>(kLogStart, stream->size())));
    if (!bytes.empty()) TRY(stream->read(volume, 0, bytes));
    return log_state(bytes);
  };
  const auto state = read();
  if (!state) return remark(info, Kind::damaged, "$LogFile: " + describe(state.error()));
  switch (state.value()) {
    case LogState::clean: break;
    case LogState::dirty:
      remark(info, Kind::unclean,
             "$LogFile holds changes that were not written back; it is not replayed");
      break;
    case LogState::fast_restart:
      remark(info, Kind::unclean,
             "$LogFile is of version 2: Windows did not shut down fully (Fast Startup, or a "
             "crash); it is not replayed");
      break;
    case LogState::unreadable:
      remark(info, Kind::damaged, "$LogFile has no valid restart page");
      break;
  }
}

void read_hibernation(const Volume& volume, FileSystemInfo& info) {
  const auto read = [&]() -> Result<std::string> {
    File root = TRY(File::open(volume, kRootFile));
    const FileReference reference = TRY(find_name(volume, root, "hiberfil.sys", Case::ignored));
    File file = TRY(File::open(volume, reference.number));
    const auto stream = TRY(file.stream(AttributeType::data));
    if (!stream) return std::string();
    std::vector<std::byte> bytes(4);
    bytes.resize(TRY(stream->read(volume, 0, bytes)));
    return std::string(as_chars(bytes));
  };
  const auto magic = read();
  if (!magic) {
    if (magic.error().code != Errc::not_found)
      remark(info, Kind::damaged, "hiberfil.sys: " + describe(magic.error()));
    return;
  }
  if (magic.value() == "hibr" || magic.value() == "HIBR")
    remark(info, Kind::unclean,
           "Windows is hibernated (hiberfil.sys begins with \"" + magic.value() +
               "\"; Fast Startup does so, too): what it holds in memory is missing here");
}

}  // namespace

LogState log_state(std::span<const std::byte> start_of_log) {
  // A log that was never used, or was emptied, is filled with ones.
  if (std::ranges::all_of(start_of_log, [](std::byte b) { return b == std::byte{0xff}; }))
    return LogState::clean;
  std::optional<Restart> best;
  for (std::size_t at = 0; at < start_of_log.size(); at = at == 0 ? 512 : at * 2) {
    const auto restart = parse_restart(start_of_log.subspan(at));
    if (restart && (!best || restart->lsn > best->lsn)) best = restart;
  }
  return best ? best->state : LogState::unreadable;
}

void read_state(const Volume& volume, FileSystemInfo& info) {
  read_volume_file(volume, info);
  read_log_file(volume, info);
  read_hibernation(volume, info);
}

}  // namespace imgfs::ntfs
