# What the mount looks like from outside: flags, writes, report=off, statfs, 100 mounts, many readers.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
need_root
image=$work/disk.img
truncate -s 40M "$image"
echo 'label: dos
2048,+,83' | sfdisk -q "$image"
mke2fs -q -F -t ext4 -E offset=1048576 "$image" 38000k
mkdir "$work/k"
mount -o loop,offset=1048576 "$image" "$work/k"
head -c 3000000 /dev/urandom >"$work/k/file"
ln -s /etc/passwd "$work/k/link"
printf '#!/bin/sh\necho run\n' >"$work/k/program"
chmod 755 "$work/k/program"
umount "$work/k"

flags() { findmnt -no OPTIONS "$work/mnt"; }
product_mount "$image" "$work/mnt" allow_other || fail "does not mount"
for flag in ro nosuid nodev noexec default_permissions allow_other; do
  flags | tr , '\n' | grep -qx "$flag" || fail "$flag is missing: $(flags)"
done
[ "$(findmnt -no FSTYPE,SOURCE "$work/mnt" | tr -s ' ')" = "fuse.imgfs $image" ] || fail "type or source: $(findmnt -n "$work/mnt")"
for attempt in 'touch MNT/p1/new' 'rm -f MNT/p1/file' 'mkdir MNT/p1/d' 'chmod 600 MNT/p1/file' 'sh -c "echo x >MNT/p1/file"' 'ln -s a MNT/x' 'setfattr -n user.x -v y MNT/p1/file' 'mv MNT/p1/file MNT/p1/g'; do
  eval "${attempt//MNT/$work/mnt}" 2>"$work/err" && fail "$attempt is not refused"
  grep -qi 'read-only file system' "$work/err" || fail "$attempt: $(cat "$work/err")"
done
[ "$(readlink "$work/mnt/p1/link")" = etc/passwd ] || fail "contained link: $(readlink "$work/mnt/p1/link")"
[ "$(stat -f -c '%s %b' "$work/mnt/p1")" != "$(stat -f -c '%s %b' "$work/mnt")" ] || fail "statfs is the tree's, not the file system's"
cmp "$image" "$work/mnt/.raw/disk" || fail ".raw/disk differs"
cmp <(tail -c +1048577 "$image" | head -c "$(stat -c %s "$work/mnt/.raw/p1")") "$work/mnt/.raw/p1" || fail ".raw/p1 differs"
umount "$work/mnt"

product_mount "$image" "$work/mnt" symlinks=raw,report=off,exec || fail "does not mount"
[ "$(readlink "$work/mnt/p1/link")" = /etc/passwd ] || fail "raw link"
[ ! -e "$work/mnt/.import-report" ] || fail "report=off"
[ "$("$work/mnt/p1/program")" = run ] || fail "exec"
umount "$work/mnt"

# fstab's way
if [ -x /sbin/mount.fuse3 ]; then
  # mount(8) would look for the installed program; its helper is what it calls.
  PATH=$IMGFS_BIN:$PATH /sbin/mount.fuse3 "imgfs#$image" "$work/mnt" -o symlinks=raw,ro,nofail && ls "$work/mnt/p1" >/dev/null || fail "mount -t fuse.imgfs"
  umount "$work/mnt"
fi

# 200 readers at once, also of the report
product_mount "$image" "$work/mnt" || fail "does not mount"
sum=$(md5sum <"$work/mnt/p1/file")
for i in $(seq 100); do
  { [ "$(md5sum <"$work/mnt/p1/file")" = "$sum" ] || echo bad; } >>"$work/readers" &
  { cat "$work/mnt/.import-report" | md5sum; } >>"$work/reports" &
done
wait
[ ! -s "$work/readers" ] || fail "a reader got other bytes"
[ "$(wc -l <"$work/reports")" = 100 ] && [ "$(sort -u "$work/reports" | wc -l)" = 1 ] || fail "reports differ: $(sort "$work/reports" | uniq -c)"
umount "$work/mnt"

# many mounts at once
for i in $(seq 30); do product_mount "$image" "$work/many/$i" & done
wait
for i in $(seq 30); do cmp -s "$work/many/1/p1/file" "$work/many/$i/p1/file" || fail "mount $i"; done
for i in $(seq 30); do umount "$work/many/$i"; done

# The image cut off under the mount: an error, never zeros; the rest is still there.
cp "$image" "$work/cut.img"
product_mount "$work/cut.img" "$work/mnt" || fail "does not mount"
ls "$work/mnt/p1" >/dev/null
truncate -s 2M "$work/cut.img"
cat "$work/mnt/p1/file" >"$work/read" 2>"$work/err" && fail "a file that was cut off is read without an error"
grep -qi 'input/output' "$work/err" || fail "cut off: $(cat "$work/err")"
ls "$work/mnt" >/dev/null || fail "the mount has not survived"
umount "$work/mnt"
finish
