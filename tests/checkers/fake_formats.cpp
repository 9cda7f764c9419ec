// Archives, compressed streams and package databases as the tools write them.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <bzlib.h>
#include <db.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <sqlite3.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

std::string little(std::uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
  return out;
}
std::string big(std::uint32_t value, int bytes = 4) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((value >> (8 * i)) & 0xff);
  return out;
}

void pad(std::string& out, std::size_t to) {
  while (out.size() % to != 0) out += '\0';
}

const Bytef* bytes(const std::string& data) { return reinterpret_cast<const Bytef*>(data.data()); }
Bytef* bytes(std::string& data) { return reinterpret_cast<Bytef*>(data.data()); }

std::string gzip(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = const_cast<Bytef*>(bytes(data));
  stream.avail_in = static_cast<unsigned>(data.size());
  stream.next_out = bytes(out);
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string lzop(const std::string& data) {
  lzo_init();
  std::string out("\x89LZO\0\r\n\x1a\n", 9);
  out += big(0x1030, 2) + big(0x20a0, 2) + big(0x0940, 2);
  out += std::string("\x01\x05", 2);                   // LZO1X-1, level 5
  out += big(0x03000101) + big(0100644) + big(0) + big(0);  // adler32 and crc32 of the data
  out += std::string(1, '\0') + big(0);
  for (std::size_t at = 0; at < data.size(); at += 256 << 10) {
    const std::string block = data.substr(at, 256 << 10);
    std::string packed(block.size() + block.size() / 16 + 67, '\0');
    std::vector<unsigned char> work(LZO1X_1_MEM_COMPRESS);
    lzo_uint size = 0;
    lzo1x_1_compress(bytes(block), block.size(), bytes(packed), &size, work.data());
    packed.resize(size);
    if (packed.size() >= block.size()) packed = block;
    out += big(static_cast<std::uint32_t>(block.size())) + big(static_cast<std::uint32_t>(packed.size()));
    out += big(static_cast<std::uint32_t>(adler32(1, bytes(block), static_cast<unsigned>(block.size()))));
    out += big(static_cast<std::uint32_t>(crc32(0, bytes(block), static_cast<unsigned>(block.size()))));
    out += packed;
  }
  return out + big(0);
}

std::string lz4(const std::string& data) {
  std::string out = little(0x184c2102);
  constexpr std::size_t kBlock = 8 << 20;
  for (std::size_t at = 0; at < data.size(); at += kBlock) {
    const std::string block = data.substr(at, kBlock);
    std::string packed(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block.size()))), '\0');
    const int size = LZ4_compress_default(block.data(), packed.data(), static_cast<int>(block.size()), static_cast<int>(packed.size()));
    packed.resize(static_cast<std::size_t>(size));
    out += little(static_cast<std::uint32_t>(packed.size())) + packed;
  }
  return out;
}

std::string xz(const std::string& data, bool alone) {
  // The older form has no bound of its own, and grows where nothing can be compressed.
  std::string out(lzma_stream_buffer_bound(data.size()) + data.size() / 8 + 1024, '\0');
  if (!alone) {
    std::size_t size = 0;
    EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, bytes(data), data.size(), bytes(out), &size, out.size()), LZMA_OK);
    out.resize(size);
    return out;
  }
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 6);
  lzma_stream stream = LZMA_STREAM_INIT;
  EXPECT_EQ(lzma_alone_encoder(&stream, &options), LZMA_OK);
  stream.next_in = bytes(data);
  stream.avail_in = data.size();
  stream.next_out = bytes(out);
  stream.avail_out = out.size();
  EXPECT_EQ(lzma_code(&stream, LZMA_FINISH), LZMA_STREAM_END);
  out.resize(stream.total_out);
  lzma_end(&stream);
  return out;
}

}  // namespace

std::string cpio(const std::vector<CpioFile>& files) {
  std::string out;
  std::uint32_t inode = 1;
  const auto add = [&](const CpioFile& file) {
    char header[111];
    const unsigned size = static_cast<unsigned>(file.content.size());
    std::snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode++, file.mode, 0U, 0U, 1U, 0U, size, 0U, 0U, 0U, 0U,
                  static_cast<unsigned>(file.name.size() + 1), 0U);
    out += header + file.name + '\0';
    pad(out, 4);
    out += file.content;
    pad(out, 4);
  };
  for (const auto& file : files) add(file);
  add({"TRAILER!!!", "", 0});
  pad(out, 512);
  return out;
}

std::vector<CpioFile> module_files(const std::string& version, const std::vector<std::string>& modules, const std::string& suffix) {
  std::vector<CpioFile> files = {{"init", "#!/bin/sh\n", 0100755}, {"usr", "", 040755}, {"usr/lib/modules/" + version, "", 040755}};
  for (const auto& module : modules) files.push_back({"usr/lib/modules/" + version + "/kernel/drivers/" + module + suffix, std::string(1000, 'm'), 0100644});
  return files;
}

