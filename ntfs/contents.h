#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "ntfs/nature.h"
#include "ntfs/stream.h"
#include "ntfs/wof.h"

namespace imgfs::ntfs {

/// A file's content, open for reading. Immutable.
struct Content {
  FileType type = FileType::regular;
  std::optional<Stream> data;    ///< nothing where the file has no data at all
  std::optional<WofStream> wof;  ///< instead of `data`, where WOF compressed the file
  std::optional<Error> problem;  ///< why it cannot be read

  std::uint64_t size() const { return wof ? wof->size() : data ? data->size() : 0; }
  std::size_t memory() const {
    return sizeof(Content) + (wof ? wof->memory() : 0) + (data ? data->memory() : 0);
  }
};

/// Opens the content of `file`, whose nature is known.
Result<Content> open_content(File& file, const Nature& nature);

/// Contents that were read lately, so that a file that is read piece by piece is opened once.
/// Bounded in number and in bytes; safe for any number of threads.
class ContentCache {
 public:
  using Entry = std::shared_ptr<const Content>;
  Entry find(std::uint64_t number);
  void keep(std::uint64_t number, Entry content);

 private:
  using Order = std::list<std::pair<std::uint64_t, Entry>>;
  std::mutex mutex_;
  Order order_;  ///< most recently used first
  std::unordered_map<std::uint64_t, Order::iterator> entries_;
  std::size_t used_ = 0;
};

}  // namespace imgfs::ntfs
