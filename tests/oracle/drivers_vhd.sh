# VHD against qemu-img: every variant that it makes, its size rule by creator, and images of our own
# generator that it cannot make (differencing, old footer, damaged copies).
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
. "$IMGFS_SOURCE/tests/oracle/drivers_disks.bash" || exit 1
images=$IMGFS_SOURCE/tests/oracle/drivers_images.py

make_disk "$work/disk.raw"
for subformat in dynamic fixed; do
  for force in on off; do
    image=$work/$subformat-$force.vhd
    qemu-img convert -f raw -O vpc -o subformat=$subformat,force_size=$force "$work/disk.raw" "$image"
    same_disk "$image" vpc --format vhd
  done
done
# By its bytes alone a fixed VHD is found as well, though qemu-img takes it for raw.
"$dump" "$work/fixed-on.vhd" --info | grep -q '^variant fixed$' || fail "fixed VHD not recognised"

# An empty dynamic disk, and one at the end of the geometry's range.
qemu-img create -q -f vpc "$work/empty.vhd" 100M && same_disk "$work/empty.vhd" vpc
qemu-img create -q -f vpc -o force_size=on "$work/large.vhd" 2040G
[ "$("$dump" "$work/large.vhd" --info | sed -n 's/^virtual_size //p')" = 2190433320960 ] ||
  fail "2040 GiB: $("$dump" "$work/large.vhd" --info)"

for subformat in dynamic fixed; do qemu-img create -q -f vpc -o subformat=$subformat "$work/small-$subformat.vhd" 3M; done
# Whose size counts: every creator known to QEMU, and one that nobody knows. "wa" counts by the
# current size since QEMU 10 only.
creators=('vpc ' 'vs  ' 'qemu' 'qem2' 'win ' 'd2v ' 'tap\0' 'CTXS' 'vbox' 'zzzz')
for image in small-dynamic small-fixed; do
  python3 "$images" vhd-creators "$work/$image.vhd" "$work/$image-" "${creators[@]}" || fail "generator"
  for i in "${!creators[@]}"; do
    theirs=$(qemu-img info -f vpc --output=json "$work/$image-$i.vhd" | sed -n 's/.*"virtual-size": \([0-9]*\).*/\1/p')
    ours=$("$dump" "$work/$image-$i.vhd" --info | sed -n 's/^virtual_size //p')
    [ -n "$ours" ] && [ "$ours" = "$theirs" ] || fail "creator ${creators[i]}, $image: we say $ours, qemu-img $theirs"
    compared=$((compared + 1))
  done
done

# Images of the generator: truth is the raw disk that it writes beside each.
python3 "$images" vhd "$work" || fail "generator"
same_bytes "$work/old-footer.vhd" "$work/old-footer.raw"
same_bytes "$work/end-damaged.vhd" "$work/end-damaged.raw"
same_bytes "$work/end-missing.vhd" "$work/end-missing.raw"
same_bytes "$work/start-damaged.vhd" "$work/start-damaged.raw"
for image in end-damaged end-missing start-damaged; do
  "$dump" "$work/$image.vhd" --info | grep -q '^remark 2 ' || fail "$image: nothing is said of the damage"
done
refused "$work/both-damaged.vhd" "checksum"
refused "$work/header-damaged.vhd" "checksum"
same_bytes "$work/child.vhd" "$work/child.raw" --backing same-dir
same_bytes "$work/grandchild.vhd" "$work/grandchild.raw" --backing same-dir
same_bytes "$work/small-parent-child.vhd" "$work/small-parent-child.raw" --backing same-dir
same_bytes "$work/mac-child.vhd" "$work/child.raw" --backing same-dir
same_bytes "$work/absolute-child.vhd" "$work/child.raw" --backing same-dir
refused "$work/child.vhd" "backing=same-dir"
refused "$work/wrong-parent.vhd" "identity" --backing same-dir
refused "$work/no-parent.vhd" "not there" --backing same-dir
refused "$work/self.vhd" "loop" --backing same-dir
refused "$work/outside.vhd" "backing=any" --backing same-dir
same_bytes "$work/moved.vhd" "$work/child.raw" --backing same-dir  # named elsewhere, but it lies beside

if [ -r "$IMGFS_SHARED/corpus/MANIFEST.tsv" ]; then
  while read -r name size sha; do
    [ "$sha" = - ] || same_hash "$name" "$size" "$sha"
  done < <(corpus_files '(^derived/containers|^dfvfs)/.*[.]vhd([.]xz)?$')
  corpus_files 'corrupt-containers/vhd' >/dev/null
  refused "$work/corpus/vhd_block_size_odd.vhd" "block size"
  refused "$work/corpus/vhd_size_huge.vhd" "2040 GiB"
  same_bytes "$work/corpus/vhd_first_footer_bad.vhd" <(head -c 10485760 "$work/corpus/vhd_fixed_forcesize.vhd")
  refused "$work/corpus/fat-differential.vhd" "fat-parent.vhd"
  refused "$work/corpus/fat-differential.vhd" "not there" --backing same-dir
fi
echo "$compared comparisons"
finish
