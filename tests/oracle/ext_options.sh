#!/bin/bash
# ext_options.sh [NAME…]
#
# For each set of mkfs options: the kernel's own ext4 fills the image, our reader and the kernel's read-only mount
# must show the same: names, attributes, contents, holes, extended attributes, statfs. Options that this kernel
# mounts only read-only are filled by mke2fs; those that it does not mount are compared with debugfs.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
command -v mkfs.ext4 >/dev/null || skip "needs mkfs.ext4"
mkdir -p "${work:?}/m" "$work/source"

fill() {
  local d=$1 i
  mkdir -p "$d/a/b/c" "$d/many"
  echo hello >"$d/a/hello"
  ln -s hello "$d/a/fast"
  ln -s "$(printf 'x%.0s' {1..200})" "$d/a/slow"
  ln -s "$(printf 'y%.0s' {1..59})" "$d/a/longest-fast"
  mknod "$d/null" c 1 3
  mknod "$d/blk" b 259 70000
  mkfifo "$d/fifo"
  head -c 3000000 /dev/urandom >"$d/big"
  ln "$d/big" "$d/hard"
  (cd "$d/many" && seq -f 'a-file-with-a-somewhat-longer-name-%g' 1 700 | xargs touch &&
    seq -f 'a-file-with-a-somewhat-longer-name-%g' 1 3 700 | xargs rm)
  truncate -s "$SPARSE" "$d/sparse"
  echo tail >>"$d/sparse"
  dd if=/dev/urandom of="$d/sparse" bs=4k count=1 seek=1000 conv=notrunc status=none
  fallocate -l 1M "$d/unwritten" 2>/dev/null || truncate -s 1M "$d/unwritten"
  dd if=/dev/urandom of="$d/unwritten" bs=4k count=3 seek=20 conv=notrunc status=none
  # Fragments: every other block, so that the tree gets a level.
  for ((i = 0; i < FRAGMENTS; i++)); do printf '%06d' $i; done >"$work/data"
  awk -v n="$FRAGMENTS" -v f="$d/fragments" 'BEGIN {
    for (i = 0; i < n; i++) printf "pwrite -q -S %d %d 100\n", i % 256, i * 8192 }' >"$work/commands"
  xfs_io -f "$d/fragments" <"$work/commands" >/dev/null
  touch -d '1950-01-02 03:04:05.123456789' "$d/old"
  touch -d '2200-01-02 03:04:05.987654321' "$d/new"
  touch "$d/$(printf 'n%.0s' {1..255})" "$d/"$'ctrl\n\x01\xff\xfe' "$d/ümläut"
  chown 100000:70000 "$d/old"
  chmod 6755 "$d/old"
  setfattr -n user.foo -v bar "$d/big" 2>/dev/null
  setfattr -n user.large -v "$(head -c 450 /dev/urandom | base64 -w0)" "$d/big" 2>/dev/null
  setfattr -n user.huge -v "$(head -c 9000 /dev/urandom | base64 -w0)" "$d/a/hello" 2>/dev/null
  setfattr -n trusted.t -v 1 "$d/a" 2>/dev/null
  setfattr -n user.empty "$d/a" 2>/dev/null
  setfacl -m u:1234:rwx,g:9:r "$d/big" 2>/dev/null
  setfacl -d -m g:77:rx "$d/a" 2>/dev/null
}
SPARSE=5G FRAGMENTS=${FRAGMENTS:-500}

