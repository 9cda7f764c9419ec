#!/bin/bash
# The public XFS images (versions 4 and 5, attr1 and attr2, with and without ftype), compared with the
# kernel where it mounts them and with the recorded truth of another kernel; and broken ones, which must
# fail with an error and in no other way.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_corpus
command -v python3 >/dev/null || skip "needs python3"
compare=$IMGFS_BIN/tests/fs_compare

unpack() {  # FILE
  case $1 in
    *.xz) xz -dc "$1" | dd of="$work/image" bs=1M conv=sparse status=none ;;
    *.zst) zstd -dcq "$1" | dd of="$work/image" bs=1M conv=sparse status=none ;;
  esac
}
sparse_size() { truncate -s "$1" "$work/image"; }

compared=0 broken=0
for file in "$IMGFS_SHARED"/corpus/syzkaller/xfs_*.img.xz "$IMGFS_SHARED"/corpus/xfuse/xfs*.img.zst; do
  [ -r "$file" ] || continue
  name=${file#"$IMGFS_SHARED"/corpus/}
  rm -f "$work/image"; unpack "$file"
  truncate -s %512 "$work/image"
  if [ "$(id -u)" -eq 0 ] && kernel_mount xfs "$work/image" "$work/mnt" ro,norecovery 2>/dev/null; then
    report=$("$compare" xfs "$work/image" "$work/mnt" --no-recovery 2>&1) || fail "$name: $report"
    umount "$work/mnt"
    compared=$((compared + 1))
  fi
  report=$(python3 "$IMGFS_SOURCE/tests/oracle/tools/xfs_truth.py" "$IMGFS_BIN/tests/xfs_list" "$work/image" \
           "$IMGFS_SHARED/corpus" "$name" 2>&1) || fail "$name: $report"
  echo "$name: $(tail -1 <<<"$report")"
done
for file in "$IMGFS_SHARED"/corpus/derived/corrupt-xfs/*.img.xz; do
  [ -r "$file" ] || continue
  rm -f "$work/image"; unpack "$file"
  timeout 20 "$IMGFS_BIN/tests/xfs_list" "$work/image" >"$work/out" 2>&1
  code=$?
  # 0: all read, 1: errors for some objects, 2: not opened.
  [ "$code" -le 2 ] || fail "$(basename "$file"): exit $code"
  [ "$code" -ne 0 ] || case $file in *agf_magic*) ;; *) fail "$(basename "$file"): nothing noticed" ;; esac
  broken=$((broken + 1))
done
echo "$compared images compared with the kernel, $broken broken ones refused"
[ "$broken" -gt 0 ] || fail "no broken image was found"
finish
