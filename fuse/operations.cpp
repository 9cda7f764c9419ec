#include "fuse/operations.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/log.h"
#include "fuse/read_buffer.h"
#include "fuse/request_loop.h"

namespace imgfs {
namespace {

/// Nothing ever changes: what was asked once need not be asked again. In seconds.
constexpr double kForever = 1e9;

/// So many opens are answered one by one before the kernel is told to stop asking. It would never
/// tell us that the report is opened; few people open this many files before they read it, and for
/// those it is made at the first read.
constexpr std::uint32_t kOpensAnswered = 64;

Served& served(fuse_req_t request) { return *static_cast<Served*>(fuse_req_userdata(request)); }
const Tree& tree_of(fuse_req_t request) { return *served(request).tree; }

/// Answers that a caller asks for all the time are no news.
bool is_ordinary(Errc code) {
  return code == Errc::not_found || code == Errc::no_attribute || code == Errc::no_more_data ||
         code == Errc::not_symlink || code == Errc::read_only || code == Errc::not_directory ||
         code == Errc::is_directory;
}

void log_failure(Served& state, std::uint64_t node, const Error& error) {
  if (is_ordinary(error.code) || !logs(LogLevel::warning)) return;
  {
    constexpr std::size_t kNodesRemembered = 10'000;
    const std::lock_guard lock(state.logged_mutex);
    if (state.logged.size() >= kNodesRemembered || !state.logged.insert(node).second) return;
  }
  log(LogLevel::warning, describe(error));
}

/// Runs an operation's body. Whatever goes wrong in it becomes an errno here and nowhere else. The
/// body sends its own reply, as its last step and only on success.
template <class Body>
void answer(fuse_req_t request, std::uint64_t node, Body body) noexcept {
  try {
    const Result<void> done = body();
    if (done) return;
    log_failure(served(request), node, done.error());
    fuse_reply_err(request, to_errno(done.error()));
  } catch (const std::bad_alloc&) {
    fuse_reply_err(request, ENOMEM);
  } catch (const std::exception& exception) {
    log(LogLevel::error, exception.what());
    fuse_reply_err(request, EIO);
  }
}

mode_t type_bits(FileType type) {
  switch (type) {
    case FileType::directory: return S_IFDIR;
    case FileType::symlink: return S_IFLNK;
    case FileType::character: return S_IFCHR;
    case FileType::block: return S_IFBLK;
    case FileType::fifo: return S_IFIFO;
    case FileType::socket: return S_IFSOCK;
    case FileType::regular: return S_IFREG;
    case FileType::unknown: break;
  }
  return 0;
}

timespec to_timespec(Timestamp time) {
  return {static_cast<time_t>(time.seconds), static_cast<long>(time.nanoseconds)};
}

struct stat to_stat(const Attributes& attributes) {
  struct stat out{};
  out.st_ino = attributes.inode;
  out.st_mode = type_bits(attributes.type) | attributes.permissions;
  out.st_nlink = attributes.links;
  out.st_uid = attributes.uid;
  out.st_gid = attributes.gid;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  out.st_blksize = attributes.block_size;
  if (attributes.type == FileType::character || attributes.type == FileType::block)
    out.st_rdev = makedev(attributes.device_major, attributes.device_minor);
  out.st_atim = to_timespec(attributes.accessed);
  out.st_mtim = to_timespec(attributes.modified);
  out.st_ctim = to_timespec(attributes.changed);
  return out;
}

fuse_entry_param to_entry(const Tree& tree, NodeId node, const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = node;
  entry.attr = to_stat(attributes);
  entry.entry_timeout = kForever;
  entry.attr_timeout = tree.is_report(node) ? 0 : kForever;
  return entry;
}

void op_init(void*, fuse_conn_info* connection) {
  const auto want = [&](unsigned capability) {
    if ((connection->capable & capability) != 0) connection->want |= capability;
  };
  want(FUSE_CAP_READDIRPLUS);
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
                                             FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                             FUSE_CAP_SPLICE_MOVE);
  want(FUSE_CAP_PARALLEL_DIROPS);
  want(FUSE_CAP_CACHE_SYMLINKS);
  want(FUSE_CAP_NO_OPEN_SUPPORT);
  want(FUSE_CAP_NO_OPENDIR_SUPPORT);
  want(FUSE_CAP_ASYNC_READ);
  want(FUSE_CAP_ASYNC_DIO);
  want(FUSE_CAP_EXPLICIT_INVAL_DATA);
  connection->max_background = 64;
  connection->congestion_threshold = 48;
}

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  answer(request, parent, [&]() -> Result<void> {
    const Tree& tree = tree_of(request);
    const auto found = tree.lookup(parent, name);
    if (!found && found.error().code == Errc::not_found) {
      fuse_entry_param missing{};  // inode 0: remembered by the kernel as not there
      missing.entry_timeout = kForever;
      fuse_reply_entry(request, &missing);
      return success();
    }
    if (!found) return found.error();
    const auto entry = to_entry(tree, found.value().node, found.value().attributes);
    if (fuse_reply_entry(request, &entry) == -ENOENT) tree.forget(found.value().node, 1);
    return success();
  });
}

