#include <algorithm>
#include <vector>

#include <boost/endian/conversion.hpp>

#include "checkers/packages.h"
#include "checkers/rpm_format.h"

namespace imgfs::checkers {
namespace {

using namespace rpm_format;

/// A hash database of the kind that rpm's file Packages is, read without a lock or a log.
class HashFile {
 public:
  HashFile(const GuestFiles& files, std::string_view path) : files_(files), path_(path) {}

  Result<void> open() {
    size_ = TRY(files_.stat(path_)).size;
    std::vector<std::byte> meta(512);
    if (TRY(files_.read(path_, 0, meta)) != meta.size())
      return corrupt("a Berkeley DB file of fewer than 512 bytes");
    const std::uint32_t magic = get<le32>(meta, kMetaMagic)->value();
    big_ = magic == boost::endian::endian_reverse(kHashMagic);
    if (!big_ && magic != kHashMagic) return unsupported("no Berkeley DB hash", kMetaMagic);
    if (std::to_integer<int>(meta[kPageType]) != kHashMeta) return corrupt("no hash page 0", kPageType);
    page_size_ = number(meta, kMetaPageSize);
    if (page_size_ < 512 || page_size_ > 65536 || (page_size_ & (page_size_ - 1)) != 0)
      return corrupt("page size " + std::to_string(page_size_), kMetaPageSize);
    pages_ = size_ / page_size_;
    buckets_ = std::uint64_t{number(meta, kMetaMaxBucket)} + 1;
    if (buckets_ > pages_)
      return corrupt(std::to_string(buckets_) + " buckets in " + std::to_string(pages_) + " pages",
                     kMetaMaxBucket);
    for (std::size_t i = 0; i < 32; ++i) spares_.push_back(number(meta, kMetaSpares + i * 4));
    return success();
  }

  /// Visits the value of each pair: its first bytes' place and its size.
  Result<void> each_value(Packages& packages) {
    std::vector<std::byte> page(page_size_);
    std::uint64_t visited = 0;
    for (std::uint64_t bucket = 0; bucket < buckets_; ++bucket) {
      std::size_t level = 0;  // log2 of bucket + 1, rounded up
      while ((std::uint64_t{1} << level) < bucket + 1) ++level;
      std::uint64_t next = bucket + spares_[std::min<std::size_t>(level, 31)];
      while (next != 0) {
        if (++visited > pages_) return corrupt("pages that lead to one another in a circle");
        TRY(read_page(next, page));
        const int type = std::to_integer<int>(page[kPageType]);
        if (type == 0) break;  // a bucket whose page was never written
        if (type != kHashUnsorted && type != kHashSorted)
          return corrupt("page " + std::to_string(next) + " of kind " + std::to_string(type), next * page_size_);
        TRY(values_of(page, next, packages));
        next = number(page, kPageNext);
      }
    }
    return success();
  }

 private:
  std::uint32_t number(std::span<const std::byte> bytes, std::size_t at) const {
    return big_ ? get<be32>(bytes, at)->value() : get<le32>(bytes, at)->value();
  }
  std::size_t number16(std::span<const std::byte> bytes, std::size_t at) const {
    return big_ ? get<be16>(bytes, at)->value() : get<le16>(bytes, at)->value();
  }

  Result<void> read_page(std::uint64_t index, std::vector<std::byte>& page) {
    TRY(work_.add(page.size()));
    if (index >= pages_) return corrupt("page " + std::to_string(index) + " of " + std::to_string(pages_));
    if (TRY(files_.read(path_, index * page_size_, page)) != page.size())
      return corrupt("page cut off", index * page_size_);
    return success();
  }

  Result<void> values_of(std::span<const std::byte> page, std::uint64_t index, Packages& packages) {
    const std::size_t entries = number16(page, kPageEntries);
    if (kPageHeader + entries * 2 > page.size())
      return corrupt("page with " + std::to_string(entries) + " entries", index * page_size_);
    for (std::size_t i = 1; i < entries; i += 2) {  // key, value, key, value …
      const std::size_t at = number16(page, kPageHeader + i * 2);
      const std::size_t end = number16(page, kPageHeader + (i - 1) * 2);
      if (at >= page.size()) return corrupt("entry outside its page", index * page_size_);
      const int type = std::to_integer<int>(page[at]);
      if (type == kOffPage) {
        if (at + 12 > page.size()) return corrupt("entry outside its page", index * page_size_);
        TRY(package_at(number(page, at + 4), number(page, at + 8), packages));
      } else if (type == kKeyData && end > at && end <= page.size()) {
        const auto value = page.subspan(at + 1, end - at - 1);
        if (value.size() < 16) continue;  // the counter under key 0
        TRY(package_in(value, packages));
      }
    }
    return success();
  }

  Result<void> package_in(std::span<const std::byte> value, Packages& packages) {
    Package package = TRY(read_rpm_header(
        value.size(), [&](std::uint64_t from, std::span<std::byte> out) -> Result<std::size_t> {
          if (from >= value.size()) return std::size_t{0};
          const auto piece = value.subspan(static_cast<std::size_t>(from));
          const std::size_t count = std::min(out.size(), piece.size());
          if (const auto within = work_.add(count); !within) return within.error();
          std::copy_n(piece.begin(), count, out.begin());
          return count;
        }));
    if (package_matters(package.name) && packages.found.size() < kMaxFoundPackages) packages.found.push_back(std::move(package));
    return success();
  }

  /// A value in a chain of overflow pages, read as far as it is asked for.
  Result<void> package_at(std::uint64_t first, std::uint64_t length, Packages& packages) {
    if (length > size_) return corrupt("value of " + std::to_string(length) + " bytes");
    if (length < 16) return success();
    std::vector<std::byte> have;
    std::vector<std::byte> page(page_size_);
    std::uint64_t next = first;
    Package package = TRY(read_rpm_header(
        length, [&](std::uint64_t from, std::span<std::byte> out) -> Result<std::size_t> {
          const std::uint64_t need = std::min<std::uint64_t>(from + out.size(), length);
          while (have.size() < need && next != 0) {
            const auto got = read_page(next, page);
            if (!got) return got.error();
            const std::size_t used = number16(page, kPageFree);
            if (std::to_integer<int>(page[kPageType]) != kOverflow || used == 0 ||
                kPageHeader + used > page.size())
              return corrupt("page " + std::to_string(next) + " is no overflow page", next * page_size_);
            have.insert(have.end(), page.begin() + kPageHeader,
                        page.begin() + static_cast<std::ptrdiff_t>(kPageHeader + used));
            next = number(page, kPageNext);
          }
          if (from >= have.size()) return std::size_t{0};
          const auto piece = std::span(have).subspan(static_cast<std::size_t>(from));
          const std::size_t count = std::min(out.size(), piece.size());
          if (const auto within = work_.add(count); !within) return within.error();
          std::copy_n(piece.begin(), count, out.begin());
          return count;
        }));
    if (package_matters(package.name) && packages.found.size() < kMaxFoundPackages) packages.found.push_back(std::move(package));
    return success();
  }

  const GuestFiles& files_;
  std::string_view path_;
  std::uint64_t size_ = 0;
  std::uint64_t page_size_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t buckets_ = 0;
  std::vector<std::uint32_t> spares_;
  bool big_ = false;
  ReadWork work_;
};

}  // namespace

Result<void> read_rpm_berkeley(const GuestFiles& files, std::string_view path, Packages& packages) {
  HashFile file(files, path);
  TRY(file.open());
  return file.each_value(packages);
}

}  // namespace imgfs::checkers
