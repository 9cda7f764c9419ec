# Contained links by the kernel's own walk: over 4,000 hostile symbolic links on ext4 and XFS, each followed
# after a chroot into the source directory (the truth) and through the mount; in the volume's directory and
# in /root. None may leave the mount.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root; need_fuse
for tool in python3 mke2fs; do command -v $tool >/dev/null || skip "needs $tool"; done
links=$IMGFS_SOURCE/tests/vfs/hostile_links.py
python3 "$links" make "$work/truth"

# check NAME IMAGE
check() {
  mkdir -p "$work/$1"
  "$IMGFS_BIN/imgfs" "$2" "$work/$1" || { fail "$1: mount"; return; }
  for place in p0 root; do
    python3 "$links" check "$work/truth" "$work/$1/$place" >"$work/log" || fail "$1: $place"
    echo "$1: $place: $(tail -1 "$work/log")"; grep -v differences "$work/log"
  done
  # Every absolute link of a tree that is walked with all links followed stays inside: find says so.
  find -L "$work/$1/p0" -maxdepth 3 -xdev -samefile /etc/passwd 2>/dev/null | grep -q . && fail "$1: reaches the host's files"
  fusermount3 -u "$work/$1"
}

mke2fs -q -F -t ext4 -d "$work/truth" "$work/ext4.img" 32M || fail "mke2fs"
check ext4 "$work/ext4.img"

# Raw links are shown as stored.
mkdir "$work/raw"
"$IMGFS_BIN/imgfs" "$work/ext4.img" "$work/raw" -o symlinks=raw || fail "mount with symlinks=raw"
different=0
while IFS= read -r -d '' path; do
  [ "$(readlink "$work/truth/$path"; echo x)" = "$(readlink "$work/raw/p0/$path"; echo x)" ] || different=$((different + 1))
done < <(cd "$work/truth" && find . -type l -name 'l*' -print0 | head -z -n 400)
[ $different -eq 0 ] || fail "$different of 400 raw links differ"
fusermount3 -u "$work/raw"

if command -v mkfs.xfs >/dev/null; then
  truncate -s 320M "$work/xfs.img"
  mkfs.xfs -q "$work/xfs.img" || fail "mkfs.xfs"
  if kernel_mount xfs "$work/xfs.img" "$work/copy" rw 2>/dev/null; then
    cp -a "$work/truth/." "$work/copy/" && umount "$work/copy"
    check xfs "$work/xfs.img"
  else
    echo "no XFS in this kernel: only ext4"
  fi
fi
finish
