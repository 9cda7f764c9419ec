#!/bin/bash
# Every QCOW2 that qemu-img can make from one disk: the bytes equal `qemu-img convert -O raw`, and data
# is seen only where `qemu-img map` sees it. Argument: size of the disk in MiB (default 10).
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
command -v qemu-img >/dev/null && command -v qemu-io >/dev/null || skip "needs qemu-img and qemu-io"
command -v python3 >/dev/null || skip "needs python3"
dump=$IMGFS_BIN/tests/image_dump
mib=${1:-10}
cd "$work" || exit 1

# Data, text, holes and written zeros of many lengths; an odd number of sectors.
cat >make_disk.py <<'PY'
import random, sys
name, size, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)
with open(name, 'wb') as f:
    f.truncate(size)
    at = 0
    while at < size:
        kind = r.randrange(6)
        n = min(r.choice([512, 4096, 5000, 65536, 70000, 131072, 300000, 1 << 20]), size - at)
        f.seek(at)
        if kind == 0: f.write(r.randbytes(n))
        elif kind == 1: f.write((b'all work and no play, line %d. ' % at * (n // 28 + 1))[:n])
        elif kind == 2: f.write(bytes(n))
        elif kind == 3: f.write(b'\xa5' * n)
        at += n
PY
# Ours (image_dump --map) against `qemu-img map`: never data where QEMU has none; and where QEMU has
# data we have it, too, or the host file has a hole there (then image_dump has proven it zero).
cat >compare_maps.py <<'PY'
import json, sys
ours = [(int(a), int(b), k) for a, b, k in (line.split() for line in open(sys.argv[1]))]
theirs = json.load(open(sys.argv[2]))
size = ours[-1][0] + ours[-1][1] if ours else 0
data = [(e['start'], e['start'] + e['length']) for e in theirs if e['data'] and not e['zero']]
bad = 0
i = 0
for start, length, kind in ours:
    if kind == 'zero': continue
    end = start + length
    at = start
    while at < end:
        while i < len(data) and data[i][1] <= at: i += 1
        if i == len(data) or data[i][0] > at:
            bad += 1
            print('data at', at, 'where QEMU has none')
            break
        at = min(end, data[i][1])
mine = sum(l for _, l, k in ours if k != 'zero')
qemu = sum(min(e, size) - s for s, e in data if s < size)
print('data bytes: ours', mine, 'QEMU', qemu)
if len(sys.argv) > 3 and mine != qemu: bad += 1; print('not the same amount of data')
sys.exit(bad != 0)
PY

# check NAME IMAGE [same] [image_dump options…]: with "same", the amount of data must be QEMU's.
images=0
check() {
  local name=$1 image=$2 same=$3
  shift 3
  images=$((images + 1))
  qemu-img convert -O raw "$image" truth.raw || { fail "$name: qemu-img cannot convert"; return; }
  "$dump" "$image" "$@" >ours.raw || { fail "$name: cannot read"; return; }
  cmp ours.raw truth.raw || fail "$name: bytes differ"
  "$dump" "$image" "$@" --map >ours.map || fail "$name: map"
  qemu-img map --output=json "$image" >truth.map
  python3 compare_maps.py ours.map truth.map $same >map.out || { cat map.out; fail "$name: maps differ"; }
  [ "$("$dump" "$image" "$@" --threads 4 | sort -u | wc -l)" = 1 ] || fail "$name: threads read different bytes"
}
has() { "$dump" "$1" "${@:3}" --info | grep -q "$2" || fail "$1: no '$2' in --info"; }
refused() { # IMAGE TEXT [options]
  local text
  text=$("$dump" "$1" "${@:3}" 2>&1 >/dev/null) && fail "$1: was opened"
  [ "$(printf '%s\n' "$text" | wc -l)" = 1 ] || fail "$1: not one line: $text"
  grep -q -- "$2" <<<"$text" || fail "$1: '$text' does not say '$2'"
}

python3 make_disk.py disk.raw $((mib * 1048576 + 1536)) 1
python3 make_disk.py other.raw $((mib * 700000 / 512 * 512)) 2

make() { # NAME same|"" OPTIONS
  local name=$1 same=$2
  shift 2
  qemu-img convert -O qcow2 "$@" disk.raw "$name.qcow2" || { echo "qemu-img cannot make $name"; return; }
  check "$name" "$name.qcow2" "$same"
}
make v2 same -o compat=0.10
make v3 same
for bits in 512 1k 2k 4k 8k 16k 32k 128k 256k 512k 1M 2M; do make "cluster-$bits" same -o cluster_size=$bits; done
for type in zlib zstd; do
  for bits in 512 4k 64k 2M; do make "$type-$bits" same -c -o compression_type=$type,cluster_size=$bits; done
  make "$type-extended" "" -c -o compression_type=$type,extended_l2=on
done
for bits in 16k 64k 128k 2M; do make "extended-$bits" same -o extended_l2=on,cluster_size=$bits; done
for kind in metadata falloc full; do make "preallocated-$kind" "" -o preallocation=$kind; done
make lazy same -o lazy_refcounts=on
for bits in 1 2 8 64; do make "refcount-$bits" same -o refcount_bits=$bits; done
make no-sparse "" -S 0
make compressed-v2 same -c -o compat=0.10
has zstd-64k.qcow2 'variant v3, zstd$'
has v2.qcow2 'variant v2$'
rm -f cluster-*.qcow2 preallocated-*.qcow2 refcount-*.qcow2

# Zero clusters of both kinds (plain, and over allocated ones), discarded clusters, mixed with others.
for options in compat=1.1 extended_l2=on compression_type=zstd cluster_size=4k; do
  qemu-img convert -c -O qcow2 -o $options disk.raw zero.qcow2
  qemu-io -f qcow2 -c 'write -z 1M 3M' -c 'write -P 7 2M 64k' -c 'write -z -u 2080k 8k' -c 'write -P 9 5000k 3k' \
    -c 'discard 8M 1M' -c 'write -z 9M 200k' -c 'write -P 1 9345024 512' zero.qcow2 >/dev/null
  check "zero, $options" zero.qcow2 ""
done
qemu-img create -q -f qcow2 empty.qcow2 1T
[ "$(timeout 10 "$dump" empty.qcow2 --map)" = "0 1099511627776 zero" ] || fail "an empty disk of 1 TiB has data"

# Chains: overlay longer and shorter than its base; raw, QCOW2, VHD and VMDK below; three levels.
base_of() { # NAME FORMAT OVERLAY-SIZE BASE
  qemu-img create -q -f qcow2 -b "$4" -F "$2" overlay.qcow2 "$3" || { fail "$1: create"; return; }
  qemu-io -f qcow2 -c 'write -P 3 64k 100k' -c 'write -z 300k 256k' -c 'write -P 4 1500k 1k' overlay.qcow2 >/dev/null
  check "$1" overlay.qcow2 "" --backing same-dir
}
base_of "longer overlay on raw" raw $((mib * 2))M disk.raw
base_of "shorter overlay on raw" raw 3M disk.raw
base_of "overlay on zstd" qcow2 $((mib + 1))M zstd-64k.qcow2
base_of "overlay on extended L2" qcow2 $((mib + 1))M extended-64k.qcow2
qemu-img create -q -f qcow2 -o extended_l2=on -b v3.qcow2 -F qcow2 middle.qcow2
qemu-io -f qcow2 -c 'write -P 5 100k 3k' -c 'write -z 4M 70k' -c 'write -z 200k 2k' middle.qcow2 >/dev/null
base_of "three levels, subclusters in the middle" qcow2 $((mib * 2))M middle.qcow2
has overlay.qcow2 'backing middle.qcow2' --backing same-dir
has overlay.qcow2 'backing v3.qcow2' --backing same-dir
refused overlay.qcow2 "backing=same-dir"
mkdir -p below && cp v2.qcow2 below/base.qcow2 && qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 below/middle.qcow2
base_of "base in a directory below" qcow2 5M below/middle.qcow2

# The gate.
outside=$(mktemp -d "${TMPDIR:-/tmp}/imgfs-outside.XXXXXX")
cp v2.qcow2 "$outside/secret.qcow2"
ln -s "$outside/secret.qcow2" link.qcow2
ln -s "$outside" linked
for name in "$outside/secret.qcow2" "../$(basename "$outside")/secret.qcow2" link.qcow2 linked/secret.qcow2; do
  qemu-img create -q -u -f qcow2 -b "$name" -F qcow2 escape.qcow2 1M
  refused escape.qcow2 "backing=same-dir"
  refused escape.qcow2 "backing=any" --backing same-dir
  "$dump" escape.qcow2 --backing any >/dev/null || fail "backing=any does not open $name"
done
rm -rf "$outside"
qemu-img create -q -u -f qcow2 -b "$work/v3.qcow2" -F qcow2 absolute.qcow2 1M
check "absolute name beside the image" absolute.qcow2 "" --backing same-dir
for name in nbd://localhost/x 'json:{"driver":"file","filename":"v3.qcow2"}' ssh://h/x http://h/x; do
  qemu-img create -q -u -f qcow2 -b "$name" -F raw escape.qcow2 1M
  refused escape.qcow2 "never opened" --backing any
done
qemu-img create -q -u -f qcow2 -b self.qcow2 -F qcow2 escape.qcow2 1M && mv escape.qcow2 self.qcow2
refused self.qcow2 "loop" --backing same-dir
qemu-img create -q -u -f qcow2 -b loop2.qcow2 -F qcow2 loop1.qcow2 1M
qemu-img create -q -u -f qcow2 -b loop1.qcow2 -F qcow2 loop2.qcow2 1M
refused loop1.qcow2 "loop" --backing any
qemu-img create -q -f raw deep0 1M
for i in $(seq 1 20); do qemu-img create -q -u -f qcow2 -b deep$((i - 1)) -F "$([ "$i" = 1 ] && echo raw || echo qcow2)" "deep$i" 1M; done
refused deep20 "16 images" --backing same-dir
check "chain of 16" deep15 "" --backing same-dir
qemu-img create -q -u -f qcow2 -b absent.qcow2 -F qcow2 escape.qcow2 1M
refused escape.qcow2 "absent.qcow2" --backing same-dir

# External data files.
for raw in on off; do
  rm -f data.bin
  qemu-img create -q -f qcow2 -o data_file=data.bin,data_file_raw=$raw external.qcow2 "$(stat -c %s disk.raw)"
  qemu-img convert -n -O qcow2 disk.raw external.qcow2 || fail "external data file, raw $raw: convert"
  check "external data file, raw $raw" external.qcow2 "" --backing same-dir
  refused external.qcow2 "data.bin.*backing=same-dir"
done

# Internal snapshots: the active state is read, the names are told.
cp v3.qcow2 snapshots.qcow2
qemu-img snapshot -c first snapshots.qcow2
qemu-io -f qcow2 -c 'write -P 77 0 3M' snapshots.qcow2 >/dev/null
qemu-img snapshot -c 'second one' snapshots.qcow2
qemu-io -f qcow2 -c 'write -P 78 1M 3M' snapshots.qcow2 >/dev/null
check snapshots snapshots.qcow2 ""
has snapshots.qcow2 'snapshot first$'
has snapshots.qcow2 'snapshot second one$'

# Encrypted images are refused for that reason.
qemu-img create -q -f qcow2 --object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 luks.qcow2 1M &&
  refused luks.qcow2 "encrypted.*LUKS"
qemu-img create -q -f qcow2 --object secret,id=s,data=abc -o encrypt.format=aes,encrypt.key-secret=s aes.qcow2 1M 2>/dev/null &&
  refused aes.qcow2 "encrypted.*AES"

# A file that was cut off: said at open; what is there is read, what is missing is an error.
for image in v3 zstd-64k; do
  size=$(stat -c %s $image.qcow2)
  head -c $((size / 2)) $image.qcow2 >cut.qcow2
  has cut.qcow2 "remark 2 the file is cut off"
  "$dump" cut.qcow2 >cut.raw 2>cut.err && fail "$image cut off: read without an error"
  grep -q "cut off" cut.err || fail "$image cut off: $(cat cut.err)"
  [ -s cut.raw ] && cmp -n "$(stat -c %s cut.raw)" cut.raw disk.raw || fail "$image cut off: the rest differs"
  "$dump" cut.qcow2 --map >/dev/null || fail "$image cut off: no map"
done

# Dirty and corrupt bits are remarks.
cp v3.qcow2 bits.qcow2 && printf '\003' | dd of=bits.qcow2 bs=1 seek=79 conv=notrunc status=none
has bits.qcow2 "marked dirty"
has bits.qcow2 "marked corrupt"
printf '\200' | dd of=bits.qcow2 bs=1 seek=72 conv=notrunc status=none
refused bits.qcow2 "bit 63"
echo "$images images"
finish
