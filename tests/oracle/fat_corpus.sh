# FAT volumes of the public corpus: names, modes, sizes, links, times and contents as Linux's vfat gave them.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_corpus
corpus=$IMGFS_SHARED/corpus

truth() { case $1 in *.xz) xzcat "$1";; *) cat "$1";; esac; }
unpack() { # FILE TARGET
  case $1 in
    *.xz) xzcat "$1" > "$2";;
    *.gz) gzip -dc "$1" > "$2";;
    *.zip) python3 - "$1" "$2" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    name = max(z.infolist(), key=lambda i: i.file_size)
    open(sys.argv[2], 'wb').write(z.read(name))
PY
    ;;
    *) cp "$1" "$2";;
  esac
}

images=0 entries=0
for list in "$corpus"/*/TRUTH.tsv "$corpus"/*/TRUTH.tsv.xz; do
  [ -r "$list" ] || continue
  for name in $(truth "$list" | awk -F'\t' '($3 == "vfat" || $3 == "msdos") && $2 == "" {print $1}' | sort -u); do
    case $name in *.qcow2*|*.vhd*|*.vmdk*|*.E01) continue;; esac
    [ -r "$corpus/$name" ] || continue
    rm -rf "$work/out"; mkdir "$work/out"
    unpack "$corpus/$name" "$work/image"
    "$IMGFS_BIN/tests/fat_dump" "$work/image" 0 "$work/out" > "$work/dump"
    # type mode size nlink mtime path
    truth "$list" | awk -F'\t' -v n="$name" '$1 == n && ($3 == "vfat" || $3 == "msdos") {split($10, t, "."); print $4 "\t" $5 "\t" $8 "\t" $9 "\t" t[1] "\t" $11}' | LC_ALL=C sort > "$work/a"
    awk -F'\t' '$1 == "d" || $1 == "f" {print $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $7} $1 == "error"' "$work/dump" | LC_ALL=C sort > "$work/b"
    truth "$list" | awk -F'\t' -v n="$name" '$1 == n && ($3 == "vfat" || $3 == "msdos") && $13 != "-" && $13 != "" {print $13 "  ./" $11}' | LC_ALL=C sort > "$work/sa"
    (cd "$work/out" && find . -type f -print0 | xargs -0 -r sha256sum) | LC_ALL=C sort > "$work/sb"
    diff "$work/a" "$work/b" > "$work/difference" || { fail "$name: attributes"; head -10 "$work/difference"; }
    diff "$work/sa" "$work/sb" > "$work/difference" || { fail "$name: contents"; head -10 "$work/difference"; }
    images=$((images + 1)); entries=$((entries + $(wc -l < "$work/a")))
  done
done
echo "$images images, $entries entries"
[ "$images" -ge 20 ] || fail "only $images images were found"
finish
