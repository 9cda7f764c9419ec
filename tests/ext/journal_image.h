#pragma once

#include "ext/fast_commit_format.h"
#include "tests/ext/ext_image.h"

namespace imgfs::ext {

constexpr std::uint64_t kJournalStart = 128;   ///< block of the image
constexpr std::uint32_t kJournalBlocks = 300;  ///< of which only the first are used by the log

/// What kind of journal `journal_image` writes.
struct JournalForm {
  std::uint32_t incompat =
      JournalSuperblock::kRevokes | JournalSuperblock::k64BitTags | JournalSuperblock::kChecksum3;
  bool old_checksums = false;
};

/// Writes a log block by block, each with the checksums that the form asks for.
class JournalWriter {
 public:
  JournalWriter(ExtImage& image, JournalForm form) : image_(image), form_(form) {
    for (std::size_t i = 0; i < 16; ++i) super.s_uuid[i] = static_cast<std::byte>(0x40 + i);
    super.s_header = {be32(JournalHeader::kMagic), be32(JournalHeader::kSuperblock2), be32(0)};
    super.s_blocksize = ExtImage::kBlock;
    super.s_maxlen = kJournalBlocks;
    super.s_first = 1;
    super.s_sequence = 7;
    super.s_start = 1;
    super.s_feature_incompat = form.incompat;
    super.s_feature_compat = form.old_checksums ? JournalSuperblock::kCompatChecksum : 0U;
    super.s_checksum_type = JournalSuperblock::kCrc32c;
  }

  JournalSuperblock super{};
  std::uint32_t at = 1;        ///< next block of the log
  std::uint32_t sequence = 7;  ///< of the transaction being written

  std::span<std::byte> block(std::uint32_t number) { return image_.block(kJournalStart + number); }

  /// A descriptor and the contents of the blocks that it names.
  void write(const std::vector<std::pair<std::uint32_t, std::vector<std::byte>>>& blocks) {
    const auto descriptor = start(JournalHeader::kDescriptor);
    const bool third = has(JournalSuperblock::kChecksum3);
    const bool wide = has(JournalSuperblock::k64BitTags);
    const std::size_t size =
        third ? 16 : 8U + (has(JournalSuperblock::kChecksum2) ? 2U : 0U) + (wide ? 4U : 0U);
    std::size_t tag = sizeof(JournalHeader);
    const std::uint32_t first_data = at;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      auto content = blocks[i].second;
      content.resize(ExtImage::kBlock);
      const bool escaped = get<be32>(content)->value() == JournalHeader::kMagic;
      const std::uint32_t flags = (i > 0 ? kTagSameUuid : 0U) | (escaped ? kTagEscaped : 0U) |
                                  (i + 1 == blocks.size() ? kTagLast : 0U);
      if (escaped) std::fill_n(content.begin(), 4, std::byte{0});
      const be32 number(sequence);
      const std::uint32_t crc =
          crc32c(crc32c(seed(), std::as_bytes(std::span(&number, 1))), content);
      ExtImage::put(descriptor, tag, be32(blocks[i].first));
      ExtImage::put(descriptor, tag + 6, be16(static_cast<std::uint16_t>(flags)));
      if (third) ExtImage::put(descriptor, tag + 12, be32(crc));
      if (has(JournalSuperblock::kChecksum2))
        ExtImage::put(descriptor, tag + 4, be16(static_cast<std::uint16_t>(crc)));
      tag += size + (i == 0 ? 16 : 0);
      std::ranges::copy(content, block(at++).begin());
    }
    seal(descriptor);
    if (!form_.old_checksums) return;
    old_crc_ = crc32_be(old_crc_, descriptor);
    for (std::uint32_t i = first_data; i < at; ++i) old_crc_ = crc32_be(old_crc_, block(i));
  }

