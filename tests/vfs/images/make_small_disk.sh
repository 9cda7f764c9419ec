#!/bin/bash
# Makes small_disk.img: an MBR disk of 160 KiB with /boot on p1 and a Linux root on logical p5, both
# ext2, for tests and the fuzz target vfs_tree. Needs e2fsprogs and util-linux.
set -eu
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{boot/grub,root/{etc,usr/bin,usr/lib,boot,lib/modules}}
printf 'set default=0\nmenuentry "A" {\n linux /vmlinuz root=/dev/sda5 ro\n}\n' >"$work/boot/grub/grub.cfg"
echo kernel >"$work/boot/vmlinuz"
ln -s ../../etc/passwd "$work/boot/up"
printf '/dev/sda5 / ext2 defaults 0 1\nUUID=11111111-2222-3333-4444-555555555555 /boot ext2 defaults 0 2\n' >"$work/root/etc/fstab"
echo 'ID=debian' >"$work/root/usr/lib/os-release"
ln -s /usr/lib/os-release "$work/root/etc/os-release"
ln -s usr/bin "$work/root/bin"
echo '#!' >"$work/root/usr/bin/sh"
options=(-q -F -t ext2 -b 1024 -N 32 -O '^resize_inode,^dir_index' -r 1 -E no_copy_xattrs)
export E2FSPROGS_FAKE_TIME=1600000000
mke2fs "${options[@]}" -U 11111111-2222-3333-4444-555555555555 -L boot -d "$work/boot" "$work/p1" 64
mke2fs "${options[@]}" -U 66666666-7777-8888-9999-aaaaaaaaaaaa -d "$work/root" "$work/p5" 64
truncate -s 160K "$work/disk"
printf 'label: dos\nlabel-id: 0x12345678\nunit: sectors\n8,128,83,*\n144,168,5\n152,128,83\n' |
  sfdisk -q --no-tell-kernel --force "$work/disk"
dd if="$work/p1" of="$work/disk" bs=512 seek=8 conv=notrunc status=none
dd if="$work/p5" of="$work/disk" bs=512 seek=152 conv=notrunc status=none
cp "$work/disk" "$here/small_disk.img"
