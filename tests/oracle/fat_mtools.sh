# FAT12, FAT16 and FAT32 made by mkfs.fat and filled by mtools: names, times, sizes and contents as mtools
# lists and copies them out; label, serial number and free space as blkid and minfo have them.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
for tool in mkfs.fat mcopy mdir mmd minfo blkid fsck.fat; do command -v $tool > /dev/null || skip "needs $tool"; done
export LC_ALL=C.UTF-8 TZ=UTC MTOOLS_SKIP_CHECK=1
dump=$IMGFS_BIN/tests/fat_dump
volumes=0 entries=0

# The tree that is copied in: names and sizes of every kind, times in winter and summer, of even seconds.
source=$work/source
mkdir -p "$source/EFI/BOOT" "$source/empty" "$source/many" "$source/Ünïcödé 根 🐧"
head -c 100000 /dev/urandom > "$source/EFI/BOOT/BOOTX64.EFI"
head -c 1 /dev/urandom > "$source/one"; : > "$source/nothing"; head -c 4096 /dev/urandom > "$source/exactly one page.bin"
for name in 'lower.txt' 'UPPER.TXT' 'Mixed.Txt' 'lower2.TXT' 'UPPER2.txt' 'two.dots.tar.gz' ' leading' 'with spaces and more than 26 characters.text' \
  'Café' 'ПРИВЕТ.txt' '日本語のファイル名.txt' 'a+b,c;d=e[f].x' "$(printf 'n%.0s' $(seq 200))"; do
  printf '%s' "$name" > "$source/$name"; printf '%s' "$name" > "$source/Ünïcödé 根 🐧/$name"
done
for i in $(seq 150); do echo "$i" > "$source/many/a file with number $i"; done
i=0
find "$source" -mindepth 1 -depth | sort -r | while read -r path; do
  touch -d "@$((400000000 + i * 7777778 / 2 * 2))" "$path"; i=$((i + 1))
done

