# A hostile ext2: names that no path can hold, one name twice, directories listed in several places and in
# cycles. Every entry is there and opens under its own code, and the tree is finite for find and tar.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
for tool in mke2fs debugfs python3; do command -v $tool >/dev/null || skip "needs $tool"; done
mkdir -p "$work"/truth/{names,a/home/deep,b}
for name in slashXname dotQ dotdotQQ dupl1 dupl2 .bad-name.61; do echo "content of $name" >"$work/truth/names/$name"; done
echo deep >"$work/truth/a/home/deep/file"
mke2fs -q -F -t ext2 -b 1024 -O '^dir_index,^resize_inode' -d "$work/truth" "$work/image" 1M || fail "mke2fs"
debugfs -w -f - "$work/image" >/dev/null 2>&1 <<'EOC' || fail "debugfs"
link a/home b/elsewhere
link a/home a/again
link a a/home/up
link / a/home/deep/root
EOC
python3 - "$work/image" <<'PY' || fail "patch"
import struct, sys
data = bytearray(open(sys.argv[1], 'rb').read())
def rename(old, new):  # in its directory entry: name_len, then the bytes
    at = data.index(bytes([len(old), 1]) + old)
    data[at:at + 1] = bytes([len(new)])
    data[at + 2:at + 2 + len(old)] = new + bytes(len(old) - len(new))
rename(b'slashXname', b'slash/name'); rename(b'dotQ', b'.'); rename(b'dotdotQQ', b'..'); rename(b'dupl2', b'dupl1')
open(sys.argv[1], 'wb').write(data)
PY
mkdir "$work/m"; "$IMGFS_BIN/imgfs" "$work/image" "$work/m" || { fail "mount"; finish; }
cd "$work/m/p0"
[ "$(ls -A names | wc -l)" = 6 ] || fail "names: $(ls -A names)"
[ "$(ls -A names | sort -u | wc -l)" = 6 ] || fail "a name is shown twice"
cat names/* names/.bad* 2>/dev/null | sort -u >"$work/seen"; cat "$work"/truth/names/* "$work"/truth/names/.bad* | sort -u >"$work/all"
cmp -s "$work/seen" "$work/all" || { fail "contents of names"; diff "$work/all" "$work/seen"; }
[ "$(cat "names/.bad-name.736c6173682f6e616d65")" = "content of slashXname" ] || fail "slash/name"
[ "$(cat names/.bad-name.2e)" = "content of dotQ" ] || fail "'.'"
[ "$(cat names/.bad-name.2e6261642d6e616d652e3631)" = "content of .bad-name.61" ] || fail "a name like a code"
[ "$(cat a/home/deep/file)" = deep ] || fail "the real path"
for path in b/elsewhere a/again a/home/up a/home/deep/root; do
  stat "$path" 2>&1 | grep -q 'Input/output error' || fail "$path can be entered"
  ls "$(dirname "$path")" 2>/dev/null | grep -qx "$(basename "$path")" || fail "$path is not listed"
done
[ "$(timeout 20 find . -name file 2>/dev/null | wc -l)" = 1 ] || fail "find sees more than one file"
[ "$(timeout 20 tar cf - . 2>/dev/null | tar tf - | grep -c '/file$')" = 1 ] || fail "tar sees more than one file"
cd / && fusermount3 -u "$work/m"
finish
