#!/bin/bash
# Volumes made by mkntfs and filled through ntfs-3g, for several sizes of sectors and clusters: names, attributes,
# contents, links and streams are as ntfs-3g shows them read-only.
# Arguments: names in the large directory (default 2000), then shapes as SECTOR:CLUSTER.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
command -v mkntfs >/dev/null && command -v ntfs-3g >/dev/null || skip "needs mkntfs and ntfs-3g"
command -v python3 >/dev/null || skip "needs python3"
show=$IMGFS_BIN/tests/ntfs_show
names=${1:-2000}
shift
shapes=("$@")
[ ${#shapes[@]} -gt 0 ] || shapes=(512:4096 512:512 4096:4096 512:65536)
image=$work/image
mnt=$work/mnt
mkdir "$mnt"

unmount() {
  for _ in $(seq 100); do
    umount "$mnt" 2>/dev/null && return
    sleep 0.1
  done
  fail "cannot unmount"
}
# What has no listing: asked for by name, on both sides.
compare_system_attributes() {
  local file name truth ours
  while read -r file name truth; do
    ours=$("$show" "$image" attribute "$file" "system.ntfs_$name" 2>/dev/null)
    [ "$truth" = "$ours" ] || fail "$shape $file system.ntfs_$name: truth $truth, ours $ours"
  done < <(python3 - "$mnt" <<'PY'
import os, sys
for file in 'sizes/0 sizes/7 sizes/8 sizes/100 sizes/500 sizes/700 links/short links/a readonly streams/lots sparse/tera'.split():
    for name in 'attrib attrib_be times times_be crtime crtime_be acl object_id dos_name ea reparse_data'.split():
        try: value = os.getxattr(os.path.join(sys.argv[1], file), 'system.ntfs_' + name, follow_symlinks=False).hex()
        except OSError as e: value = f'errno {e.errno}'
        print(file, name, value)
PY
  )
}
# A sparse file of 1 TiB, at places only: ntfs-3g knows no SEEK_DATA.
compare_tera() {
  local at
  for at in 0 12340 1073741800 1073747800 500000000000 1099511627770; do
    cmp -s <(dd if="$mnt/sparse/tera" iflag=skip_bytes,count_bytes skip=$at count=10000 status=none) \
      <("$show" "$image" cat sparse/tera $at 10000) || fail "$shape sparse/tera at $at"
  done
}
compare_usage() {
  local truth ours
  truth=$(stat -f -c '%S %b %f %a %c %d %l' "$mnt")
  ours=$("$show" "$image" usage)
  [ "$truth" = "${ours% }" ] || fail "$shape statfs: truth $truth, ours $ours"
}

for shape in "${shapes[@]}"; do
  sector=${shape%:*} cluster=${shape#*:}
  # Sparse files and small files take a cluster each: room for them.
  size=$((cluster <= 4096 ? 400 : cluster <= 65536 ? 2000 : 20000))
  size=$((size + names / 500))
  rm -f "$image"
  truncate -s ${size}M "$image"
  mkntfs -F -q -Q -s "$sector" -c "$cluster" -p 0 -H 255 -S 63 "$image" >/dev/null 2>&1 || { fail "$shape mkntfs"; continue; }
  ntfs-3g -o streams_interface=xattr,compression "$image" "$mnt" || { fail "$shape ntfs-3g"; continue; }
  python3 "$IMGFS_SOURCE/tests/oracle/ntfs_fill.py" "$mnt" "$names" $([ "$cluster" -gt 4096 ] && echo plain) || fail "$shape fill"
  unmount
  # A stream too large for an attribute is an error (ntfs-3g says E2BIG, we EFBIG), never cut off.
  ntfs-3g -o streams_interface=windows "$image" "$mnt"
  head -c 70000 /dev/urandom >"$mnt/large:stream"
  unmount
  ntfs-3g -o ro,streams_interface=xattr "$image" "$mnt"
  result=$("$IMGFS_BIN/tests/fs_compare" ntfs "$image" "$mnt" --no-owner --no-mode --skip tera --skip large) || fail "$shape"
  echo "$shape: $result"
  compare_system_attributes
  [ "$("$show" "$image" attribute large user.stream 2>/dev/null)" = "errno 27" ] || fail "$shape: stream too large"
  compare_tera
  compare_usage
  unmount
done
finish
