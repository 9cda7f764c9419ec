#!/bin/bash
# Which modules an initramfs holds, compared with lsinitramfs, over archives made with cpio and each
# compressor, in the layouts of initramfs-tools, dracut and mkinitrd; and over this machine's own.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
scan=$IMGFS_BIN/tests/initramfs_scan
[ -x "$scan" ] || skip "initramfs_scan is not built"
command -v cpio >/dev/null || skip "cpio is not installed"
version=6.1.0-18-amd64
modules="virtio virtio_ring virtio_pci virtio_blk virtio_net virtio_scsi"
compared=0

# compare FILE VERSION: the same modules as lsinitramfs lists (unmkinitramfs knows no lzo here and there)
compare() {
  local names expected
  names=$(lsinitramfs "$1" 2>/dev/null) && [ -n "$names" ] || return 1
  expected=$(for m in $modules; do grep -qE "(^|/)lib/modules/$2/.*/${m//_/[-_]}\.ko(\.(xz|zst|gz))?$" <<<"$names" && echo "$m"; done | sort)
  local got
  got=$("$scan" "$1" "$2" $modules 2>"$work/err" | sort) || { fail "$1: $(cat "$work/err")"; return 0; }
  [ "$got" = "$expected" ] || fail "$1: scan says $(echo $got), lsinitramfs $(echo $expected)"
  compared=$((compared + 1))
}

# layout NAME PREFIX SUFFIX MODULE…: a tree as one of the tools makes it
layout() {
  local name=$1 prefix=$2 suffix=$3 module
  shift 3
  mkdir -p "$work/$name/$prefix/kernel/drivers" "$work/$name/bin"
  head -c 300000 /dev/urandom >"$work/$name/bin/busybox"
  printf '#!/bin/sh\n' >"$work/$name/init"
  for module; do head -c 20000 /dev/urandom >"$work/$name/$prefix/kernel/drivers/$module.ko$suffix"; done
}
layout tools "usr/lib/modules/$version" "" virtio virtio_ring virtio_pci virtio_blk virtio_net
layout dracut "usr/lib/modules/$version" .xz virtio virtio_ring virtio_pci virtio_blk
layout hostonly "lib/modules/$version" .zst vmw_pvscsi ahci
layout other "lib/modules/5.4.0-1" "" virtio virtio_ring virtio_pci virtio_blk

mkdir -p "$work/early/kernel/x86/microcode"
head -c 70000 /dev/urandom >"$work/early/kernel/x86/microcode/GenuineIntel.bin"
pack() { (cd "$work/$1" && find . | LC_ALL=C sort | cpio --quiet -o -H "${2:-newc}"); }
pack early >"$work/early.cpio"

for tree in tools dracut hostonly other; do
  for kind in none gzip bzip2 xz lzma lzop lz4 zstd; do
    case $kind in
      none) command="cat" ;;
      gzip | bzip2 | lzop) command="$kind -c" ;;
      xz) command="xz -c --check=crc32" ;;
      lzma) command="lzma -c" ;;
      lz4) command="lz4 -l -c" ;;
      zstd) command="zstd -q -c" ;;
    esac
    command -v "${command%% *}" >/dev/null || { echo "without ${command%% *}"; continue; }
    pack $tree | $command >"$work/$tree.$kind"
    cat "$work/early.cpio" "$work/$tree.$kind" >"$work/$tree.$kind.early"
    for file in "$work/$tree.$kind" "$work/$tree.$kind.early"; do
      # Also against what was put in, for a lsinitramfs that lacks a format or is not there.
      expected=$(for m in $modules; do ls "$work/$tree"/*/lib/modules/$version/kernel/drivers/$m.ko* "$work/$tree"/lib/modules/$version/kernel/drivers/$m.ko* 2>/dev/null | sed 's,.*/,,; s,\.ko.*,,'; done | sort)
      got=$("$scan" "$file" $version $modules | sort)
      [ "$got" = "$expected" ] || fail "$file: scan says $(echo $got), it holds $(echo $expected)"
      # lsinitramfs takes its time: two of the trees, with and without an early part by turns.
      case $tree.$file in
        tools.*.early | hostonly.*[!y]) command -v lsinitramfs >/dev/null && compare "$file" $version ;;
      esac
    done
  done
done

# crc archives, and one cut off: an error, not an answer.
pack tools crc >"$work/crc"
[ "$("$scan" "$work/crc" $version virtio_blk)" = virtio_blk ] || fail "crc archive"
head -c 100000 "$work/hostonly.gzip" >"$work/cut"
"$scan" "$work/cut" $version virtio_blk >/dev/null 2>&1 && fail "a cut archive must be an error"

# What this machine boots from, where it may be read.
for file in /boot/initrd.img-* /boot/initramfs-*.img; do
  [ -r "$file" ] || continue
  name=${file##*/}
  name=${name#initrd.img-} name=${name#initramfs-} name=${name%.img}
  command -v lsinitramfs >/dev/null && compare "$file" "$name"
done
command -v lsinitramfs >/dev/null || { echo "lsinitramfs is not installed: compared with what was packed only"; finish; }
echo "$compared archives compared with lsinitramfs"
[ "$compared" -ge 10 ] || fail "lsinitramfs could list only $compared archives"
finish
