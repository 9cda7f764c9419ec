# VHDX against qemu-img: what it makes, and images of our own generator (4 KiB sectors, chains, dirty
# logs, which qemu-img replays in a copy).
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
. "$IMGFS_SOURCE/tests/oracle/drivers_disks.bash" || exit 1

make_disk "$work/disk.raw"
for options in dynamic,block_size=1M dynamic,block_size=2M,block_state_zero=off dynamic,block_size=32M fixed,block_size=8M \
  dynamic,log_size=4M; do
  qemu-img convert -f raw -O vhdx -o "subformat=$options" "$work/disk.raw" "$work/$options.vhdx"
  same_disk "$work/$options.vhdx" vhdx
done
qemu-img create -q -f vhdx "$work/large.vhdx" 60T && "$dump" "$work/large.vhdx" --map | grep -q '^0 65970697666560 zero$' || fail "60 TiB"

python3 "$IMGFS_SOURCE/tests/oracle/drivers_images.py" vhdx "$work" || fail "generator"
for image in plain sector-4k block-2m fixed log-one log-around log-tail log-zero log-grow log-empty; do
  same_bytes "$work/$image.vhdx" "$work/$image.raw"
done
for image in plain block-2m fixed; do same_disk "$work/$image.vhdx" vhdx; done
for image in log-one log-tail log-zero log-around log-grow; do
  "$dump" "$work/$image.vhdx" --info | grep -q 'log replayed in memory' || fail "$image: nothing is said of the log"
  sum=$(sha256sum <"$work/$image.vhdx")
  cp "$work/$image.vhdx" "$work/replayed.vhdx"
  # qemu-img does not let the file grow to the size that the log names, so it cannot follow log-grow.
  if [ $image != log-grow ]; then
    qemu-img check -q -r all -f vhdx "$work/replayed.vhdx" >/dev/null 2>&1 || fail "qemu-img does not replay $image"
    same_disk "$work/replayed.vhdx" vhdx
    cmp -s "$work/theirs.raw" "$work/$image.raw" || fail "$image: qemu-img's replay gives other bytes than ours"
  fi
  [ "$(sha256sum <"$work/$image.vhdx")" = "$sum" ] || fail "$image was written to"
done
refused "$work/log-cut.vhdx" "cut off"
for image in child grandchild; do
  same_bytes "$work/$image.vhdx" "$work/$image.raw" --backing same-dir
  refused "$work/$image.vhdx" "backing=same-dir"
done
refused "$work/wrong-parent.vhdx" "identity" --backing same-dir
refused "$work/no-parent.vhdx" "not there" --backing same-dir
refused "$work/self.vhdx" "loop" --backing same-dir

if [ -r "$IMGFS_SHARED/corpus/MANIFEST.tsv" ]; then
  while read -r name size sha; do
    [ "$sha" = - ] || same_hash "$name" "$size" "$sha"
  done < <(corpus_files 'derived/containers/.*[.]vhdx([.]xz)?$')
  corpus_files 'corrupt-containers/vhdx' >/dev/null
  refused "$work/corpus/vhdx_bat_past_eof.vhdx" "past the end"
  refused "$work/corpus/vhdx_block_size_3M.vhdx" "block size"
  refused "$work/corpus/vhdx_region_tables_bad.vhdx" "region table"
  refused "$work/corpus/vhdx_vsize_huge.vhdx" "64 TiB"
  for image in header1_bad region1_bad; do
    same_bytes "$work/corpus/vhdx_$image.vhdx" <("$dump" "$work/corpus/vhdx_dynamic_1M.vhdx")
    "$dump" "$work/corpus/vhdx_$image.vhdx" --info | grep -q '^remark 2 ' || fail "$image: nothing is said"
  done
fi
echo "$compared comparisons"
finish
