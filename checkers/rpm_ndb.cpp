#include <algorithm>
#include <vector>

#include "checkers/packages.h"
#include "checkers/rpm_format.h"

namespace imgfs::checkers {

using namespace rpm_format;

Result<void> read_rpm_ndb(const GuestFiles& files, std::string_view path, Packages& packages) {
  constexpr std::uint64_t kMaxSlotPages = 2048;  // half a million packages
  const std::uint64_t size = TRY(files.stat(path)).size;
  NdbHeader header;
  const auto head_bytes = std::as_writable_bytes(std::span(&header, 1));
  if (TRY(files.read(path, 0, head_bytes)) != sizeof header)
    return corrupt("an ndb database of fewer than 32 bytes");
  if (header.magic.value() != kNdbMagic) return corrupt("no magic RpmP", 0);
  if (header.version.value() != 0)
    return unsupported("ndb version " + std::to_string(header.version.value()));
  const std::uint64_t pages = header.slot_pages.value();
  if (pages == 0 || pages > kMaxSlotPages || pages * kNdbPage > size)
    return corrupt(std::to_string(pages) + " slot pages in " + std::to_string(size) + " bytes", 12);
  std::vector<std::byte> page(kNdbPage);
  ReadWork work;
  for (std::uint64_t number = 0; number < pages; ++number) {
    if (TRY(files.read(path, number * kNdbPage, page)) != page.size())
      return corrupt("slot page cut off", number * kNdbPage);
    for (std::size_t at = number == 0 ? sizeof header : 0; at < page.size(); at += sizeof(NdbSlot)) {
      const NdbSlot slot = *get<NdbSlot>(page, at);
      if (slot.magic.value() != kSlotMagic) return corrupt("no magic Slot", number * kNdbPage + at);
      if (slot.block.value() == 0) continue;  // free
      const std::uint64_t offset = std::uint64_t{slot.block.value()} * 16;
      NdbBlob blob;
      if (TRY(files.read(path, offset, std::as_writable_bytes(std::span(&blob, 1)))) != sizeof blob ||
          blob.magic.value() != kBlobMagic || blob.package.value() != slot.package.value())
        return corrupt("slot that leads to no blob", number * kNdbPage + at);
      const std::uint64_t length = blob.length.value();
      if (length > size || offset + sizeof blob > size - length) return corrupt("blob past the end", offset);
      Package package = TRY(read_rpm_header(
          length, [&](std::uint64_t from, std::span<std::byte> out) -> Result<std::size_t> {
            if (from >= length) return std::size_t{0};
            const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), length - from));
            if (const auto within = work.add(want); !within) return within.error();
            return files.read(path, offset + sizeof blob + from, out.first(want));
          }));
      if (package_matters(package.name) && packages.found.size() < kMaxFoundPackages) packages.found.push_back(std::move(package));
    }
  }
  return success();
}

}  // namespace imgfs::checkers
