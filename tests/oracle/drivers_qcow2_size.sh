#!/bin/bash
# The size after conversion to QCOW2: exact within 1 % of what `qemu-img convert` makes; the bound not
# above `qemu-img measure` by more than 1 %, equal within 1 % where the image file has no holes inside
# its clusters (which QEMU does not look for), and never below the exact one.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
command -v qemu-img >/dev/null || skip "needs qemu-img"
dump=$IMGFS_BIN/tests/image_dump
cd "$work" || exit 1

within() { # NAME OURS TRUTH
  local difference=$(($2 > $3 ? $2 - $3 : $3 - $2))
  [ $((difference * 100)) -le "$3" ] || fail "$1: ours $2, QEMU $3"
}
compare() { # NAME IMAGE
  local ours bound exact measured
  ours=$("$dump" "$2" --size) || { fail "$1: no size"; return; }
  bound=$(awk '/bound/ {print $2}' <<<"$ours")
  exact=$(awk '/exact/ {print $2}' <<<"$ours")
  qemu-img convert -O qcow2 "$2" converted.qcow2
  within "$1, exact" "$exact" "$(stat -c %s converted.qcow2)"
  measured=$(qemu-img measure -O qcow2 "$2" | awk '/required/ {print $3}')
  [[ $1 == *2M* ]] && [ "$bound" -lt "$measured" ] || within "$1, bound" "$bound" "$measured"
  [ "$bound" -ge "$exact" ] || fail "$1: bound $bound below exact $exact"
  rm -f converted.qcow2
}

head -c 20000000 /dev/urandom >random
truncate -s 64M disk.raw
dd if=random of=disk.raw bs=1M seek=3 conv=notrunc status=none
dd if=random of=disk.raw bs=1k seek=40001 count=9000 conv=notrunc status=none
dd if=/dev/zero of=disk.raw bs=1M seek=52 count=8 conv=notrunc status=none  # zeros that are no hole
compare "sparse raw" disk.raw
for options in "-S 0" "-c" "-o cluster_size=4k" "-o cluster_size=2M" "-o extended_l2=on" "-o preallocation=metadata"; do
  qemu-img convert -O qcow2 $options disk.raw image.qcow2
  compare "QCOW2 $options" image.qcow2
done
truncate -s 3G large.raw  # several L2 tables and two refcount blocks
for at in 100 600 1500 2900; do dd if=random of=large.raw bs=1M seek=$at conv=notrunc status=none; done
compare "3 GiB" large.raw
cp random full.raw && truncate -s 19M full.raw
compare "without a hole" full.raw
finish
