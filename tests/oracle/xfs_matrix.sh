#!/bin/bash
# xfs_matrix.sh [ROWS|all] [SCALE]: file systems that mkfs.xfs makes with different options, filled by the
# kernel with every on-disk shape, read by us and by the kernel: no differences. By default only a few rows.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
command -v mkfs.xfs >/dev/null && command -v python3 >/dev/null || skip "needs mkfs.xfs and python3"
grep -qw xfs /proc/filesystems || modprobe xfs 2>/dev/null || skip "the kernel has no XFS"
rows=${1:-4}
scale=${2:-1}

# options of mkfs.xfs, those that show most first
table='-b size=1024 -n size=4096 -i size=512 -m rmapbt=1
-b size=4096 -m bigtime=0,inobtcount=0 -i nrext64=0
-b size=2048 -n size=65536 -i size=1024 -d agcount=7
-s size=4096 -b size=4096 -n size=16384 -m reflink=0,rmapbt=1
-b size=4096
-b size=1024 -n size=32768
-b size=1024 -i size=512 -m finobt=0,inobtcount=0 -n size=8192
-b size=2048 -i size=512 -m reflink=1,rmapbt=1
-b size=4096 -n size=4096 -i size=1024,sparse=0
-b size=4096 -n size=8192 -i size=2048
-b size=4096 -n size=32768 -i nrext64=1
-b size=4096 -n size=65536 -m bigtime=1
-b size=4096 -d agcount=16 -l size=64m -m rmapbt=1,finobt=1
-b size=4096 -d su=64k,sw=4 -l su=64k
-b size=4096 -s size=4096 -l size=64m
-b size=1024 -i size=512,maxpct=5,nrext64=1 -m bigtime=0
-b size=4096 -m uuid=11111111-2222-3333-4444-555555555555 -L a_label
-b size=4096 -i attr=2,projid32bit=1 -m reflink=0,bigtime=0,inobtcount=0,finobt=0
-b size=2048 -n size=4096 -s size=2048
-b size=512 -m crc=0 -n size=4096 -i size=256
-b size=4096 -m crc=0 -n ftype=0 -i attr=1
-b size=4096 -m crc=0,finobt=0 -n ftype=1 -i size=1024'

# How deep the kernel has made the map of its most fragmented file: blocks from the inode to an extent.
depth() {  # IMAGE FILE
  local level
  level=$(xfs_db -r -c "inode $(stat -c %i "$2")" -c 'p u3.bmbt.level' "$1" 2>/dev/null) || return 0
  echo "forest: $(find "$2" -printf '%b') sectors, btree level ${level##* }"
}

run_row() {  # OPTIONS
  local options=$1 image=$work/image directory=$work/mnt report
  truncate -s 2G "$image"
  # Unquoted: several words.
  if ! mkfs.xfs -q -f $options "$image" 2>"$work/mkfs.err"; then
    echo "not made: $options: $(head -1 "$work/mkfs.err")"; return
  fi
  mkdir -p "$directory"
  if ! mount -o loop "$image" "$directory" 2>/dev/null; then echo "the kernel does not mount: $options"; rm "$image"; return; fi
  python3 "$IMGFS_SOURCE/tests/oracle/tools/xfs_fill.py" "$directory" --scale "$scale" || fail "fill: $options"
  umount "$directory"
  if ! kernel_mount xfs "$image" "$directory" ro,norecovery; then fail "mount: $options"; rm "$image"; return; fi
  report=$("$IMGFS_BIN/tests/fs_compare" xfs "$image" "$directory" 2>&1) || fail "$options: $report"
  [ "$("$IMGFS_BIN/tests/xfs_list" "$image" --usage)" = "$(stat -f -c '%S %b %f %a %c %d' "$directory")" ] ||
    fail "$options: statfs: truth $(stat -f -c '%S %b %f %a %c %d' "$directory"), ours $("$IMGFS_BIN/tests/xfs_list" "$image" --usage)"
  case $report in *remark:*) fail "$options: a remark on a clean file system: $report" ;; esac
  echo "$options: $(tail -1 <<<"$report"), $(depth "$image" "$directory/files/forest")"
  made=$((made + 1))
  umount "$directory"
  rm "$image"
}

made=0
[ "$rows" = all ] && rows=1000
while read -r options; do run_row "$options"; done < <(head -n "$rows" <<<"$table")
[ "$made" -gt 0 ] || fail "no row was compared"
finish