std::string compressed(const std::string& kind, const std::string& data) {
  if (kind == "gzip") return gzip(data);
  if (kind == "lzo") return lzop(data);
  if (kind == "lz4") return lz4(data);
  if (kind == "xz" || kind == "lzma") return xz(data, kind == "lzma");
  if (kind == "bzip2") {
    std::string out(data.size() + data.size() / 100 + 1024, '\0');
    unsigned size = static_cast<unsigned>(out.size());
    EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(data.data()), static_cast<unsigned>(data.size()), 9, 0, 0), BZ_OK);
    out.resize(size);
    return out;
  }
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3));
  return out;
}

std::string rpm_header(const std::string& name, const std::string& version, const std::string& release, const std::string& arch, const std::string& vendor) {
  std::string index;
  std::string store;
  std::uint32_t count = 0;
  const auto add = [&](std::uint32_t tag, const std::string& value) {
    index += big(tag) + big(6) + big(static_cast<std::uint32_t>(store.size())) + big(1);
    store += value + '\0';
    ++count;
  };
  add(1000, name);
  add(1001, version);
  add(1002, release);
  if (!vendor.empty()) add(1011, vendor);
  add(1022, arch);
  add(1044, std::string(9000, 's'));  // as large as real ones: more than a page
  return big(count) + big(static_cast<std::uint32_t>(store.size())) + index + store;
}

std::string sqlite_database(const std::vector<std::pair<std::string, std::string>>& packages) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(":memory:", &database), SQLITE_OK);
  sqlite3_exec(database, "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL); CREATE TABLE Name(key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL); CREATE INDEX Name_key_idx ON Name(key ASC);",
               nullptr, nullptr, nullptr);
  int number = 0;
  for (const auto& [name, header] : packages) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database, "INSERT INTO Packages VALUES(?1, ?2)", -1, &statement, nullptr);
    sqlite3_bind_int(statement, 1, ++number);
    sqlite3_bind_blob(statement, 2, header.data(), static_cast<int>(header.size()), SQLITE_STATIC);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_prepare_v2(database, "INSERT INTO Name VALUES(?1, ?2, 0)", -1, &statement, nullptr);
    sqlite3_bind_text(statement, 1, name.c_str(), -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, number);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
  }
  sqlite3_int64 size = 0;
  unsigned char* image = sqlite3_serialize(database, "main", &size, 0);
  std::string out(reinterpret_cast<char*>(image), static_cast<std::size_t>(size));
  sqlite3_free(image);
  sqlite3_close(database);
  out[18] = out[19] = 2;  // rpm leaves its databases in WAL mode
  return out;
}

std::string ndb_database(const std::vector<std::string>& headers) {
  std::string slots = little(0x506d7052) + little(0) + little(1) + little(1) + little(static_cast<std::uint32_t>(headers.size() + 1)) + std::string(12, '\0');
  std::string blobs;
  std::uint32_t package = 0;
  for (const auto& header : headers) {
    ++package;
    std::string blob = little(0x53626c42) + little(package) + little(1) + little(static_cast<std::uint32_t>(header.size())) + header;
    pad(blob, 16);
    blob += std::string(12, 'c') + "BlbE";
    pad(blob, 16);
    slots += little(0x746f6c53) + little(package) + little(static_cast<std::uint32_t>((4096 + blobs.size()) / 16)) + little(static_cast<std::uint32_t>(blob.size() / 16));
    blobs += blob;
  }
  while (slots.size() < 4096) slots += little(0x746f6c53) + little(0) + little(0) + little(0);
  return slots + blobs;
}

std::string berkeley_database(const std::vector<std::string>& headers, bool big_endian) {
  const auto path = std::filesystem::temp_directory_path() / ("imgfs-test-db." + std::to_string(getpid()));
  DB* database = nullptr;
  EXPECT_EQ(db_create(&database, nullptr, 0), 0);
  if (big_endian) database->set_lorder(database, 4321);
  database->set_pagesize(database, 4096);
  EXPECT_EQ(database->open(database, nullptr, path.c_str(), nullptr, DB_HASH, DB_CREATE, 0600), 0);
  std::uint32_t number = 0;
  const auto put = [&](std::uint32_t key_number, std::string value) {
    DBT key{};
    DBT data{};
    key.data = &key_number;
    key.size = sizeof key_number;
    data.data = value.data();
    data.size = static_cast<std::uint32_t>(value.size());
    EXPECT_EQ(database->put(database, nullptr, &key, &data, 0), 0);
  };
  put(0, little(static_cast<std::uint32_t>(headers.size())));
  for (const auto& header : headers) put(++number, header);
  EXPECT_EQ(database->close(database, 0), 0);
  std::ifstream file(path, std::ios::binary);
  std::string out((std::istreambuf_iterator<char>(file)), {});
  std::filesystem::remove(path);
  return out;
}

}  // namespace imgfs::test