# name|mkfs options|size
rows=(
  "default||200M" "2k|-b 2048|100M" "4k|-b 4096|200M" "ext2|-t ext2|100M" "ext3|-t ext3|100M"
  "no_extents|-O ^extents,^64bit|100M" "bigalloc|-O bigalloc -C 16384|200M" "inline|-O inline_data -b 4096|100M"
  "inline_1k_inodes|-O inline_data,ea_inode -I 1024 -b 4096|100M" "meta_bg|-O meta_bg,^resize_inode -b 1024|200M"
  "no_64bit|-O ^64bit|100M" "no_csum|-O ^metadata_csum|100M" "uninit_bg|-O ^metadata_csum,uninit_bg|100M"
  "sparse_super2|-O sparse_super2|100M" "inodes_128|-I 128|100M" "no_filetype|-O ^filetype|100M"
  "large_dir|-O large_dir|100M" "ea_inode|-O ea_inode|100M" "mmp|-O mmp|100M" "orphan_file|-O orphan_file|100M"
  "fast_commit|-O fast_commit|100M" "stable_inodes|-O stable_inodes|100M" "encrypt|-O encrypt|100M"
  "no_journal|-O ^has_journal|100M" "no_dir_index|-O ^dir_index|100M" "verity|-O verity|100M"
  "csum_seed|-O metadata_csum_seed|100M" "quota|-O quota,project|100M"
)

one() {
  local name=$1 options=$2 size=$3 image=$work/image out
  rm -f "$image"
  truncate -s "$size" "$image"
  # shellcheck disable=SC2086
  mkfs.ext4 -q -F $options "$image" 2>/dev/null || { fail "$name: mkfs $options"; return; }
  if mount -t ext4 -o loop "$image" "$work/m" 2>/dev/null; then
    fill "$work/m"
    umount "$work/m"
  else
    [ -e "$work/source/big" ] || SPARSE=20M FRAGMENTS=20 fill "$work/source"
    # shellcheck disable=SC2086
    mkfs.ext4 -q -F $options -d "$work/source" "$image" 2>/dev/null || { fail "$name: mkfs -d"; return; }
  fi
  kernel_mount ext4 "$image" "$work/m" ro,noatime || { fail "$name: mount"; return; }
  out=$("$IMGFS_BIN/tests/fs_compare" ext "$image" "$work/m") || fail "$name ($options): $out"
  umount "$work/m"
  entries=$((entries + $(echo "$out" | sed -n 's/ entries,.*//p')))
}

# Not mounted by kernels without the feature: contents against debugfs.
one_debugfs() {
  local name=$1 options=$2 image=$work/image
  rm -f "$image"
  truncate -s 200M "$image"
  [ -e "$work/source/big" ] || SPARSE=20M FRAGMENTS=20 fill "$work/source"
  # shellcheck disable=SC2086
  mkfs.ext4 -q -F $options -d "$work/source" "$image" 2>/dev/null || { fail "$name: mkfs"; return; }
  rm -rf "$work/dump"
  mkdir "$work/dump"
  debugfs -R "rdump / $work/dump" "$image" >/dev/null 2>&1
  out=$("$IMGFS_BIN/tests/fs_compare" ext "$image" "$work/dump" --no-owner --no-blocks --no-inode --no-nlink \
    --no-dirsize --no-mode | grep -vE ': (atime|mtime|ctime): truth|xattrs: |entries, ')
  # debugfs makes no devices and follows no odd names.
  out=$(echo "$out" | grep -vE '/(null|blk|fifo|big|hard|ctrl.*): |^$|hello: xattrs')
  [ -z "$out" ] || fail "$name: $out"
}

entries=0
if [ $# -gt 0 ]; then
  wanted=" $* "
elif [ -n "${ALL:-}" ]; then
  wanted=
else
  # A third of them in an ordinary run, the rest by name or with ALL=1.
  wanted=" default ext2 bigalloc inline meta_bg uninit_bg inodes_128 ea_inode quota casefold "
fi
for row in "${rows[@]}"; do
  IFS='|' read -r name options size <<<"$row"
  if [ -n "$wanted" ] && [[ $wanted != *" $name "* ]]; then continue; fi
  one "$name" "$options" "$size"
done
for row in "casefold|-O casefold" "64k|-b 65536"; do
  IFS='|' read -r name options <<<"$row"
  if [ -n "$wanted" ] && [[ $wanted != *" $name "* ]]; then continue; fi
  one_debugfs "$name" "$options"
done
echo "$entries entries compared with the kernel"
finish
