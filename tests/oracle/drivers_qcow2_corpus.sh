#!/bin/bash
# QCOW2 images of other projects: the bytes have the sum that the corpus gives for them; the broken
# ones are refused, or read as far as they are whole.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_corpus
corpus=$IMGFS_SHARED/corpus
dump=$IMGFS_BIN/tests/image_dump

# Unpacked into one directory, so that chains find their files.
place() { # PATH in the corpus: the unpacked file's name
  local name
  name=$(basename "$1" .xz)
  case $1 in
    *.xz) xz -dc "$corpus/$1" >"$work/$name" ;;
    *) cp "$corpus/$1" "$work/$name" && chmod u+w "$work/$name" ;;
  esac
  echo "$work/$name"
}
place derived/containers/chain_base.raw.xz >/dev/null
place derived/containers/chain_mid.qcow2 >/dev/null
place derived/containers/qcow2_extdata.raw.xz >/dev/null

images=0
while IFS=$'\t' read -r path sum; do
  [ "$path" = derived/containers/qcow2_extdata.raw.xz ] && continue
  image=$(place "$path")
  images=$((images + 1))
  got=$("$dump" "$image" --backing same-dir 2>&1 | sha256sum | cut -d' ' -f1)
  [ "$got" = "$sum" ] || fail "$path: other bytes"
done < <(awk -F'\t' '$5 ~ /^container\/qcow2/ && length($9) == 64 {print $1 "\t" $9}' "$corpus/MANIFEST.tsv")
[ "$images" -ge 8 ] || fail "only $images images with a known sum"

refused() { # NAME TEXT
  local image text
  image=$(place "derived/corrupt-containers/$1.xz")
  text=$(timeout 10 "$dump" "$image" 2>&1 >/dev/null) && fail "$1: opened and read"
  grep -q -- "$2" <<<"$text" || fail "$1: '$text' does not say '$2'"
  images=$((images + 1))
}
refused qcow2_backing_abs_host.qcow2 "backing=same-dir"
refused qcow2_backing_self.qcow2 "backing=same-dir"
refused qcow2_cluster_bits_31.qcow2 "2^31"
refused qcow2_ext_len_huge.qcow2 "header extension"
refused qcow2_l1_past_eof.qcow2 "past the file's end"
refused qcow2_l1_unaligned.qcow2 "not at a cluster"
refused qcow2_size_huge.qcow2 "L1 table"
refused qcow2_version_9.qcow2 "version 9"
refused qcow2_data_past_eof.qcow2 "cut off"
image=$(place derived/corrupt-containers/qcow2_backing_self.qcow2.xz)
"$dump" "$image" --backing any 2>&1 >/dev/null | grep -q loop || fail "an image that is its own backing file"
image=$(place derived/corrupt-containers/qcow2_corrupt_bit.qcow2.xz)
"$dump" "$image" --info | grep -q "marked corrupt" || fail "the corrupt bit is not told"
image=$(place derived/containers/qcow1.qcow.xz)
"$dump" "$image" 2>&1 | grep -q "QCOW version 1" || fail "QCOW version 1 is not named"
image=$(place osv-scalibr/invalid.qcow2)
"$dump" "$image" 2>&1 | grep -q "not a disk image" || fail "35 bytes of text are a disk"
echo "$images images"
finish
