#!/bin/bash
# Files compressed as Windows does (WOF): made with wimlib's compressors, written through ntfs-3g as reparse point and
# stream WofCompressedData. All four formats come back byte for byte, at any offset. Argument: MiB of the large file.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
command -v mkntfs >/dev/null && command -v ntfs-3g >/dev/null || skip "needs mkntfs and ntfs-3g"
command -v python3 >/dev/null || skip "needs python3"
show=$IMGFS_BIN/tests/ntfs_show
mib=${1:-5}
cd "$work" || exit 1
mkdir mnt in
python3 - "$mib" <<'PY'
import random, sys
r = random.Random(3)
words = [bytes(r.choices(range(97, 123), k=r.randint(2, 9))) for _ in range(500)]
def text(size): return b' '.join(r.choices(words, k=size // 4 + 1))[:size]
def write(name, content): open('in/' + name, 'wb').write(content)
for size in [1, 100, 4095, 4096, 4097, 8192, 16384, 16385, 32768, 32769, 100000, 262144]: write(f'text{size}', text(size))
write('zeros', bytes(300000))
write('noise', r.randbytes(200000))
# Programs' jumps are translated by LZX.
code = b''.join(b'\xe8' + r.randrange(1 << 24).to_bytes(4, 'little') + r.choice(words) for _ in range(20000))
write('code', code)
write('mixed', b''.join(text(r.randrange(50000)) + r.randbytes(r.randrange(50000)) + bytes(r.randrange(50000)) for _ in range(20)))
write('large', text(int(sys.argv[1]) << 20))
PY
truncate -s 200M image
mkntfs -F -q -Q image >/dev/null 2>&1
ntfs-3g -o streams_interface=windows image mnt || skip "ntfs-3g does not mount"
for format in 0 1 2 3; do
  mkdir mnt/$format
  for file in in/*; do
    name=$(basename "$file")
    "$show" - compress $format "$file" stream || fail "compress $name"
    : >"mnt/$format/$name"
    cat stream >"mnt/$format/$name:WofCompressedData"
    truncate -s "$(stat -c %s "$file")" "mnt/$format/$name"
    setfattr -h -n system.ntfs_reparse_data -v "0x17000080100000000100000002000000010000000${format}000000" \
      "mnt/$format/$name" || fail "reparse point of $name"
  done
done
umount mnt
for format in 0 1 2 3; do
  for file in in/*; do
    name=$(basename "$file")
    "$show" image cat "$format/$name" >out || fail "format $format, $name: cannot be read"
    cmp "$file" out || fail "format $format, $name"
  done
  # Random places, most of them across the border of two chunks.
  for _ in $(seq 25); do
    at=$((RANDOM * 32768 % (mib << 20) + RANDOM - 16384)) length=$((RANDOM * 3 + 1))
    [ $at -ge 0 ] || continue
    cmp <(tail -c +$((at + 1)) in/large | head -c $length) <("$show" image cat $format/large $at $length) ||
      fail "format $format at $at, $length bytes"
  done
done
echo "$(ls in | wc -l) files in 4 formats"
finish
