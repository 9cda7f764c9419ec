#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/file_system.h"
#include "ntfs/file.h"

namespace imgfs::ntfs {

/// A name of a file: the key of a directory's entry, or a $FILE_NAME attribute.
struct Name {
  FileName header;
  std::span<const std::byte> units;  ///< UTF-16LE
};
Result<Name> parse_name(std::span<const std::byte> key);

enum class Case { exact, ignored };

/// The file that `directory` calls `name`, under any of its names (DOS names as well). With
/// Case::ignored, an entry of exactly this name is preferred. not_found where there is none.
Result<FileReference> find_name(const Volume& volume, File& directory, std::string_view name,
                                Case rule);

/// Visits the entries from `cookie` on, first those of the index' root, then those of its blocks as
/// they lie: without short (DOS) names and without NTFS's own files.
Result<void> list_names(const Volume& volume, File& directory, std::uint64_t cookie,
                        EntryVisitor visit);

/// The directory that the file's own $FILE_NAME calls its parent.
Result<FileReference> parent_of(File& file);

}  // namespace imgfs::ntfs