void op_forget(fuse_req_t request, fuse_ino_t node, std::uint64_t count) {
  tree_of(request).forget(node, count);
  fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  for (std::size_t i = 0; i < count; ++i) tree_of(request).forget(forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none(request);
}

void op_getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  answer(request, node, [&]() -> Result<void> {
    const Tree& tree = tree_of(request);
    const bool report = tree.is_report(node);
    // Asked for an open file, the kernel is about to read: now the size has to be true.
    if (report && file != nullptr) {
      let_others_be_served();
      TRY(tree.open(node));
    }
    const Attributes attributes = TRY(tree.stat(node));
    const struct stat status = to_stat(attributes);
    fuse_reply_attr(request, &status, report ? 0 : kForever);
    return success();
  });
}

void op_readlink(fuse_req_t request, fuse_ino_t node) {
  answer(request, node, [&]() -> Result<void> {
    const std::string target = TRY(tree_of(request).read_link(node));
    fuse_reply_readlink(request, target.c_str());
    return success();
  });
}

void op_open(fuse_req_t request, fuse_ino_t node, fuse_file_info* file) {
  answer(request, node, [&]() -> Result<void> {
    if ((file->flags & O_ACCMODE) != O_RDONLY) return Error{Errc::read_only, "read-only", {}};
    const Tree& tree = tree_of(request);
    if (tree.is_report(node)) {
      let_others_be_served();
      TRY(tree.open(node));
      file->direct_io = 1;  // its cached size is still that from before it was made
    } else if (served(request).opens.fetch_add(1, std::memory_order_relaxed) >= kOpensAnswered) {
      fuse_reply_err(request, ENOSYS);  // from now on the kernel opens without asking
      return success();
    } else {
      TRY(tree.open(node));
      file->keep_cache = 1;
    }
    fuse_reply_open(request, file);
    return success();
  });
}

void op_release(fuse_req_t request, fuse_ino_t, fuse_file_info*) { fuse_reply_err(request, 0); }

void op_opendir(fuse_req_t request, fuse_ino_t, fuse_file_info*) {
  fuse_reply_err(request, ENOSYS);  // the kernel opens directories itself, and caches them
}

void op_read(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info*) {
  answer(request, node, [&]() -> Result<void> {
    const Tree& tree = tree_of(request);
    if (tree.is_report(node)) {
      let_others_be_served();
      TRY(tree.open(node));
    }
    // What is long may have to be decoded, or come from a disk.
    constexpr std::size_t kLongRead = 64 << 10;
    if (size >= kLongRead) let_others_be_served();
    const std::span<std::byte> buffer = read_buffer(size);
    const std::size_t count = TRY(tree.read(node, static_cast<std::uint64_t>(offset), buffer));
    fuse_reply_buf(request, as_chars(buffer).data(), count);
    return success();
  });
}

/// Fills one reply of a listing. Positions 1 and 2 lie after "." and "..", the file system's own
/// cookies follow, moved up by 2.
class Listing {
 public:
  Listing(fuse_req_t request, NodeId directory, std::size_t size, bool plus)
      : request_(request), tree_(tree_of(request)), directory_(directory), plus_(plus),
        room_(listing_buffer(size)) {}

  Result<void> fill(std::uint64_t position) {
    if (position == 0 && !add_dot(".", directory_, 1)) return success();
    if (position <= 1) {
      const auto parent = tree_.parent(directory_);
      if (!add_dot("..", parent ? parent.value() : directory_, 2)) return success();
    }
    const auto listing = plus_ ? Tree::Listing::attributes : Tree::Listing::names;
    const auto done = tree_.read_directory(directory_, position > 2 ? position - 2 : 0, listing,
                                           [&](const TreeEntry& entry) { return add(entry); });
    // Entries before the damage are shown; asked to go on, the next call fails.
    if (!done && used_ == 0) return done.error();
    return success();
  }

  void reply() { fuse_reply_buf(request_, room_.data(), used_); }

 private:
  bool add_dot(const char* name, NodeId node, off_t next) {
    fuse_entry_param entry{};  // node 0: nothing for the kernel to remember
    const auto attributes = tree_.stat(node);
    entry.attr.st_ino = attributes ? attributes.value().inode : 0;
    entry.attr.st_mode = S_IFDIR;
    return put(name, entry, next);
  }