# mtools_list IMAGE: "size date time path" of every entry, by mdir
mtools_list() {
  mdir -/ -a -i "$1" :: 2> "$work/err" | python3 -c '
import re, sys
directory = None
for line in sys.stdin.read().split("\n"):
    m = re.match(r"Directory for ::/(.*)$", line)
    if m: directory = m.group(1).rstrip("/"); continue
    m = re.match(r"(.{8}) (.{3})\s+(<DIR>|\d+)\s+(\d+-\d+-\d+)\s+(\d+):(\d+)(?:\s{1,2}(.*))?$", line)
    if not m or directory is None: continue
    base, ext, size, date, hour, minute, long = m.groups()
    name = long if long else base.rstrip() + ("." + ext.rstrip() if ext.strip() else "")
    if name in (".", ".."): continue
    print("%s %s %02d:%02d %s" % ("d" if size == "<DIR>" else int(size), date, int(hour), int(minute), (directory + "/" if directory else "") + name))' | sort
}
# compare NAME
compare() {
  rm -rf "$work/theirs" "$work/ours"; mkdir "$work/theirs" "$work/ours"
  "$dump" "$work/image" 0 "$work/ours" > "$work/dump" || { fail "$1: $(cat "$work/dump")"; return; }
  grep '^error' "$work/dump" && fail "$1: errors"
  mcopy -s -n -m -i "$work/image" :: "$work/theirs" > "$work/log" 2>&1 || { fail "$1: mcopy"; head -3 "$work/log"; }
  diff -r "$work/theirs" "$work/ours" > "$work/difference" || { fail "$1: contents"; head -10 "$work/difference"; }
  # Files' times to the second, as mcopy keeps them
  (cd "$work/theirs" && find . -type f -printf '%s %T@ %p\n' | sort) > "$work/a"
  (cd "$work/ours" && find . -type f -printf '%s %T@ %p\n' | sort) > "$work/b"
  diff "$work/a" "$work/b" > "$work/difference" || { fail "$1: times"; head -10 "$work/difference"; }
  # Files and directories as mdir lists them
  mtools_list "$work/image" > "$work/a"
  grep -P '^[df]\t' "$work/dump" | python3 -c '
import sys, time
for line in sys.stdin:
    kind, mode, size, links, seconds, blocks, path = line.rstrip("\n").split("\t")
    if path: print("%s %s %s" % ("d" if kind == "d" else size, time.strftime("%Y-%m-%d %H:%M", time.gmtime(int(seconds))), path))' | sort > "$work/b"
  diff "$work/a" "$work/b" > "$work/difference" || { fail "$1: listing"; head -10 "$work/difference"; }
  IFS='|' read -r _ type label uuid block blocks free < <(grep ^info "$work/dump" | tr '\t' '|')
  [ "$(blkid -p -s LABEL -s UUID -s TYPE -o value "$work/image" | sort | xargs -d '\n')" = "$(printf '%s\n' $type "$label" $uuid | grep . | sort | xargs -d '\n')" ] ||
    fail "$1: blkid says $(blkid -p "$work/image"), ours $label $uuid"
  # fsck.fat counts clusters: "N files, USED/ALL clusters"
  fsck.fat -n "$work/image" 2> "$work/err" | grep -oE '[0-9]+/[0-9]+ clusters' > "$work/log"
  [ "$(cat "$work/log")" = "$((blocks - free))/$blocks clusters" ] || fail "$1: clusters: fsck.fat $(cat "$work/log"), ours $((blocks - free))/$blocks"
  volumes=$((volumes + 1)); entries=$((entries + $(wc -l < "$work/b")))
}
# mcopy's exit code also tells of names that it changed; what counts is that all is there.
fill() {
  mcopy -s -m -n -i "$work/image" "$source"/* :: > "$work/log" 2>&1
  [ "$(mtools_list "$work/image" | wc -l)" -eq "$(find "$source" -mindepth 1 | wc -l)" ] || { fail "$1: mcopy in"; head -3 "$work/log"; }
}

while read -r size options; do
  rm -f "$work/image"
  mkfs.fat -n 'Test VOL' --codepage=437 $options -C "$work/image" $((size * 1024)) > "$work/log" 2>&1 || { fail "mkfs.fat $options"; cat "$work/log"; continue; }
  fill "$options"
  compare "$size MiB, $options"
done <<'ROWS'
3 -F 12
8 -F 12 -s 8
30 -F 12 -s 64 -S 512
20 -F 16
20 -F 16 -s 4 -R 8 -f 1
64 -F 16 -S 1024 -s 2
40 -F 32
300 -F 32
80 -F 16 -s 1 -S 2048
40 -F 32 -s 1 -a
ROWS

# Fragmented: every second file deleted, then large ones written into the holes
rm -f "$work/image"; mkfs.fat -F 32 -s 1 -C "$work/image" 40960 > "$work/log"; mmd -i "$work/image" ::d
for i in $(seq 120); do head -c $((i % 7 * 700 + 1)) /dev/urandom > "$work/f$i"; done
(cd "$work" && mcopy -i image f[0-9]* ::d) > "$work/log" 2>&1
for i in $(seq 1 2 120); do echo "::d/f$i"; done | xargs mdel -i "$work/image"
head -c 3000000 /dev/urandom > "$work/large"; head -c 50000 /dev/urandom > "$work/small"
mcopy -i "$work/image" "$work/large" "$work/small" ::d; mcopy -i "$work/image" "$work/small" ::d/again
mattrib -i "$work/image" +r ::d/small; mattrib -i "$work/image" +h +s ::d/again
compare fragmented
grep -qP '^f\t555\t.*\td/small$' "$work/dump" || fail "a read-only file has not the mode 555"
grep -qP '^f\t755\t.*\td/again$' "$work/dump" || fail "a hidden file has not the mode 755"
echo "$volumes volumes, $entries entries"
finish
