# Sourced by the oracle tests of the image formats, after tests/support/oracle.sh. Gives:
#   make_disk FILE          a raw disk with data, holes, written zeros, text, and an odd number of sectors
#   same_disk IMAGE FORMAT [OPTIONS of image_dump]   our bytes and map against qemu-img's
#   same_bytes IMAGE RAW [OPTIONS]                   our bytes against a raw file's
#   refused IMAGE WORD [OPTIONS]                     fails with one line that contains WORD
dump=$IMGFS_BIN/tests/image_dump
[ -x "$dump" ] || skip "image_dump is not built"
command -v qemu-img >/dev/null || skip "needs qemu-img"
command -v python3 >/dev/null || skip "needs python3"
compared=0

make_disk() {
  python3 - "$1" <<'PY'
import random, sys
random.seed(7)
MiB = 1 << 20
size = 13 * MiB + 3 * 512
with open(sys.argv[1], 'wb') as f:
    f.truncate(size)
    def put(offset, data):
        f.seek(offset); f.write(data)
    put(0, random.randbytes(3 * 512))
    put(65536 - 512, random.randbytes(1024))              # across a cluster's border
    put(1 * MiB, random.randbytes(MiB + 4096))
    put(3 * MiB, bytes(2 * MiB))                          # zeros that are written
    put(5 * MiB, b''.join(b'%016x' % (5 * MiB + i) for i in range(0, MiB, 16)))
    for i in range(32):                                   # single sectors, spread
        put(7 * MiB + i * 98304 + (i % 7) * 512, random.randbytes(512))
    put(11 * MiB + 512, b'a' * 70000)
    put(size - 700, random.randbytes(700))                # up to the odd end
PY
}

# Our map (image_dump --map) against `qemu-img map --output=json`: data only where QEMU has data; where
# only QEMU has it (it does not always look into holes of the host file), the bytes are zeros.
compare_maps() {
  python3 - "$@" <<'PY'
import json, sys
truth = open(sys.argv[3], 'rb')
theirs = [(r['start'], r['start'] + r['length']) for r in json.load(open(sys.argv[2])) if r['data'] and not r['zero']]
ours = [tuple(line.split()) for line in open(sys.argv[1])]
problems = []
for start, length, kind in ours:
    start, end = int(start), int(start) + int(length)
    inside = [(max(a, start), min(b, end)) for a, b in theirs if a < end and b > start]
    if kind == 'zero':
        for a, b in inside:
            truth.seek(a)
            if any(truth.read(b - a)): problems.append('data of QEMU at %d seen as zeros' % a)
    elif sum(b - a for a, b in inside) != end - start:
        problems.append('data at %d to %d where QEMU has none' % (start, end))
print('; '.join(problems[:3]))
sys.exit(bool(problems))
PY
}

same_bytes() {
  local image=$1 raw=$2
  shift 2
  "$dump" "$image" "$@" >"$work/ours.raw" || { fail "$image cannot be read"; return; }
  cmp -s "$work/ours.raw" "$raw" || fail "$image differs: $(cmp "$work/ours.raw" "$raw" 2>&1)"
  "$dump" "$image" "$@" --map >/dev/null || fail "$image: locate and read disagree"
  compared=$((compared + 1))
}

same_disk() {
  local image=$1 format=$2
  shift 2
  qemu-img convert -f "$format" -O raw "$image" "$work/theirs.raw" || { fail "qemu-img: $image"; return; }
  same_bytes "$image" "$work/theirs.raw" "$@"
  "$dump" "$image" "$@" --map >"$work/ours.map"
  qemu-img map --output=json -f "$format" "$image" >"$work/theirs.map"
  compare_maps "$work/ours.map" "$work/theirs.map" "$work/theirs.raw" >"$work/problem" ||
    fail "$image: map: $(cat "$work/problem")"
}

refused() {
  local image=$1 word=$2
  shift 2
  if "$dump" "$image" "$@" >/dev/null 2>"$work/error"; then
    fail "$image was read, a refusal with \"$word\" was expected"
  elif [ "$(wc -l <"$work/error")" -ne 1 ] || ! grep -q -- "$word" "$work/error"; then
    fail "$image: expected one line with \"$word\", got: $(head -3 "$work/error")"
  fi
  compared=$((compared + 1))
}

# The rows of the corpus whose path matches, unpacked into $work/corpus: path and what is expected.
#   corpus_files PATTERN   prints "name raw_size raw_sha256" a line, "-" where not given
corpus_files() {
  mkdir -p "$work/corpus"
  local path size sha file
  while IFS=$'\t' read -r path size sha; do
    file=$work/corpus/$(basename "$path")
    case $path in
      *.xz) file=${file%.xz}; xz -dc "$IMGFS_SHARED/corpus/$path" >"$file" ;;
      *.gz) file=${file%.gz}; gzip -dc "$IMGFS_SHARED/corpus/$path" >"$file" ;;
      *) cp "$IMGFS_SHARED/corpus/$path" "$file" ;;
    esac
    echo "$(basename "$file") ${size:--} ${sha:--}"
  done < <(awk -F'\t' -v OFS='\t' -v p="$1" '$1 ~ p {print $1, $8 == "" ? "-" : $8, $9 == "" ? "-" : $9}' \
             "$IMGFS_SHARED/corpus/MANIFEST.tsv")
}

# same_hash NAME SIZE SHA [OPTIONS]: a corpus image against the manifest.
same_hash() {
  local name=$1 size=$2 sha=$3 got
  shift 3
  got=$("$dump" "$work/corpus/$name" "$@" | tee >(wc -c >"$work/size") | sha256sum | cut -d' ' -f1)
  sync "$work/size" 2>/dev/null
  [ "$got" = "$sha" ] || fail "corpus $name: sha256 $got, the manifest says $sha (size $size)"
  compared=$((compared + 1))
}