  void revoke(const std::vector<std::uint32_t>& blocks) {
    const auto bytes = start(JournalHeader::kRevoke);
    const std::size_t width = has(JournalSuperblock::k64BitTags) ? 8 : 4;
    ExtImage::put(bytes, 12, be32(static_cast<std::uint32_t>(16 + blocks.size() * width)));
    for (std::size_t i = 0; i < blocks.size(); ++i)
      ExtImage::put(bytes, 16 + i * width + width - 4, be32(blocks[i]));
    seal(bytes);
  }

  void commit(std::uint64_t time = 1000) {
    const auto bytes = start(JournalHeader::kCommit);
    ExtImage::put(bytes, offsetof(CommitBlock, h_commit_sec), be64(time));
    if (form_.old_checksums) {
      bytes[12] = std::byte{CommitBlock::kCrc32};
      bytes[13] = std::byte{4};
      ExtImage::put(bytes, offsetof(CommitBlock, h_chksum), be32(old_crc_));
      old_crc_ = ~0U;
    } else if (checksums()) {
      ExtImage::put(bytes, offsetof(CommitBlock, h_chksum), be32(crc32c(seed(), bytes)));
    }
    ++sequence;
  }

  /// Writes the superblock and the journal's inode.
  void finish() {
    if (checksums()) {
      super.s_checksum = 0;
      super.s_checksum = crc32c(~0U, std::as_bytes(std::span(&super, 1)));
    }
    ExtImage::put(block(0), 0, super);
    image_.put_file(kJournalInode, std::uint64_t{kJournalBlocks} * ExtImage::kBlock,
                    {{0, kJournalBlocks, kJournalStart}}, 0100600);
    image_.super.s_journal_inum = kJournalInode;
    image_.super.s_feature_incompat = image_.super.s_feature_incompat.value() | kRecover;
  }

 private:
  bool has(JournalSuperblock::Incompat bit) const { return (form_.incompat & bit) != 0; }
  bool checksums() const {
    return has(JournalSuperblock::kChecksum2) || has(JournalSuperblock::kChecksum3);
  }
  std::uint32_t seed() const { return crc32c(~0U, super.s_uuid); }
  std::span<std::byte> start(std::uint32_t type) {
    const auto bytes = block(at++);
    std::ranges::fill(bytes, std::byte{0});
    ExtImage::put(bytes, 0, JournalHeader{be32(JournalHeader::kMagic), be32(type), be32(sequence)});
    return bytes;
  }
  void seal(std::span<std::byte> bytes) const {
    if (checksums()) ExtImage::put(bytes, bytes.size() - 4, be32(crc32c(seed(), bytes)));
  }

  ExtImage& image_;
  JournalForm form_;
  std::uint32_t old_crc_ = ~0U;
};

/// A block filled with one character.
inline std::vector<std::byte> filled(char with) {
  return std::vector<std::byte>(ExtImage::kBlock, static_cast<std::byte>(with));
}

/// A file of four blocks (inode 12, blocks 100 to 103, full of '-') and a journal of three
/// transactions: block 100 becomes 'a' and then 'b'; 101 becomes 'c' and is revoked; 102 becomes
/// one that begins with the journal's magic.
inline ExtImage journal_image(JournalForm form) {
  ExtImage image;
  image.put_directory(2, 2, {{12, "file"}});
  image.put_file(12, 4096, {{0, 4, 100}});
  for (std::uint64_t block = 100; block < 104; ++block)
    std::ranges::fill(image.block(block), std::byte{'-'});
  JournalWriter journal(image, form);
  auto magic = filled('m');
  ExtImage::put(std::span(magic), 0, be32(JournalHeader::kMagic));
  journal.write({{100, filled('a')}, {101, filled('c')}});
  journal.commit();
  journal.write({{100, filled('b')}, {102, magic}});
  journal.revoke({101});
  journal.commit();
  journal.write({{103, filled('d')}});
  journal.commit();
  journal.finish();
  return image;
}

}  // namespace imgfs::ext
