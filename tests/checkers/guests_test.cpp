// A table of guests, each one change from one of which all passes, and the one finding it must get.
#include <functional>
#include <ostream>

#include <gtest/gtest.h>

#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

struct Row {
  const char* name;
  Guest (*base)();
  std::function<void(Guest&)> change;
  const char* check;  ///< empty: all must pass still
  Status status = Status::pass;
  const char* code = "";
  const char* policy = "tencent-cvm-gen4";
};
void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

const std::string kVersion = "6.1.0-18-amd64";
const std::string kInitrd = "/boot/initrd.img-6.1.0-18-amd64";
const std::vector<std::string> kAll = {"virtio", "virtio_ring", "virtio_pci", "virtio_blk"};
const std::string kGrub = "/boot/grub/grub.cfg";
const std::string kBls = "/boot/loader/entries/0123-4.18.0-513.5.1.el8_9.x86_64.conf";
const std::string kModules = "/lib/modules/6.1.0-18-amd64";

void os_release(Guest& guest, const std::string& id, const std::string& version, const std::string& like = "") {
  guest.files.put("/etc/os-release", "NAME=\"Test\"\nID=" + id + "\nVERSION_ID=\"" + version + "\"\n" + (like.empty() ? "" : "ID_LIKE=\"" + like + "\"\n"));
  guest.files.remove("/etc/debian_version");
}
void no_os_release(Guest& guest, const std::string& path, const std::string& text) {
  guest.files.remove("/etc/os-release");
  guest.files.remove("/etc/debian_version");
  guest.files.put(path, text);
}
void initrd(Guest& guest, const std::string& kind) { guest.files.put(kInitrd, compressed(kind, cpio(module_files(kVersion, kAll)))); }
void cmdline(Guest& guest, const std::string& more) { guest.files.replace(kGrub, "ro  quiet", "ro " + more); }
void root(Guest& guest, const std::string& name) { guest.files.replace(kGrub, "root=UUID=11111111-2222-3333-4444-555555555555 ro  quiet", "root=" + name + " ro"); }
void fstab(Guest& guest, const std::string& line) { guest.files.text("/etc/fstab") += line + "\n"; }
void built_in(Guest& guest) {
  guest.files.put("/boot/config-" + kVersion, "CONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=y\n");
  guest.files.remove(kInitrd);
  guest.files.replace(kGrub, "\tinitrd\t/boot/initrd.img-6.1.0-18-amd64\n", "");
}
void no_cloud_package(Guest& guest) {
  guest.files.replace("/var/lib/dpkg/status", "Package: cloud-init\nStatus: install ok installed\nVersion: 22.4.2-1\n", "");
}
void no_cloud(Guest& guest) {
  no_cloud_package(guest);
  guest.files.remove("/usr/bin/cloud-init");
}
void remark(Guest& guest, Remark::Kind kind) { guest.file_system(0).description.remarks.push_back({kind, "made by the test"}); }
void rpm_files(Guest& guest, const std::string& path, const std::string& bytes) {
  guest.files.remove("/var/lib/rpm/rpmdb.sqlite");
  guest.files.put(path, bytes);
}
std::vector<std::string> rpm_headers() {
  return {rpm_header("bash", "4.4.20", "4.el8"), rpm_header("cloud-init", "23.1.1", "10.el8", "noarch"), rpm_header("kernel-core", "4.18.0", "513.5.1.el8_9")};
}
/// The guest's files under another boot loader.
void boot_loader(Guest& guest, const std::string& path, const std::string& text) {
  guest.files.remove("/boot/grub");
  guest.files.put(path, text);
}
const std::string kOptions = "root=UUID=11111111-2222-3333-4444-555555555555 ro";

