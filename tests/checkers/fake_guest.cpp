#include "tests/checkers/fake_guest.h"

#include <algorithm>
#include <cstring>

#include <gtest/gtest.h>

namespace imgfs::test {
namespace {

constexpr const char* kKernel = "6.1.0-18-amd64";

std::string normalised(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string part(path.substr(0, path.find('/')));
    path.remove_prefix(part.size());
    if (part.empty() || part == ".") continue;
    if (part == "..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
    else out += "/" + part;
  }
  return out.empty() ? "/" : out;
}

Error missing() { return {Errc::not_found, "no such file"}; }

}  // namespace

void FakeFiles::remove(const std::string& path) {
  std::erase_if(nodes, [&](const auto& item) { return item.first == path || item.first.starts_with(path + "/"); });
}

void FakeFiles::replace(const std::string& path, std::string_view what, std::string_view with) {
  std::string& content = nodes.at(path).content;
  ASSERT_NE(content.find(what), std::string::npos) << path << " has no " << what;
  for (std::size_t at = 0; (at = content.find(what, at)) != std::string::npos; at += with.size())
    content.replace(at, what.size(), with);
}

Result<std::string> FakeFiles::resolve(std::string_view path, LastLink last) const {
  std::string whole = normalised(path);
  for (int links = 0; links < 20;) {
    bool again = false;
    for (std::size_t end = whole.find('/', 1); !again; end = whole.find('/', end + 1)) {
      const std::string prefix = whole.substr(0, end);
      const auto node = nodes.find(prefix);
      const bool final = end == std::string::npos;
      if (node != nodes.end() && node->second.error && (final || node->second.type != FileType::symlink)) return *node->second.error;
      if (node != nodes.end() && node->second.type == FileType::symlink && !(final && last == LastLink::keep)) {
        const std::string& target = node->second.content;
        const std::string rest = final ? "" : whole.substr(end);
        whole = normalised((target.starts_with('/') ? target : prefix.substr(0, prefix.rfind('/')) + "/" + target) + rest);
        ++links;
        again = true;
        break;
      }
      if (final) return whole;
    }
  }
  return Error{Errc::symlink_loop, "too many links"};
}

Result<Attributes> FakeFiles::stat(std::string_view path, LastLink last) const {
  const std::string whole = TRY(resolve(path, last));
  Attributes out;
  const auto node = nodes.find(whole);
  if (node != nodes.end()) {
    out.type = node->second.type;
    out.size = node->second.content.size();
    return out;
  }
  const auto below = nodes.lower_bound(whole + "/");
  if (whole != "/" && (below == nodes.end() || !below->first.starts_with(whole + "/"))) return missing();
  out.type = FileType::directory;
  return out;
}

Result<std::string> FakeFiles::read_text(std::string_view path, std::size_t limit) const {
  const auto attributes = stat(path, LastLink::follow);
  if (!attributes) return attributes.error();
  if (attributes.value().type == FileType::directory) return Error{Errc::is_directory, "a directory"};
  if (attributes.value().size > limit) return Error{Errc::too_large, "larger than the limit"};
  return nodes.at(TRY(resolve(path, LastLink::follow))).content;
}

Result<std::size_t> FakeFiles::read(std::string_view path, std::uint64_t offset, std::span<std::byte> out) const {
  const auto attributes = stat(path, LastLink::follow);
  if (!attributes) return attributes.error();
  if (attributes.value().type == FileType::directory) return Error{Errc::is_directory, "a directory"};
  const std::string& content = nodes.at(TRY(resolve(path, LastLink::follow))).content;
  if (offset >= content.size()) return std::size_t{0};
  const std::size_t count = std::min(out.size(), content.size() - static_cast<std::size_t>(offset));
  std::memcpy(out.data(), content.data() + offset, count);
  return count;
}

Result<std::vector<std::string>> FakeFiles::list(std::string_view path, std::size_t limit) const {
  const auto attributes = stat(path, LastLink::follow);
  if (!attributes) return attributes.error();
  if (attributes.value().type != FileType::directory) return Error{Errc::not_directory, "no directory"};
  std::string whole = TRY(resolve(path, LastLink::follow));
  if (whole != "/") whole += "/";
  std::vector<std::string> names;
  for (auto at = nodes.lower_bound(whole); at != nodes.end() && at->first.starts_with(whole); ++at) {
    const std::string name = at->first.substr(whole.size(), at->first.find('/', whole.size()) - whole.size());
    if (!name.empty() && (names.empty() || names.back() != name)) names.push_back(name);
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  if (names.size() > limit) return Error{Errc::too_large, "too many names"};
  return names;
}

Result<std::string> FakeFiles::read_link(std::string_view path) const {
  const auto node = nodes.find(TRY(resolve(path, LastLink::keep)));
  if (node == nodes.end()) return missing();
  if (node->second.type != FileType::symlink) return Error{Errc::not_symlink, "no link"};
  return node->second.content;
}

Result<void> FakeDisk::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  if (broken) return Error{Errc::io, "the host's disk is broken"};
  std::ranges::fill(out, std::byte{0});
  for (std::size_t i = 0; i < out.size() && offset + i < head.size(); ++i) out[i] = head[static_cast<std::size_t>(offset) + i];
  return success();
}

Report Guest::report(const std::string& policy_name) const {
  const auto policy = load_policy(policy_name);
  if (!policy) {
    ADD_FAILURE() << describe(policy.error());
    return {};
  }
  /// Hands out copies: the report owns what it gets.
  const auto copy = [](const FakeFiles& from) {
    auto made = std::make_unique<FakeFiles>();
    made->nodes = from.nodes;
    return made;
  };
  Surroundings surroundings;
  surroundings.guest_files = [&](const Tree&, std::size_t) { return copy(files); };
  surroundings.volume_files = [&](const Tree&, std::size_t volume) -> std::unique_ptr<GuestFiles> {
    const auto found = volume_files.find(volume);
    return found == volume_files.end() ? std::make_unique<FakeFiles>() : copy(found->second);
  };
  surroundings.size_bound = [&](const BlockDevice&) -> Result<Qcow2Size> { return Qcow2Size{size_bound, false}; };
  surroundings.size_exact = [&](const BlockDevice&, FunctionRef<void(std::uint64_t)>) -> Result<Qcow2Size> { return Qcow2Size{size_exact, true}; };
  const ReportInput input{tree, image_path, policy.value(), {}};
  Facts facts;
  return finish_report(input, run_checks(input, surroundings, facts), facts);
}

FakeFileSystem& Guest::file_system(std::size_t volume) {
  // The test made it, and made it not const.
  return const_cast<FakeFileSystem&>(static_cast<const FakeFileSystem&>(*tree.all_volumes.at(volume).file_system));
}

void Guest::initramfs(const std::vector<std::string>& modules) {
  files.put(initrd, compressed("gzip", cpio(module_files(version, modules))));
}

const Finding& finding(const Report& report, std::string_view check) {
  static const Finding none;
  for (const Finding& item : report.findings)
    if (item.check == check) return item;
  ADD_FAILURE() << "no finding " << check;
  return none;
}

std::string elf(unsigned machine, bool wide) {
  std::string out("\177ELF", 4);
  out += static_cast<char>(wide ? 2 : 1);
  out += std::string("\1\1", 2);
  out.resize(18, '\0');
  out += static_cast<char>(machine & 0xff);
  out += static_cast<char>(machine >> 8);
  out.resize(64, '\0');
  return out;
}

namespace {

void add_volume(Guest& guest, const char* name, const char* type, const char* uuid, std::uint64_t offset, std::uint64_t size) {
  TreeVolume volume;
  volume.volume.name = name;
  volume.volume.offset = offset;
  volume.volume.size = size;
  volume.volume.partition_type = "0x83";
  volume.volume.partition_uuid = std::string("1234abcd-0") + (name + 1);
  volume.type = type;
  volume.uuid = uuid;
  if (std::string(type) != "swap") {
    auto made = std::make_shared<FakeFileSystem>();
    made->description.type = type;
    made->description.features = {"has_journal", "extent"};
    made->space.block_size = 4096;
    made->space.blocks = size / 4096;
    made->space.blocks_free = made->space.blocks_available = size / 8192;
    volume.file_system = made;
    volume.directory = name;
  }
  guest.tree.all_volumes.push_back(std::move(volume));
}

void common(Guest& guest) {
  guest.tree.image_info.format = "qcow2";
  guest.tree.image_info.variant = "v3";
  guest.tree.image_info.file_size = 900ULL << 20;
  const std::string code = "\xeb\x63\x90GRUB \0Geom";
  std::memcpy(guest.tree.fake_disk.head.data(), code.data(), code.size());
  guest.tree.volume_table.kind = VolumeTable::Kind::mbr;
  InstalledGuest installed;
  installed.volume = 0;
  installed.evidence = {"/etc/os-release"};
  guest.tree.all_guests.push_back(installed);
}

std::string kernel_image(const std::string& version) {
  std::string out(0x400, '\0');
  out.replace(0x202, 4, "HdrS");
  out[0x20e] = static_cast<char>(0x00);
  out[0x20f] = static_cast<char>(0x01);
  out.replace(0x300, version.size() + 1, version + " ");
  return out;
}

void modules(Guest& guest, const std::string& version, const std::string& suffix) {
  const std::string root = guest.files.nodes.contains("/lib") ? "/usr/lib/modules/" : "/lib/modules/";
  std::string list;
  const auto add = [&](const std::string& path, const std::string& needs) {
    guest.files.put(root + version + "/" + path + suffix, "module");
    list += path + suffix + ":" + needs + "\n";
  };
  const std::string virtio = "kernel/drivers/virtio/virtio" + suffix;
  const std::string ring = " kernel/drivers/virtio/virtio_ring" + suffix + " " + virtio;
  add("kernel/drivers/virtio/virtio", "");
  add("kernel/drivers/virtio/virtio_ring", " " + virtio);
  add("kernel/drivers/virtio/virtio_pci", ring);
  add("kernel/drivers/block/virtio_blk", ring);
  add("kernel/drivers/net/virtio_net", ring + " kernel/net/core/failover" + suffix);
  add("kernel/net/core/failover", "");
  guest.files.put(root + version + "/modules.dep", list);
  guest.files.put(root + version + "/modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/crypto/crc32c-generic.ko\n");
  guest.files.put("/boot/config-" + version, "CONFIG_64BIT=y\nCONFIG_VIRTIO=m\nCONFIG_VIRTIO_PCI=m\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n# CONFIG_HYPERV is not set\n");
}

}  // namespace

Guest debian() {
  Guest guest;
  common(guest);
  guest.version = kKernel;
  guest.initrd = std::string("/boot/initrd.img-") + kKernel;
  add_volume(guest, "p1", "ext4", "11111111-2222-3333-4444-555555555555", 1 << 20, 9ULL << 30);
  add_volume(guest, "p2", "swap", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", 9ULL << 30, 512ULL << 20);
  FakeFiles& files = guest.files;
  files.put("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n");
  files.put("/etc/debian_version", "12.5\n");
  files.put("/bin/sh", elf(62, true));
  files.put("/usr/bin/env", elf(62, true));
  files.put("/etc/fstab", "# made by the test\nUUID=11111111-2222-3333-4444-555555555555 / ext4 errors=remount-ro 0 1\nUUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee none swap sw 0 0\n/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n");
  files.put(std::string("/boot/vmlinuz-") + kKernel, kernel_image(kKernel));
  files.put("/boot/grub/grubenv", "# GRUB Environment Block\n####\n");
  files.put("/boot/grub/grub.cfg",
            "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
            "if [ \"${next_entry}\" ] ; then\n   set default=\"${next_entry}\"\n   set next_entry=\n   save_env next_entry\n   set boot_once=true\nelse\n   set default=\"0\"\nfi\n"
            "function load_video {\n  insmod all_video\n}\n"
            "menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1111' {\n\tload_video\n\tset root='hd0,msdos1'\n"
            "\techo\t'Loading Linux ...'\n\tlinux\t/boot/vmlinuz-6.1.0-18-amd64 root=UUID=11111111-2222-3333-4444-555555555555 ro  quiet\n"
            "\tinitrd\t/boot/initrd.img-6.1.0-18-amd64\n}\n"
            "submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1111' {\n"
            "\tmenuentry 'Debian, with Linux 5.10' $menuentry_id_option 'gnulinux-5.10-advanced' {\n\t\tlinux /boot/vmlinuz-5.10.0-8-amd64 root=UUID=11111111-2222-3333-4444-555555555555 ro\n"
            "\t\tinitrd /boot/initrd.img-5.10.0-8-amd64\n\t}\n}\n");
  modules(guest, kKernel, ".ko");
  guest.initramfs({"virtio", "virtio_ring", "virtio_pci", "virtio_blk"});
  files.put("/var/lib/dpkg/status",
            "Package: base-files\nStatus: install ok installed\nVersion: 12.4\n\n"
            "Package: linux-image-6.1.0-18-amd64\nStatus: install ok installed\nVersion: 6.1.76-1\nDescription: kernel\n more text\n\n"
            "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4.2-1\n\n");
  files.put("/usr/bin/cloud-init", "#!/usr/bin/python3\n");
  files.put("/lib/systemd/system/cloud-init.service", "[Unit]\n");
  files.put("/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
  files.put("/etc/cloud/cloud.cfg", "users:\n  - default\ndisable_root: true\n");
  files.put("/etc/cloud/cloud.cfg.d/05_logging.cfg", "_log:\n - &log_base |\n   [loggers]\n - &log_file |\n   [handler]\nlog_cfgs:\n - [ *log_base, *log_file ]\n");
  files.put("/etc/cloud/cloud.cfg.d/90_dpkg.cfg", "datasource_list: [ NoCloud, ConfigDrive, OpenStack, None ]\n");
  return guest;
}

Guest redhat() {
  Guest guest;
  common(guest);
  guest.version = "4.18.0-513.5.1.el8_9.x86_64";
  guest.initrd = "/boot/initramfs-" + guest.version + ".img";
  add_volume(guest, "p1", "xfs", "99999999-2222-3333-4444-555555555555", 1 << 20, 1ULL << 30);
  add_volume(guest, "cl-root", "xfs", "88888888-2222-3333-4444-555555555555", 0, 8ULL << 30);
  guest.tree.all_volumes[1].volume.offset.reset();
  guest.tree.all_guests[0].volume = 1;
  guest.tree.all_guests[0].mounts.push_back({"/boot", 0, "UUID=99999999-2222-3333-4444-555555555555"});
  FakeFiles& files = guest.files;
  files.link("/bin", "usr/bin");
  files.link("/lib", "usr/lib");
  files.put("/etc/os-release", "NAME=\"Rocky Linux\"\nVERSION=\"8.9 (Green Obsidian)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\n");
  files.put("/usr/bin/sh", elf(62, true));
  files.put("/etc/fstab", "/dev/mapper/cl-root / xfs defaults 0 0\nUUID=99999999-2222-3333-4444-555555555555 /boot xfs defaults 0 0\n");
  files.put("/boot/vmlinuz-" + guest.version, kernel_image(guest.version));
  files.put("/boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=0123-" + guest.version + "\nkernelopts=root=/dev/mapper/cl-root ro crashkernel=auto\n");
  files.put("/boot/grub2/grub.cfg", "set default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\n");
  files.put("/boot/loader/entries/0123-" + guest.version + ".conf",
            "title Rocky Linux\nversion " + guest.version + "\nlinux /vmlinuz-" + guest.version + "\ninitrd /initramfs-" + guest.version + ".img $tuned_initrd\noptions $kernelopts $tuned_params\n");
  files.put("/boot/loader/entries/0123-0-rescue.conf", "title Rescue\nlinux /vmlinuz-0-rescue\ninitrd /initramfs-0-rescue.img\noptions $kernelopts\n");
  modules(guest, guest.version, ".ko.xz");
  guest.initramfs({"virtio", "virtio_ring", "virtio_pci", "virtio_blk"});
  files.put("/var/lib/rpm/rpmdb.sqlite",
            sqlite_database({{"cloud-init", rpm_header("cloud-init", "23.1.1", "10.el8", "noarch")},
                             {"bash", rpm_header("bash", "4.4.20", "4.el8")},
                             {"kernel-core", rpm_header("kernel-core", "4.18.0", "513.5.1.el8_9")}}));
  files.put("/usr/lib/systemd/system/cloud-init.service", "[Unit]\n");
  files.link("/etc/systemd/system/cloud-init.target.wants/cloud-init.service", "/usr/lib/systemd/system/cloud-init.service");
  files.put("/etc/cloud/cloud.cfg", "users:\n - default\n");
  return guest;
}

}  // namespace imgfs::test
