# VMDK against qemu-img: every subformat that it makes, and images of our own generator (COWD, seSparse,
# damaged directories, chains, mixed extents), which qemu-img reads as well where it can.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
. "$IMGFS_SOURCE/tests/oracle/drivers_disks.bash" || exit 1

make_disk "$work/disk.raw"
for subformat in monolithicSparse monolithicFlat twoGbMaxExtentSparse twoGbMaxExtentFlat streamOptimized; do
  for option in '' ,zeroed_grain=on; do
    case $subformat-$option in *Flat-,*) continue ;; esac
    image=$work/$subformat${option:+-z}.vmdk
    qemu-img convert -f raw -O vmdk -o subformat=$subformat$option "$work/disk.raw" "$image"
    same_disk "$image" vmdk
    "$dump" "$image" --info | grep -q "^variant $subformat$" || fail "$image: variant"
  done
done
# Extents of two GiB: data at their border.
for subformat in twoGbMaxExtentSparse twoGbMaxExtentFlat; do
  qemu-img create -q -f vmdk -o subformat=$subformat "$work/border-$subformat.vmdk" 4200M
  qemu-io -f vmdk -c 'write -P 65 2147450880 65536' -c 'write -P 66 4294934528 65536' "$work/border-$subformat.vmdk" >/dev/null
  "$dump" "$work/border-$subformat.vmdk" --map >"$work/ours.map" || fail "border of $subformat"
  qemu-img map --output=json -f vmdk "$work/border-$subformat.vmdk" >"$work/theirs.map"
  compare_maps "$work/ours.map" "$work/theirs.map" /dev/zero || fail "border of $subformat: map"
done
# A chain that qemu-img makes, the parent by its name, and a child that is larger.
qemu-img create -q -f vmdk -b monolithicSparse.vmdk -F vmdk "$work/overlay.vmdk"
qemu-io -f vmdk -c 'write -P 67 100k 70k' -c 'write -z 3M 1M' "$work/overlay.vmdk" >/dev/null
same_disk "$work/overlay.vmdk" vmdk --backing same-dir
refused "$work/overlay.vmdk" "backing=same-dir"

python3 "$IMGFS_SOURCE/tests/oracle/drivers_images.py" vmdk "$work" || fail "generator"
for image in mono zeroed grain-512 directory-damaged table-damaged directory-lost stream stream-start \
  stream-no-markers stream-64k stream-zeroed split vmfs cow cow-delta se se-big; do
  same_bytes "$work/$image.vmdk" "$work/$image.raw"
done
for image in base-000001 base-000002 top half; do
  same_bytes "$work/$image.vmdk" "$work/$image.raw" --backing same-dir
  refused "$work/$image.vmdk" "backing=same-dir"
done
# What qemu-img can read of them, it reads as we do.
for image in mono zeroed grain-512 stream stream-start stream-64k stream-zeroed vmfs cow se se-big; do
  same_disk "$work/$image.vmdk" vmdk
done
for image in base-000001 base-000002 top; do same_disk "$work/$image.vmdk" vmdk --backing same-dir; done
for image in directory-damaged directory-lost both-directories-damaged cow-delta short; do
  "$dump" "$work/$image.vmdk" --info | grep -q '^remark [12] ' || fail "$image: nothing is said"
done
refused "$work/both-directories-damaged.vmdk" "past the end"
refused "$work/text-mode.vmdk" "transferred as text"
refused "$work/cut.vmdk" "past the end"
refused "$work/stream-cut.vmdk" "cut off"
refused "$work/stream-damaged.vmdk" "damaged"
refused "$work/stream-moved.vmdk" "sector 77777"
refused "$work/stream-huge-grain.vmdk" "2147483647 bytes"
refused "$work/short.vmdk" "past the end"
refused "$work/se-sesparse.vmdk" "descriptor"
refused "$work/journal.vmdk" "journal"
refused "$work/strange.vmdk" "backing=same-dir"
refused "$work/device.vmdk" "backing=same-dir"
refused "$work/device.vmdk" "backing=any" --backing same-dir
refused "$work/rdm.vmdk" "VMFSRDM"
refused "$work/encrypted.vmdk" "encrypted"
refused "$work/wrong-cid.vmdk" "abababab" --backing same-dir
refused "$work/no-parent.vmdk" "not there" --backing same-dir
refused "$work/loop.vmdk" "loop" --backing same-dir
same_bytes "$work/strange.vmdk" "$work/vmfs.raw" --backing same-dir

if [ -r "$IMGFS_SHARED/corpus/MANIFEST.tsv" ]; then
  while read -r name size sha; do
    [ "$sha" = - ] || same_hash "$name" "$size" "$sha"
  done < <(corpus_files '(^derived/containers|^dfvfs|^vmdk-rs)/.*[.]vmdk([.]xz)?$')
  corpus_files '(corrupt-containers/vmdk|go-vmdk-parser|trivy/monolithicSparse-trunc)' >/dev/null
  same_bytes "$work/corpus/vmdk-monolith.img" <(head -c 65536 /dev/zero)
  same_hash vmdk_gt_past_eof.vmdk 10485760 "$(sha256sum <"$work/corpus/monolithicFlat-flat.vmdk" | cut -d' ' -f1)"
  refused "$work/corpus/vmdk_desc_many_extents.vmdk" "extent"
  refused "$work/corpus/vmdk_desc_traversal.vmdk" "etc/hostname"
  refused "$work/corpus/vmdk_desc_traversal.vmdk" "etc/hostname" --backing same-dir
  refused "$work/corpus/vmdk_grain_0.vmdk" "grain size"
  refused "$work/corpus/vmdk_numgte_huge.vmdk" "grain tables"
  refused "$work/corpus/vmdk_truncated.vmdk" "past the end"
  refused "$work/corpus/monolithicSparse-truncated.vmdk" ""
fi
echo "$compared comparisons"
finish
