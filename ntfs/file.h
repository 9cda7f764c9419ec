#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "ntfs/record.h"
#include "ntfs/stream.h"
#include "ntfs/volume.h"

namespace imgfs::ntfs {

/// One file: its base record and, as far as they are asked for, its extension records. For one call
/// of one thread; attributes point into it.
class File {
 public:
  /// The file `number`, which must be in use and a base record.
  static Result<File> open(const Volume& volume, std::uint64_t number);

  const Record& base() const { return records_.front(); }
  std::uint64_t number() const { return base().number(); }

  /// The first piece of the attribute of this type and (ASCII) name; null where there is none.
  Result<const Attribute*> find(AttributeType type, std::string_view name = {});
  /// The first pieces of all attributes of this type.
  Result<std::vector<const Attribute*>> all(AttributeType type);

  /// The attribute's value, open for reading; nothing where there is none.
  Result<std::optional<Stream>> stream(AttributeType type, std::string_view name = {});
  /// The same for one that `find` or `all` gave.
  Result<Stream> stream(const Attribute& first);
  /// The attribute's whole value; nothing where there is none, too_large above `limit` bytes.
  Result<std::optional<std::vector<std::byte>>> value(AttributeType type, std::string_view name,
                                                      std::uint64_t limit);

  /// $STANDARD_INFORMATION; corrupt where it is missing.
  Result<StandardInformation> standard_information();

 private:
  struct Listed {  ///< an entry of the attribute list
    AttributeType type;
    std::uint16_t instance;
    std::uint64_t lowest_vcn;
    FileReference record;
    std::size_t name_offset;  ///< in list_
    std::size_t name_length;  ///< bytes
  };
  explicit File(const Volume& volume) : volume_(volume) {}
  Result<void> read_list(const Attribute& list);
  Result<void> parse_list();
  std::span<const std::byte> name_of(const Listed& listed) const {
    return std::span(list_).subspan(listed.name_offset, listed.name_length);
  }
  Result<const Attribute*> resolve(const Listed& listed);
  Result<const Record*> extension(FileReference reference);

  const Volume& volume_;
  std::deque<Record> records_;  ///< the base record first; references to them stay good
  bool has_list_ = false;
  std::vector<std::byte> list_;
  std::vector<Listed> listed_;
};

}  // namespace imgfs::ntfs
