# /root equal, entry by entry, to the kernel's own mounts laid over each other: an MBR disk with logical
# partitions, and CentOS's layout (GPT, ESP, XFS /boot, LVM root on XFS, swap).
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root; need_fuse
for tool in mke2fs sfdisk sgdisk mkfs.vfat mkfs.xfs mcopy losetup lvcreate; do
  command -v $tool >/dev/null || skip "needs $tool"
done

# list DIRECTORY: every entry with its attributes; of the ESP, whose truth mtools copied out, names and sizes.
list() {
  (cd "$1" && find . -path ./boot/efi -prune -o -printf '%P|%y|%m|%U|%G|%n|%s|%b|%T@|%l\n' | LC_ALL=C sort
   find boot/efi -type d -printf '%P|%y\n' -o -printf '%P|%y|%s\n' | LC_ALL=C sort)
}
contents() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum); }
# compare NAME TRUTH SHOWN
compare() {
  list "$2" >"$work/truth.list"; list "$3" >"$work/shown.list"
  contents "$2" >"$work/truth.sums"; contents "$3" >"$work/shown.sums"
  cmp -s "$work/truth.list" "$work/shown.list" || { fail "$1: entries"; diff "$work/truth.list" "$work/shown.list" | head -20; }
  cmp -s "$work/truth.sums" "$work/shown.sums" || { fail "$1: contents"; diff "$work/truth.sums" "$work/shown.sums" | head -20; }
  # One st_dev and no number twice: nothing looks like a hard link or a loop that is none.
  local twice
  twice=$(cd "$3" && find . \( -type d -o -links 1 \) -printf '%i\n' | sort | uniq -d | wc -l)
  [ "$twice" -eq 0 ] || fail "$1: $twice inode numbers are shown twice"
  echo "$1: $(wc -l <"$work/truth.list") entries, $(wc -l <"$work/truth.sums") files compared"
}

# root_tree DIRECTORY FSTAB: a small Linux root
root_tree() {
  mkdir -p "$1"/{etc,usr/bin,usr/lib/modules/5.10,boot/efi,var/log,tmp,home/user,empty}
  printf '%s\n' "$2" >"$1/etc/fstab"
  echo ID=test >"$1/usr/lib/os-release"
  ln -s ../usr/lib/os-release "$1/etc/os-release"
  ln -s usr/bin "$1/bin"
  for i in $(seq 300); do echo "$i" >"$1/home/user/file $i"; done
  head -c 300000 /dev/urandom >"$1/usr/bin/tool"
  ln "$1/usr/bin/tool" "$1/usr/bin/tool2"
  truncate -s 5M "$1/home/user/sparse"; echo end >>"$1/home/user/sparse"
  echo hidden >"$1/boot/hidden"
  mknod "$1/tmp/null" c 1 3; mkfifo "$1/tmp/fifo"; chmod 1777 "$1/tmp"; chown 1000:1000 "$1/home/user"
}
boot_tree() {
  mkdir -p "$1"/{efi,grub2,loader/entries}
  head -c 700000 /dev/urandom >"$1/vmlinuz-5.10"
  ln -s vmlinuz-5.10 "$1/vmlinuz"
  echo 'set default=0' >"$1/grub2/grub.cfg"
}

mbr() {
  root_tree "$work/mbr-root" "/dev/sda5 / ext4 defaults 0 1
LABEL=logs /var/log ext2 defaults 0 2
UUID=0c0d0e0f-1111-2222-3333-444444444444 /boot ext4 defaults 0 2
/dev/disk/by-uuid/0c0d0e0f-aaaa-bbbb-cccc-444444444444 /var ext4 defaults 0 2
/dev/cdrom /media/cdrom iso9660 ro,noauto 0 0
UUID=ffffffff-1111-2222-3333-444444444444 none swap sw 0 0"
  boot_tree "$work/mbr-boot"; mkdir -p "$work/mbr-var"/{log,lib} "$work/mbr-logs/old"
  echo 1 >"$work/mbr-var/log/hidden"; echo 2 >"$work/mbr-var/lib/state"; echo 3 >"$work/mbr-logs/messages"
  truncate -s 120M "$work/mbr.img"
  printf 'label: dos\nunit: sectors\n2048,40960,83,*\n45056,,5\n47104,81920,83\n131072,20480,83\n153600,16384,83\n' |
    sfdisk -q --no-tell-kernel "$work/mbr.img" || fail "sfdisk"
  # part NAME START SECTORS TYPE OPTIONS…
  part() {
    local name=$1 start=$2 sectors=$3 type=$4; shift 4
    mke2fs -q -F -t "$type" "$@" -d "$work/mbr-$name" "$work/mbr-$name.img" $((sectors / 2))K || fail "mke2fs $name"
    dd if="$work/mbr-$name.img" of="$work/mbr.img" bs=512 seek="$start" conv=notrunc,sparse status=none
  }
  part boot 2048 40960 ext4 -U 0c0d0e0f-1111-2222-3333-444444444444
  part root 47104 81920 ext4
  part var 131072 20480 ext4 -U 0c0d0e0f-aaaa-bbbb-cccc-444444444444
  part logs 153600 16384 ext2 -L logs
  kernel_mount ext4 "$work/mbr-root.img" "$work/mbr-truth" ro || skip "the kernel cannot mount ext4"
  kernel_mount ext4 "$work/mbr-boot.img" "$work/mbr-truth/boot" ro
  kernel_mount ext4 "$work/mbr-var.img" "$work/mbr-truth/var" ro
  kernel_mount ext2 "$work/mbr-logs.img" "$work/mbr-truth/var/log" ro
  mkdir "$work/mbr"; "$IMGFS_BIN/imgfs" "$work/mbr.img" "$work/mbr" || fail "mbr: mount"
  compare "MBR with logical partitions" "$work/mbr-truth" "$work/mbr/root"
  [ "$(ls "$work/mbr")" = "$(printf 'p1\np5\np6\np7\nroot')" ] || fail "mbr: directories: $(ls "$work/mbr")"
  cmp "$work/mbr-root.img" "$work/mbr/.raw/p5" || fail "mbr: .raw/p5"
  unmount_all
}

