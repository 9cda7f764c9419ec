#!/bin/bash
# The public NTFS images: whole ones are as ntfs-3g shows them; damaged ones are refused or read in part, with the reason
# said, and neither crash nor hang.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
need_corpus
command -v ntfs-3g >/dev/null || skip "needs ntfs-3g"
corpus=$IMGFS_SHARED/corpus
show=$IMGFS_BIN/tests/ntfs_show
compare=$IMGFS_BIN/tests/fs_compare
cd "$work" || exit 1
mkdir mnt
images=0

# compare_image NAME IMAGE: absolute links of ntfs3 (a foreign tag's worth to ntfs-3g) are left to compare_links.
compare_image() {
  local out left
  images=$((images + 1))
  ntfs-3g -o ro,streams_interface=xattr "$2" mnt || { fail "$1: ntfs-3g"; return; }
  out=$("$compare" ntfs "$2" mnt --no-owner --no-mode)
  left=$(grep -v -e '^remark:' -e ' entries, ' -e '/file0/file1: size: truth 34, ours' \
    -e '/file0/file1: link: unsupported reparse tag 0xa000000c / /tmp/syz-imagegen[0-9]*/file0/file0$' <<<"$out")
  [ -z "$left" ] || fail "$1: $left"
  echo "$1: $(tail -n 1 <<<"$out")"
  umount mnt || { sleep 1; umount mnt; }
}
# compare_part NAME IMAGE START SECTORS
compare_part() {
  local loop
  if loop=$(losetup -r -f --show -o $(($3 * 512)) --sizelimit $(($4 * 512)) "$2" 2>/dev/null); then
    compare_image "$1" "$loop"
    losetup -d "$loop"
  else
    dd if="$2" of=part bs=1M iflag=skip_bytes,count_bytes skip=$(($3 * 512)) count=$(($4 * 512)) conv=sparse status=none
    compare_image "$1" part
  fi
}

for file in "$corpus"/ColinFinck-ntfs/testfs1.img.xz "$corpus"/syzkaller/ntfs*.img.xz; do
  xz -dc "$file" >image
  compare_image "$(basename "$file" .img.xz)" image
done
zcat "$corpus/dfir_ntfs/ntfs3.raw.gz" >image
compare_image dfir_ntfs/ntfs3 image
python3 - "$corpus/dftt/7-undel-ntfs.zip" <<'PY'
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
name = next(n for n in z.namelist() if n.endswith('.dd'))
open('image', 'wb').write(z.read(name))
PY
compare_image dftt/7-undel-ntfs image
tar -xSzf "$corpus/dfir_ntfs/vss_2_stor.tar.gz" && {
  start=$(sfdisk -d vss_2_stor.raw 2>/dev/null | awk -F'[=,]' '/start=/ {print $2 + 0}' | tail -n 1)
  size=$(sfdisk -d vss_2_stor.raw 2>/dev/null | awk -F'[=,]' '/start=/ {print $4 + 0}' | tail -n 1)
  compare_part dfir_ntfs/vss_2_stor vss_2_stor.raw "$start" "$size"
}
if command -v qemu-img >/dev/null; then
  xz -dc "$corpus/osv-scalibr/valid-ext-exfat-fat32-ntfs.qcow2.xz" >image.qcow2
  qemu-img convert -O raw image.qcow2 image && compare_part osv-scalibr/p4 image 393216 129024
  xz -dc "$corpus/vmdk-rs/monolithicSparse.vmdk.xz" >image.vmdk
  qemu-img convert -O raw image.vmdk image && compare_part vmdk-rs/p1 image 128 18304
fi
# A capture of one file: 1 MiB long, its first 4096 bytes valid.
tar -xS --zstd -f "$corpus/go-ntfs/large_file_small_init.img.tar.zst" && {
  "$show" large_file_small_init.img record 46 >out || fail "large_file_small_init"
  [ "$(stat -c %s out)" = 1048576 ] || fail "large_file_small_init: size"
  tail -c +4097 out | tr -d '\0' | grep -q . && fail "large_file_small_init: not zeros behind the valid data"
  images=$((images + 1))
}

# Damaged: the reason is said. Those with a good copy of what is broken are read whole.
for file in "$corpus"/derived/corrupt-ntfs/*.xz; do
  name=$(basename "$file" .img.xz)
  xz -dc "$file" >image
  out=$(timeout 20 "$show" image walk 2>&1)
  code=$?
  images=$((images + 1))
  case $name in
    boot_bps_0 | boot_mft_far | boot_sectors_0 | boot_spc_neg | mft0_*)
      [ "$out" = "${out/7 objects, 0 failed/}" ] && fail "$name: $out"
      "$show" image remarks | grep -q 'was taken' || fail "$name: nothing said" ;;
    *) [ $code -eq 1 ] && [ -n "$out" ] || fail "$name: exit $code: $out" ;;
  esac
done
echo "$images images"
finish
