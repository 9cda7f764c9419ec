# VDI against qemu-img and against images of our own generator.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
. "$IMGFS_SOURCE/tests/oracle/drivers_disks.bash" || exit 1

make_disk "$work/disk.raw"
for static in off on; do
  qemu-img convert -f raw -O vdi -o static=$static "$work/disk.raw" "$work/qemu-$static.vdi"
  same_disk "$work/qemu-$static.vdi" vdi
done
qemu-img create -q -f vdi "$work/empty.vdi" 3G && "$dump" "$work/empty.vdi" --map | grep -q '^0 3221225472 zero$' || fail "empty VDI"

python3 "$IMGFS_SOURCE/tests/oracle/drivers_images.py" vdi "$work" || fail "generator"
for image in dynamic shuffled static discarded gap extra block-64k odd-size; do
  same_bytes "$work/$image.vdi" "$work/$image.raw"
done
for image in dynamic shuffled static discarded gap odd-size; do same_disk "$work/$image.vdi" vdi; done
refused "$work/differencing.vdi" "differencing VDI.*00000000-0000-0000-0000-000000abcdef"
refused "$work/undo.vdi" "undo"
refused "$work/version-7.vdi" "version 7.0"
refused "$work/block-3m.vdi" "power of two"
refused "$work/past-end.vdi" "past the end"
refused "$work/huge.vdi" "entries"
refused "$work/huge-table.vdi" "entries\|past the end"

if [ -r "$IMGFS_SHARED/corpus/MANIFEST.tsv" ]; then
  while read -r name size sha; do same_hash "$name" "$size" "$sha"; done < <(corpus_files '[.]vdi([.]xz)?$')
fi
echo "$compared comparisons"
finish