lvm_() {
  local command=$1; shift
  LVM_SYSTEM_DIR=$work/etc LVM_SUPPRESS_FD_WARNINGS=1 "$command" --driverloaded n --config "devices { use_devicesfile=0
    scan=[\"/dev\"] global_filter=[\"a|^$loop\$|\",\"r|.*|\"] } global { locking_type=1 use_lvmpolld=0 }
    activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }" "$@"
}
# fill_xfs IMAGE DIRECTORY OPTIONS…
fill_xfs() {
  local image=$1 directory=$2; shift 2
  truncate -s 304M "$image"; mkfs.xfs -q "$@" "$image" || { fail "mkfs.xfs"; return; }
  kernel_mount xfs "$image" "$work/fill" rw || skip "the kernel cannot mount XFS"
  cp -a "$directory/." "$work/fill/"; umount "$work/fill"
}

centos() {
  boot_tree "$work/c-boot"
  root_tree "$work/c-root" "/dev/mapper/cl-root / xfs defaults 0 0
UUID=12121212-3434-5656-7878-9a9a9a9a9a9a /boot xfs defaults 0 0
UUID=ABCD-EF01 /boot/efi vfat umask=0077,shortname=winnt 0 2
/dev/mapper/cl-swap none swap defaults 0 0"
  fill_xfs "$work/c-boot.img" "$work/c-boot" -m uuid=12121212-3434-5656-7878-9a9a9a9a9a9a
  fill_xfs "$work/c-root.img" "$work/c-root"
  truncate -s 40M "$work/c-efi.img"; mkfs.vfat -F 32 -i ABCDEF01 "$work/c-efi.img" >/dev/null || fail "mkfs.vfat"
  mkdir -p "$work/c-efi/EFI/centos"; head -c 90000 /dev/urandom >"$work/c-efi/EFI/centos/shimx64.efi"
  echo x >"$work/c-efi/EFI/centos/a long name with BIG letters.cfg"
  mcopy -s -m -i "$work/c-efi.img" "$work/c-efi/EFI" :: || fail "mcopy"
  truncate -s 760M "$work/c.img"
  sgdisk -n 1:2048:+40M -t 1:ef00 -n 2:0:+304M -t 2:8300 -n 3:0:0 -t 3:8e00 "$work/c.img" >/dev/null || fail "sgdisk"
  start() { sgdisk -i "$1" "$work/c.img" | awk '/First sector/ {print $3}'; }
  dd if="$work/c-efi.img" of="$work/c.img" bs=1M seek=$(($(start 1) * 512)) oflag=seek_bytes conv=notrunc,sparse status=none
  dd if="$work/c-boot.img" of="$work/c.img" bs=1M seek=$(($(start 2) * 512)) oflag=seek_bytes conv=notrunc,sparse status=none
  mkdir -p "$work/etc"
  local physical=$(($(start 3) * 512)) first
  loop=$(losetup -f --show -o $physical "$work/c.img") || { fail "losetup"; return; }
  { lvm_ pvcreate -q "$loop" && lvm_ vgcreate -q cl "$loop" && lvm_ lvcreate -q -an -Zn -Wn -L 16M -n swap cl &&
    lvm_ lvcreate -q -an -Zn -Wn -L 304M -n root cl; } >"$work/log" 2>&1 || { fail "lvm"; cat "$work/log"; }
  first=$(lvm_ pvs --noheadings --units b --nosuffix -o pe_start "$loop" 2>/dev/null)
  losetup -d "$loop"
  # swap has the first 4 extents of 4 MiB, root those behind it.
  dd if="$work/c-root.img" of="$work/c.img" bs=1M seek=$((physical + first + 16 * 1048576)) oflag=seek_bytes conv=notrunc,sparse status=none
  truncate -s 16M "$work/c-swap.img"; mkswap -q "$work/c-swap.img"
  dd if="$work/c-swap.img" of="$work/c.img" bs=1M seek=$((physical + first)) oflag=seek_bytes conv=notrunc,sparse status=none
  kernel_mount xfs "$work/c-root.img" "$work/c-truth" ro,norecovery
  kernel_mount xfs "$work/c-boot.img" "$work/c-truth/boot" ro,norecovery,nouuid
  mkdir "$work/c-efi-out"; mcopy -s -m -i "$work/c-efi.img" ::EFI "$work/c-efi-out" || fail "mcopy out"
  mount --bind "$work/c-efi-out" "$work/c-truth/boot/efi"
  mkdir "$work/c"; "$IMGFS_BIN/imgfs" "$work/c.img" "$work/c" || fail "centos: mount"
  compare "CentOS's layout" "$work/c-truth" "$work/c/root"
  [ "$(ls "$work/c")" = "$(printf 'cl-root\np1\np2\nroot')" ] || fail "centos: directories: $(ls "$work/c")"
  unmount_all
}

mbr
centos
finish
