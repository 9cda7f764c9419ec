#include "vfs/look.h"

#include <algorithm>

namespace imgfs {

namespace {

constexpr std::uint64_t kLongestText = 1U << 20;
constexpr std::size_t kMostNames = 1000;

}  // namespace

std::optional<NodeId> Look::directory(std::string_view path) const {
  const auto found = resolve(views_, root_, path);
  if (!found || found.value().attributes.type != FileType::directory) return std::nullopt;
  return found.value().node;
}

std::optional<std::string> Look::text(std::string_view path) const {
  const auto found = resolve(views_, root_, path);
  if (!found) return std::nullopt;
  const Attributes& attributes = found.value().attributes;
  if (attributes.type != FileType::regular || attributes.size > kLongestText) return std::nullopt;
  std::string text(static_cast<std::size_t>(attributes.size), '\0');
  const NodeId node = found.value().node;
  const auto read = views_.view(node).file_system->read(inode_of(node), 0,
                                                        std::as_writable_bytes(std::span(text)));
  if (!read) return std::nullopt;
  text.resize(std::min(read.value(), text.size()));
  return text;
}

std::vector<std::string> Look::names(std::string_view path) const {
  std::vector<std::string> names;
  const auto found = directory(path);
  if (!found) return names;
  static_cast<void>(views_.list(*found, 0, [&](const ShownEntry& entry) {
    names.emplace_back(entry.name);
    return names.size() < kMostNames;
  }));
  std::ranges::sort(names);
  return names;
}

}  // namespace imgfs