  bool add(const TreeEntry& entry) {
    const std::size_t length = std::min(entry.name.size(), sizeof name_ - 1);
    std::memcpy(name_, entry.name.data(), length);
    name_[length] = '\0';
    fuse_entry_param param{};
    if (entry.attributes != nullptr) {
      param = to_entry(tree_, entry.node, *entry.attributes);
    } else {
      param.attr.st_ino = entry.inode;
      param.attr.st_mode = type_bits(entry.type);
    }
    return put(name_, param, static_cast<off_t>(entry.next_cookie + 2));
  }

  bool put(const char* name, const fuse_entry_param& entry, off_t next) {
    char* const at = room_.data() + used_;
    const std::size_t left = room_.size() - used_;
    const std::size_t needed =
        plus_ ? fuse_add_direntry_plus(request_, at, left, name, &entry, next)
              : fuse_add_direntry(request_, at, left, name, &entry.attr, next);
    if (needed > left) return false;
    used_ += needed;
    return true;
  }

  fuse_req_t request_;
  const Tree& tree_;
  NodeId directory_;
  bool plus_;
  std::span<char> room_;
  std::size_t used_ = 0;
  char name_[1024];
};

void list(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, bool plus) {
  answer(request, node, [&]() -> Result<void> {
    Listing listing(request, node, size, plus);
    TRY(listing.fill(static_cast<std::uint64_t>(offset)));
    listing.reply();
    return success();
  });
}

void op_readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset, fuse_file_info*) {
  list(request, node, size, offset, false);
}

void op_readdirplus(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
                    fuse_file_info*) {
  list(request, node, size, offset, true);
}

void op_statfs(fuse_req_t request, fuse_ino_t node) {
  answer(request, node, [&]() -> Result<void> {
    const SpaceUsage usage = TRY(tree_of(request).usage(node == 0 ? kRootNode : node));
    struct statvfs out{};
    out.f_bsize = out.f_frsize = usage.block_size;
    out.f_blocks = usage.blocks;
    out.f_bfree = usage.blocks_free;
    out.f_bavail = usage.blocks_available;
    out.f_files = usage.inodes;
    out.f_ffree = out.f_favail = usage.inodes_free;
    out.f_namemax = usage.name_max;
    fuse_reply_statfs(request, &out);
    return success();
  });
}

/// Replies with `value`, or with its size where the caller's buffer has none.
Result<void> reply_sized(fuse_req_t request, const std::string& value, std::size_t size) {
  if (size == 0)
    fuse_reply_xattr(request, value.size());
  else if (value.size() > size)
    fuse_reply_err(request, ERANGE);
  else
    fuse_reply_buf(request, value.data(), value.size());
  return success();
}

void op_getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
  answer(request, node, [&]() -> Result<void> {
    const Tree& tree = tree_of(request);
    if (tree.without_attributes(node)) return Error{Errc::no_attribute, name, {}};
    return reply_sized(request, TRY(tree.attribute(node, name)), size);
  });
}

void op_listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
  answer(request, node, [&]() -> Result<void> {
    std::string names;
    if (!tree_of(request).without_attributes(node))
      for (const std::string& name : TRY(tree_of(request).list_attributes(node))) (names += name) += '\0';
    return reply_sized(request, names, size);
  });
}

void op_lseek(fuse_req_t request, fuse_ino_t node, off_t offset, int whence, fuse_file_info*) {
  answer(request, node, [&]() -> Result<void> {
    if (offset < 0) return Error{Errc::no_more_data, "negative offset", {}};
    if (whence != SEEK_DATA && whence != SEEK_HOLE) return Error{Errc::invalid, "unknown whence", {}};
    const auto seek = whence == SEEK_DATA ? Tree::Seek::data : Tree::Seek::hole;
    const std::uint64_t found =
        TRY(tree_of(request).seek(node, static_cast<std::uint64_t>(offset), seek));
    fuse_reply_lseek(request, static_cast<off_t>(found));
    return success();
  });
}

}  // namespace

const fuse_lowlevel_ops& operations() {
  static const fuse_lowlevel_ops kOperations = [] {
    fuse_lowlevel_ops ops{};
    ops.init = op_init;
    ops.lookup = op_lookup;
    ops.forget = op_forget;
    ops.forget_multi = op_forget_multi;
    ops.getattr = op_getattr;
    ops.readlink = op_readlink;
    ops.open = op_open;
    ops.release = op_release;
    ops.opendir = op_opendir;
    ops.read = op_read;
    ops.readdir = op_readdir;
    ops.readdirplus = op_readdirplus;
    ops.statfs = op_statfs;
    ops.getxattr = op_getxattr;
    ops.listxattr = op_listxattr;
    ops.lseek = op_lseek;
    return ops;
  }();
  return kOperations;
}

}  // namespace imgfs
