#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

// The journal (jbd2) as it lies on disk: big-endian. Nothing here reads, checks or decides.
// Source: kernel documentation, filesystems/ext4/journal; field names are the kernel's.
namespace imgfs::ext {

struct JournalHeader {
  static constexpr std::uint32_t kMagic = 0xc03b3998;
  enum Type : std::uint32_t {
    kDescriptor = 1,
    kCommit = 2,
    kSuperblock1 = 3,
    kSuperblock2 = 4,
    kRevoke = 5
  };
  be32 h_magic;
  be32 h_blocktype;
  be32 h_sequence;
};
static_assert(sizeof(JournalHeader) == 12);

struct JournalSuperblock {
  static constexpr std::uint32_t kCompatChecksum = 0x1;
  enum Incompat : std::uint32_t {
    kRevokes = 0x1,
    k64BitTags = 0x2,
    kAsyncCommit = 0x4,
    kChecksum2 = 0x8,
    kChecksum3 = 0x10,
    kFastCommits = 0x20,
    kKnown = 0x3f,
  };
  static constexpr std::uint8_t kCrc32c = 4;
  JournalHeader s_header;
  be32 s_blocksize;
  be32 s_maxlen;  ///< blocks, this one counted
  be32 s_first;
  be32 s_sequence;
  be32 s_start;  ///< 0: the journal is empty
  be32 s_errno;
  be32 s_feature_compat;
  be32 s_feature_incompat;
  be32 s_feature_ro_compat;
  std::byte s_uuid[16];
  be32 s_nr_users;
  be32 s_dynsuper;
  be32 s_max_transaction;
  be32 s_max_trans_data;
  std::uint8_t s_checksum_type;
  std::uint8_t s_padding2[3];
  be32 s_num_fc_blks;
  be32 s_head;
  be32 s_padding[40];
  be32 s_checksum;
  std::byte s_users[768];
};
static_assert(sizeof(JournalSuperblock) == 1024);
static_assert(offsetof(JournalSuperblock, s_checksum) == 0xfc);

/// t_flags
enum TagFlag : std::uint32_t { kTagEscaped = 1, kTagSameUuid = 2, kTagLast = 8 };

struct CommitBlock {
  static constexpr std::uint8_t kCrc32 = 1;
  JournalHeader h_header;
  std::uint8_t h_chksum_type;
  std::uint8_t h_chksum_size;
  std::uint8_t h_padding[2];
  be32 h_chksum[8];
  be64 h_commit_sec;
  be32 h_commit_nsec;
};
static_assert(sizeof(CommitBlock) == 60);

struct RevokeHeader {
  JournalHeader r_header;
  be32 r_count;  ///< bytes used in the block, this header counted
};
static_assert(sizeof(RevokeHeader) == 16);

}  // namespace imgfs::ext