std::vector<Row> rows() {
  const auto S = [](const char* name, std::function<void(Guest&)> change, const char* check = "", Status status = Status::pass, const char* code = "",
                    const char* policy = "tencent-cvm-gen4") { return Row{name, debian, std::move(change), check, status, code, policy}; };
  const auto R = [](const char* name, std::function<void(Guest&)> change, const char* check = "", Status status = Status::pass, const char* code = "",
                    const char* policy = "tencent-cvm-gen4") { return Row{name, redhat, std::move(change), check, status, code, policy}; };
  const Status fail = Status::fail;
  const Status warn = Status::warn;
  const Status unknown = Status::unknown;
  return {
      S("debian", [](Guest&) {}),
      R("redhat", [](Guest&) {}),
      // image-format
      S("vhd_dynamic", [](Guest& g) { g.tree.image_info.format = "vhd"; g.tree.image_info.variant = "dynamic"; g.image_path = "d.vhd"; }),
      S("raw", [](Guest& g) { g.tree.image_info.format = "raw"; g.tree.image_info.variant = ""; g.image_path = "d.img"; }),
      S("vmdk_stream", [](Guest& g) { g.tree.image_info.format = "vmdk"; g.tree.image_info.variant = "streamOptimized"; g.image_path = "d.vmdk"; }),
      S("vhdx", [](Guest& g) { g.tree.image_info.format = "vhdx"; g.image_path = "d.vhdx"; }, "image-format", fail, "InvalidFormatSize"),
      S("vdi", [](Guest& g) { g.tree.image_info.format = "vdi"; g.image_path = "d.vdi"; }, "image-format", fail, "InvalidFormatSize"),
      S("backing_file", [](Guest& g) { g.tree.image_info.backing_files = {"base.qcow2"}; }, "image-format", fail, "InvalidFormatSize"),
      S("vmdk_flat", [](Guest& g) { g.tree.image_info.format = "vmdk"; g.tree.image_info.variant = "monolithicFlat"; g.image_path = "d.vmdk"; }, "image-format", fail, "InvalidFormatSize"),
      S("vmdk_odd", [](Guest& g) { g.tree.image_info.format = "vmdk"; g.tree.image_info.variant = "COWD"; g.image_path = "d.vmdk"; }, "image-format", warn),
      S("dirty_bit", [](Guest& g) { g.tree.image_info.remarks.push_back({Remark::Kind::unclean, "dirty bit"}); }, "image-format", warn),
      S("wrong_suffix", [](Guest& g) { g.image_path = "disk.raw"; }, "image-format", warn),
      // image-size
      S("virtual_500_decimal", [](Guest& g) { g.tree.fake_disk.bytes = 500'000'000'000; }),
      S("virtual_501_decimal", [](Guest& g) { g.tree.fake_disk.bytes = 501'000'000'000; }, "image-size", warn),
      S("virtual_500_binary", [](Guest& g) { g.tree.fake_disk.bytes = 500ULL << 30; }, "image-size", warn),
      S("virtual_above", [](Guest& g) { g.tree.fake_disk.bytes = (500ULL << 30) + 512; }, "image-size", fail, "InvalidFormatSize"),
      S("bound_above_exact_below", [](Guest& g) { g.size_bound = 60ULL << 30; g.size_exact = 40ULL << 30; }),
      S("exact_in_the_gap", [](Guest& g) { g.size_bound = 60ULL << 30; g.size_exact = 52'000'000'000; }, "image-size", warn),
      S("exact_above", [](Guest& g) { g.size_bound = 60ULL << 30; g.size_exact = (50ULL << 30) + 1; }, "image-size", fail, "InvalidFormatSize"),
      // partition-table
      S("gpt", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::gpt; }, "partition-table", fail),
      S("gpt_gen1", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::gpt; }, "partition-table", warn, "", "tencent-cvm-gen1"),
      S("gpt_generic", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::gpt; }, "", Status::pass, "", "generic-kvm"),
      S("bare_file_system", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::whole_disk; g.tree.fake_disk.head.assign(512, std::byte{0}); }, "partition-table", fail, "PartitionNotPresent"),
      S("cut_short", [](Guest& g) { g.tree.fake_disk.bytes = 5ULL << 30; }, "partition-table", fail, "PartitionNotPresent"),
      S("no_boot_code_not_active", [](Guest& g) { g.tree.fake_disk.head.assign(512, std::byte{0}); }, "partition-table", warn),
      S("not_active", [](Guest& g) { g.tree.fake_disk.head.assign(512, std::byte{0x90}); }, "partition-table", warn),
      S("active", [](Guest& g) { g.tree.fake_disk.head.assign(512, std::byte{0x90}); g.tree.all_volumes[0].volume.active = true; }),
      S("overlap", [](Guest& g) { g.tree.volume_table.remarks.push_back({Remark::Kind::damaged, "p1 and p2 overlap"}); }, "partition-table", warn),
      S("empty_disk", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::none; g.tree.volume_table.zero = true; g.tree.all_volumes.clear(); g.tree.all_guests.clear(); }, "partition-table", fail, "PartitionNotPresent"),
      S("unreadable_disk", [](Guest& g) { g.tree.volume_table.kind = VolumeTable::Kind::none; g.tree.fake_disk.broken = true; g.tree.all_volumes.clear(); g.tree.all_guests.clear(); }, "partition-table", unknown),
      // root-partition
      S("data_disk", [](Guest& g) { g.tree.all_guests.clear(); g.volume_files[0].put("/photos/a.jpg", "x"); }, "root-partition", fail, "RootPartitionNotFound"),
      S("empty_data_disk", [](Guest& g) { g.tree.all_guests.clear(); g.volume_files[0].directory("/lost+found"); }, "root-partition", fail, "RootPartitionNotFound"),
      S("boot_partition_only", [](Guest& g) { g.tree.all_guests.clear(); g.volume_files[0].put("/grub/grub.cfg", "x"); g.volume_files[0].put("/vmlinuz-1", "x"); }, "root-partition", fail, "RootPartitionNotFound"),
      S("two_systems", [](Guest& g) { g.tree.all_guests.push_back(g.tree.all_guests[0]); }, "root-partition", warn),
      // operating-system: every name of the newest list, and what is not in it
      S("ubuntu", [](Guest& g) { os_release(g, "ubuntu", "22.04", "debian"); }),
      S("fedora", [](Guest& g) { os_release(g, "fedora", "39"); }),
      S("almalinux", [](Guest& g) { os_release(g, "\"almalinux\"", "9.1", "rhel centos fedora"); }),
      S("centos_7", [](Guest& g) { os_release(g, "\"centos\"", "7", "rhel fedora"); g.files.put("/etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n"); }),
      S("centos_stream", [](Guest& g) { os_release(g, "\"centos\"", "9"); g.files.text("/etc/os-release") += "NAME=\"CentOS Stream\"\n"; }),
      S("centos_6_old_file", [](Guest& g) { no_os_release(g, "/etc/centos-release", "CentOS release 6.10 (Final)\n"); }),
      S("centos_5_old_file", [](Guest& g) { no_os_release(g, "/etc/redhat-release", "CentOS release 5.11 (Final)\n"); }),
      S("opensuse", [](Guest& g) { os_release(g, "\"opensuse-leap\"", "15.4", "suse opensuse"); }),
      S("coreos", [](Guest& g) { no_os_release(g, "/etc/lsb-release", "DISTRIB_ID=CoreOS\nDISTRIB_RELEASE=647.0.0\n"); }),
      S("kylin", [](Guest& g) { os_release(g, "\"kylin\"", "V10"); }),
      S("uos", [](Guest& g) { os_release(g, "\"uos\"", "20"); }),
      S("tencentos", [](Guest& g) { os_release(g, "\"TencentOS\"", "3.1", "rhel fedora centos tlinux"); }),
      S("debian_old_file", [](Guest& g) { g.files.remove("/etc/os-release"); }),
      S("suse_gen4", [](Guest& g) { os_release(g, "\"sles\"", "15.4", "suse"); }, "operating-system", warn),
      S("suse_gen3", [](Guest& g) { no_os_release(g, "/etc/SuSE-release", "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 3\n"); }, "", Status::pass, "", "tencent-cvm-gen3"),
      S("rhel", [](Guest& g) { os_release(g, "\"rhel\"", "8.7", "fedora"); }, "operating-system", warn),
      S("relative", [](Guest& g) { os_release(g, "anolis", "8.6", "rhel fedora centos"); }, "operating-system", warn),
      S("not_listed", [](Guest& g) { os_release(g, "nixos", "23.11"); }, "operating-system", fail),
      S("rocky_gen1", [](Guest& g) { os_release(g, "rocky", "9", "rhel fedora"); }, "operating-system", warn, "", "tencent-cvm-gen1"),
      S("arch_gen1", [](Guest& g) { os_release(g, "arch", ""); }, "operating-system", fail, "", "tencent-cvm-gen1"),
      S("api_version", [](Guest&) {}, "operating-system", warn, "", "tencent-cvm-api"),
      S("no_release_file", [](Guest& g) { g.files.remove("/etc/os-release"); g.files.remove("/etc/debian_version"); }, "operating-system", unknown),
      S("release_file_damaged", [](Guest& g) { g.files.damage("/etc/os-release"); }, "operating-system", unknown),
      // architecture
      S("i386", [](Guest& g) { g.files.put("/bin/sh", elf(3, false)); }),
      S("aarch64", [](Guest& g) { g.files.put("/bin/sh", elf(183, true)); }, "architecture", fail),
      S("no_programs", [](Guest& g) { g.files.remove("/bin"); }, "architecture", unknown),
      S("program_damaged", [](Guest& g) { g.files.damage("/bin/sh", Errc::io); }, "architecture", unknown),
      // virtio: initramfs by compressor
      S("initramfs_plain", [](Guest& g) { g.files.put(kInitrd, cpio(module_files(kVersion, kAll))); }),
      S("initramfs_bzip2", [](Guest& g) { initrd(g, "bzip2"); }),
      S("initramfs_lzma", [](Guest& g) { initrd(g, "lzma"); }),
      S("initramfs_xz", [](Guest& g) { initrd(g, "xz"); }),
      S("initramfs_lzo", [](Guest& g) { initrd(g, "lzo"); }),
      S("initramfs_lz4", [](Guest& g) { initrd(g, "lz4"); }),
      S("initramfs_zstd", [](Guest& g) { initrd(g, "zstd"); }),
      S("initramfs_early_part", [](Guest& g) { g.files.text(kInitrd).insert(0, cpio({{"kernel/x86/microcode/GenuineIntel.bin", std::string(5000, 'u')}})); }),
      S("initramfs_three_parts", [](Guest& g) { g.files.put(kInitrd, cpio({{"early", "x"}}) + compressed("gzip", cpio(module_files(kVersion, {"virtio", "virtio_ring"}))) + std::string(12, '\0') + compressed("zstd", cpio(module_files(kVersion, {"virtio_pci", "virtio_blk"})))); }),
      S("initramfs_compressed_modules", [](Guest& g) { g.files.put(kInitrd, compressed("zstd", cpio(module_files(kVersion, kAll, ".ko.xz")))); }),
      S("initramfs_mkinitrd", [](Guest& g) { g.files.put(kInitrd, compressed("gzip", cpio({{"init"}, {"lib/virtio.ko"}, {"lib/virtio_ring.ko"}, {"lib/virtio_pci.ko"}, {"lib/virtio_blk.ko"}}))); }),
      S("initramfs_without_blk", [](Guest& g) { g.initramfs({"virtio", "virtio_ring", "virtio_pci"}); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_without_pci", [](Guest& g) { g.initramfs({"virtio", "virtio_ring", "virtio_blk"}); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_other_host", [](Guest& g) { g.initramfs({"vmw_pvscsi", "ahci"}); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_other_kernel", [](Guest& g) { g.files.put(kInitrd, compressed("gzip", cpio(module_files("5.10.0-8-amd64", kAll)))); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_missing", [](Guest& g) { g.files.remove(kInitrd); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_not_named", [](Guest& g) { g.files.replace(kGrub, "\tinitrd\t/boot/initrd.img-6.1.0-18-amd64\n", ""); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_empty", [](Guest& g) { g.files.put(kInitrd, ""); }, "virtio", fail, "VirtioNotInstall"),
      S("initramfs_damaged", [](Guest& g) { g.files.text(kInitrd)[60] ^= 0x55; }, "virtio", unknown),
      S("initramfs_cut_off", [](Guest& g) { g.files.text(kInitrd).resize(200); }, "virtio", unknown),
      S("initramfs_unknown_format", [](Guest& g) { g.files.put(kInitrd, "romfs-not-a-cpio"); }, "virtio", unknown),
      S("initramfs_unreadable", [](Guest& g) { g.files.damage(kInitrd, Errc::io); }, "virtio", unknown),
      // virtio: the kernel
      S("all_built_in", built_in),
      S("built_in_by_list_only", [](Guest& g) { built_in(g); g.files.remove("/boot/config-" + kVersion); g.files.put(kModules + "/modules.dep", ""); g.files.put(kModules + "/modules.builtin", "kernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio_ring.ko\nkernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/block/virtio_blk.ko\nkernel/drivers/net/virtio_net.ko\n"); }),
      S("config_says_no_blk", [](Guest& g) { g.files.replace("/boot/config-" + kVersion, "CONFIG_VIRTIO_BLK=m", "# CONFIG_VIRTIO_BLK is not set"); g.files.remove(kModules + "/kernel/drivers/block"); }, "virtio", fail, "VirtioNotInstall"),
      S("blk_file_removed", [](Guest& g) { g.files.remove(kModules + "/kernel/drivers/block"); }, "virtio", fail, "VirtioNotInstall"),
      S("no_net", [](Guest& g) { g.files.replace("/boot/config-" + kVersion, "CONFIG_VIRTIO_NET=m\n", ""); g.files.remove(kModules + "/kernel/drivers/net"); }, "virtio", fail, "VirtioNotInstall"),
      S("no_module_lists", [](Guest& g) { g.files.remove(kModules + "/modules.dep"); g.files.remove(kModules + "/modules.builtin"); }),
      S("no_config", [](Guest& g) { g.files.remove("/boot/config-" + kVersion); }),
      S("no_modules_no_config", [](Guest& g) { g.files.remove(kModules); g.files.remove("/boot/config-" + kVersion); }, "virtio", unknown),
      S("module_list_damaged", [](Guest& g) { g.files.damage(kModules + "/modules.dep"); g.files.remove(kModules + "/kernel"); }, "virtio", unknown),
      S("xen_only", [](Guest& g) { g.files.text("/boot/config-" + kVersion) += "CONFIG_X86_64_XEN=y\n"; }, "virtio", fail, "VirtioNotInstall"),
      S("blacklisted", [](Guest& g) { g.files.put("/etc/modprobe.d/no.conf", "# x\nblacklist virtio-blk\n"); }, "virtio", warn),
      S("install_false", [](Guest& g) { g.files.put("/etc/modprobe.d/no.conf", "install virtio_pci /bin/false\n"); }, "virtio", fail, "VirtioNotInstall"),
      S("blacklist_on_command_line", [](Guest& g) { cmdline(g, "modprobe.blacklist=floppy,virtio_blk"); }, "virtio", warn),
      S("refused_on_command_line", [](Guest& g) { cmdline(g, "module_blacklist=virtio_net"); }, "virtio", fail, "VirtioNotInstall"),
      S("blacklist_of_another", [](Guest& g) { g.files.put("/etc/modprobe.d/no.conf", "blacklist virtio_gpu\n"); }),
      S("azure_drivers", [](Guest& g) { g.tree.image_info.format = "vhd"; g.tree.image_info.variant = "fixed"; g.image_path = "d.vhd"; g.files.put("/etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: [Azure]\n"); }, "virtio", fail, "", "azure"),
      // boot loaders: another kernel is the default, and it has no virtio
      S("default_is_another_kernel", [](Guest& g) { g.files.replace(kGrub, "set default=\"0\"", "set default=\"gnulinux-advanced-1111>gnulinux-5.10-advanced\""); g.files.put("/boot/vmlinuz-5.10.0-8-amd64", "k"); g.files.put("/boot/config-5.10.0-8-amd64", "CONFIG_64BIT=y\n"); g.files.text("/var/lib/dpkg/status") += "Package: linux-image-5.10.0-8-amd64\nStatus: install ok installed\nVersion: 5\n\n"; }, "virtio", fail, "VirtioNotInstall"),
      S("next_entry", [](Guest& g) { g.files.text("/boot/grub/grubenv") += "next_entry=1>0\n"; g.files.put("/boot/config-5.10.0-8-amd64", "CONFIG_64BIT=y\n"); g.files.text("/var/lib/dpkg/status") += "Package: linux-image-5.10.0-8-amd64\nStatus: install ok installed\nVersion: 5\n\n"; }, "virtio", fail, "VirtioNotInstall"),
      R("bls_saved_entry_gone", [](Guest& g) { g.files.replace("/boot/grub2/grubenv", "saved_entry=0123-4", "saved_entry=none-4"); }),
      R("bls_initramfs_without_blk", [](Guest& g) { g.initramfs({"virtio", "virtio_ring", "virtio_pci"}); }, "virtio", fail, "VirtioNotInstall"),
      S("grub_legacy", [](Guest& g) { boot_loader(g, "/boot/grub/menu.lst", "default 1\ntimeout 5\ntitle Old\n root (hd0,0)\n kernel /boot/vmlinuz-2.6 root=/dev/sda1\ntitle New\n root (hd0,0)\n kernel /boot/vmlinuz-6.1.0-18-amd64 " + kOptions + "\n initrd " + kInitrd + "\n"); }),
      S("grub_legacy_saved", [](Guest& g) { boot_loader(g, "/boot/grub/grub.conf", "default=saved\ntitle Old\n kernel /boot/vmlinuz-2.6 root=/dev/sda1\ntitle New\n kernel /boot/vmlinuz-6.1.0-18-amd64 " + kOptions + "\n initrd " + kInitrd + "\n"); g.files.put("/boot/grub/default", "1\n#\n"); }),
      S("extlinux", [](Guest& g) { boot_loader(g, "/boot/extlinux/extlinux.conf", "UI menu.c32\nDEFAULT l1\nLABEL l0\n LINUX ../vmlinuz-old\n APPEND root=/dev/sda1\nLABEL l1\n LINUX ../vmlinuz-6.1.0-18-amd64\n INITRD ../initrd.img-6.1.0-18-amd64\n APPEND " + kOptions + "\n"); }),
      S("systemd_boot", [](Guest& g) { boot_loader(g, "/boot/loader/loader.conf", "default debian*\n"); g.files.put("/boot/loader/entries/debian-6.conf", "title D\nlinux /vmlinuz-6.1.0-18-amd64\ninitrd /initrd.img-6.1.0-18-amd64\noptions " + kOptions + "\n"); g.files.put("/boot/loader/entries/zz.conf", "linux /nothing\n"); }),
      S("no_boot_loader", [](Guest& g) { g.files.remove("/boot/grub"); }, "device-names", unknown),
      // cloud-init
      S("cloud_init_missing", no_cloud, "cloud-init", fail, "CloudInitNotInstalled"),
      S("cloud_init_missing_gen1", no_cloud, "cloud-init", warn, "", "tencent-cvm-gen1"),
      S("cloud_init_removed", [](Guest& g) { g.files.replace("/var/lib/dpkg/status", "cloud-init\nStatus: install ok installed", "cloud-init\nStatus: deinstall ok config-files"); g.files.remove("/usr/bin/cloud-init"); }, "cloud-init", fail, "CloudInitNotInstalled"),
      S("cloud_init_from_source", [](Guest& g) { no_cloud(g); g.files.put("/usr/local/bin/cloud-init", "#!/usr/bin/python3"); }),
      S("cloud_init_python_only", [](Guest& g) { no_cloud(g); g.files.put("/usr/lib/python3/dist-packages/cloudinit/version.py", "x"); }),
      S("cloud_init_in_virtualenv", [](Guest& g) { no_cloud(g); g.files.put("/home/u/venv/lib/python3/site-packages/cloudinit/version.py", "x"); }, "cloud-init", fail, "CloudInitNotInstalled"),
      S("forced_import_script", [](Guest& g) { no_cloud(g); g.files.put("/etc/init.d/os_config", "mount /dev/cdrom; cat qcloud_action/os.conf"); }, "cloud-init", warn),
      S("cloud_init_marker", [](Guest& g) { g.files.put("/etc/cloud/cloud-init.disabled", ""); }, "cloud-init", warn),
      S("cloud_init_masked", [](Guest& g) { g.files.link("/etc/systemd/system/cloud-init.service", "/dev/null"); g.files.put("/dev/null", ""); }, "cloud-init", warn),
      S("cloud_init_command_line", [](Guest& g) { cmdline(g, "cloud-init=disabled"); }, "cloud-init", warn),
      S("cloud_init_not_started", [](Guest& g) { g.files.remove("/lib/systemd/system-generators"); }, "cloud-init", warn),
      S("cloud_init_24_3", [](Guest& g) { g.files.remove("/lib/systemd/system/cloud-init.service"); g.files.put("/usr/lib/systemd/system/cloud-init-main.service", "x"); g.files.put("/usr/lib/systemd/system/cloud-init-network.service", "x"); }),
      S("cloud_init_sysv", [](Guest& g) { g.files.remove("/lib/systemd"); g.files.link("/etc/rc3.d/S51cloud-init", "../init.d/cloud-init"); }),
      S("cloud_init_upstart", [](Guest& g) { g.files.remove("/lib/systemd"); g.files.put("/etc/init/cloud-init.conf", "start on x"); }),
      S("cloud_init_openrc", [](Guest& g) { g.files.remove("/lib/systemd"); g.files.link("/etc/runlevels/default/cloud-init", "/etc/init.d/cloud-init"); }),
      S("cloud_init_old", [](Guest& g) { g.files.replace("/var/lib/dpkg/status", "22.4.2-1", "0.7.9-2"); }, "cloud-init", warn),
      S("sources_nocloud", [](Guest& g) { g.files.put("/etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: [NoCloud, None]\n"); }, "cloud-init", warn),
      S("sources_empty", [](Guest& g) { g.files.put("/etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: []\n"); }, "cloud-init", warn),
      S("sources_later_file_wins", [](Guest& g) { g.files.put("/etc/cloud/cloud.cfg.d/01.cfg", "datasource_list: [NoCloud]\n"); }),
      S("sources_yaml_broken", [](Guest& g) { g.files.put("/etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: [NoCloud\nx: {"); }, "cloud-init", unknown),
      S("cloud_network_off", [](Guest& g) { g.files.put("/etc/cloud/cloud.cfg.d/98.cfg", "network:\n  config: disabled\n"); }, "cloud-init", warn),
      S("cloud_config_unreadable", [](Guest& g) { g.files.damage("/etc/cloud/cloud.cfg"); }, "cloud-init", unknown),
      S("cloud_config_missing", [](Guest& g) { g.files.remove("/etc/cloud"); }, "cloud-init", warn),
      R("rpm_ndb", [](Guest& g) { rpm_files(g, "/usr/lib/sysimage/rpm/Packages.db", ndb_database(rpm_headers())); }),
      R("rpm_berkeley", [](Guest& g) { rpm_files(g, "/var/lib/rpm/Packages", berkeley_database(rpm_headers())); }),
      R("rpm_berkeley_big_endian", [](Guest& g) { rpm_files(g, "/var/lib/rpm/Packages", berkeley_database(rpm_headers(), true)); }),
      R("rpm_without_cloud_init", [](Guest& g) { rpm_files(g, "/var/lib/rpm/Packages", berkeley_database({rpm_header("kernel", "4.18.0", "513.5.1.el8_9")})); }, "cloud-init", fail, "CloudInitNotInstalled"),
      // kernel
      S("kernel_of_no_package", [](Guest& g) { g.files.replace("/var/lib/dpkg/status", "linux-image-6.1.0-18-amd64", "linux-image-6.1.0-17-amd64"); }, "kernel", warn),
      R("kernel_of_elrepo", [](Guest& g) { rpm_files(g, "/var/lib/rpm/rpmdb.sqlite", sqlite_database({{"cloud-init", rpm_headers()[1]}, {"kernel-ml", rpm_header("kernel-ml", "4.18.0", "513.5.1.el8_9")}})); }, "kernel", warn),
      // device-names
      S("root_sda", [](Guest& g) { root(g, "/dev/sda1"); }, "device-names", fail),
      S("root_hda", [](Guest& g) { root(g, "/dev/hda1"); }, "device-names", fail),
      S("root_xvda", [](Guest& g) { root(g, "/dev/xvda1"); }, "device-names", fail),
      S("root_vda", [](Guest& g) { root(g, "/dev/vda1"); }),
      S("root_partuuid", [](Guest& g) { root(g, "PARTUUID=1234ABCD-01"); }),
      S("root_by_path", [](Guest& g) { root(g, "/dev/disk/by-path/pci-0-part1"); }, "device-names", warn),
      S("root_foreign_uuid", [](Guest& g) { root(g, "UUID=deadbeef-2222-3333-4444-555555555555"); }, "device-names", fail),
      S("resume_sda", [](Guest& g) { cmdline(g, "resume=/dev/sda2"); }, "device-names", warn),
      S("fstab_root_sda", [](Guest& g) { g.files.replace("/etc/fstab", "UUID=11111111-2222-3333-4444-555555555555 /", "/dev/sda1 /"); }, "device-names", fail),
      S("fstab_boot_by_id", [](Guest& g) { fstab(g, "/dev/disk/by-id/ata-X-part1 /boot ext4 defaults 0 0"); }, "device-names", fail),
      S("fstab_swap_sda", [](Guest& g) { g.files.replace("/etc/fstab", "UUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee none", "/dev/sda2 none"); }, "device-names", warn),
      S("fstab_other_disk", [](Guest& g) { fstab(g, "/dev/sdb1 /data ext4 defaults 0 0"); }, "device-names", fail),
      S("fstab_other_disk_nofail", [](Guest& g) { fstab(g, "/dev/sdb1 /data ext4 defaults,nofail 0 0"); }, "device-names", warn),
      S("fstab_other_uuid", [](Guest& g) { fstab(g, "UUID=deadbeef-0000-0000-0000-000000000000 /data ext4 defaults 0 0"); }, "device-names", fail),
      S("fstab_other_lvm", [](Guest& g) { fstab(g, "/dev/mapper/vg-data /data ext4 defaults 0 0"); }, "device-names", fail),
      S("fstab_noauto", [](Guest& g) { fstab(g, "/dev/sdb1 /data ext4 noauto 0 0"); }),
      S("fstab_nfs", [](Guest& g) { fstab(g, "server:/x /x nfs defaults 0 0"); }, "device-names", warn),
      S("fstab_nfs_netdev", [](Guest& g) { fstab(g, "server:/x /x nfs _netdev 0 0"); }),
      S("fstab_tmpfs", [](Guest& g) { fstab(g, "tmpfs /tmp tmpfs defaults 0 0"); }),
      S("fstab_missing", [](Guest& g) { g.files.remove("/etc/fstab"); }, "device-names", warn),
      S("fstab_damaged", [](Guest& g) { g.files.damage("/etc/fstab"); }, "device-names", unknown),
      // file-system
      S("not_clean", [](Guest& g) { remark(g, Remark::Kind::unclean); }, "file-system", warn),
      S("damaged", [](Guest& g) { remark(g, Remark::Kind::damaged); }, "file-system", warn),
      S("replayed", [](Guest& g) { remark(g, Remark::Kind::note); }),
      S("second_volume_unreadable", [](Guest& g) { g.tree.all_volumes[1].type = "luks"; g.tree.all_volumes[1].problem = "encrypted"; g.files.replace("/etc/fstab", "UUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee none swap sw 0 0\n", ""); }, "file-system", unknown),
      S("ext4_64bit_alibaba", [](Guest& g) { g.file_system(0).description.features.push_back("64bit"); }, "file-system", fail, "", "alibaba-ecs"),
      S("ext4_64bit_tencent", [](Guest& g) { g.file_system(0).description.features.push_back("64bit"); }),
      S("full_aws", [](Guest& g) { g.tree.image_info.format = "raw"; g.image_path = "d.raw"; g.file_system(0).space.blocks_available = 100; }, "file-system", fail, "", "aws-vm-import"),
      S("virtual_not_whole_mib_azure", [](Guest& g) { g.tree.image_info.format = "vhd"; g.tree.image_info.variant = "fixed"; g.image_path = "d.vhd"; g.tree.fake_disk.bytes += 512; g.files.put("/boot/config-" + kVersion, "CONFIG_HYPERV=y\nCONFIG_HYPERV_STORAGE=y\nCONFIG_HYPERV_NET=y\n"); g.files.put("/etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: [Azure]\n"); }, "image-size", fail, "", "azure"),
  };
}

class Guests : public testing::TestWithParam<Row> {};

TEST_P(Guests, GetsItsOneFinding) {
  const Row& row = GetParam();
  Guest guest = row.base();
  row.change(guest);
  const Report report = guest.report(row.policy);
  ASSERT_EQ(report.findings.size(), 11U);
  for (const Finding& item : report.findings) {
    const bool expected = item.check == row.check;
    const bool quiet = item.status == Status::pass || item.status == Status::not_applicable || item.status == Status::not_evaluated;
    if (expected) {
      EXPECT_EQ(status_name(item.status), status_name(row.status)) << report.text;
      EXPECT_EQ(item.code.value_or(""), row.code) << report.text;
    } else {
      EXPECT_TRUE(quiet) << "besides: " << item.check << "\n" << report.text;
    }
    if (item.status == Status::fail || item.status == Status::warn) {
      EXPECT_TRUE(item.fix && !item.fix->empty()) << item.check << ": " << item.summary;
    }
    if (item.status != Status::not_evaluated && item.status != Status::not_applicable) {
      EXPECT_FALSE(item.evidence.empty()) << item.check << ": " << item.summary;
    }
  }
  EXPECT_EQ(report.verdict, row.check[0] == '\0' ? "pass" : status_name(row.status));
}

INSTANTIATE_TEST_SUITE_P(Checkers, Guests, testing::ValuesIn(rows()), [](const auto& row) { return std::string(row.param.name); });

TEST(Table, HasEnoughRows) { EXPECT_GE(rows().size(), 80U); }

}  // namespace
}  // namespace imgfs::test
