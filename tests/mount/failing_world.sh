# A failing world: unreadable bytes, no /dev/fuse, no privileges, little memory, a full disk, a mount
# point that goes away, an image that is replaced. Each has a defined result.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
need_root
image=$work/disk.img
truncate -s 24M "$image"
mkdir -p "$work/source/etc" "$work/source/bin" "$work/mnt"
printf 'ID=debian\nVERSION_ID="12"\n' >"$work/source/etc/os-release"
echo 'UUID=0 / ext4 defaults 0 1' >"$work/source/etc/fstab"
mkdir -p "$work/source/sbin" "$work/source/lib/modules/6.1.0" "$work/source/usr/lib" "$work/source/boot"
cp /bin/true "$work/source/sbin/init"
cp /bin/true "$work/source/bin/sh"
head -c 3000000 /dev/urandom >"$work/source/large"
head -c 100000 /dev/urandom >"$work/source/other"
mke2fs -q -F -t ext4 -d "$work/source" "$image"
block() { debugfs -R "bmap $1 0" "$image" 2>/dev/null; }

# Reads of [FAIL_FROM, FAIL_TO) of the image fail with EIO, as a bad sector's would.
cat >"$work/shim.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
ssize_t pread64(int fd, void* to, size_t size, off64_t at) {
  static ssize_t (*real)(int, void*, size_t, off64_t);
  static long from, end;
  if (!real) {
    from = atol(getenv("FAIL_FROM"));
    end = atol(getenv("FAIL_TO"));
    real = (ssize_t (*)(int, void*, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
  }
  if (at < end && at + (long)size > from) { errno = EIO; return -1; }
  return real(fd, to, size, at);
}
ssize_t pread(int fd, void* to, size_t size, off64_t at) { return pread64(fd, to, size, at); }
C
cc -shared -fPIC -o "$work/shim.so" "$work/shim.c" -ldl || fail "the shim does not build"
# bad_blocks FROM TO COMMAND…: runs it over an image with these unreadable bytes.
bad_blocks() {
  local from=$1 to=$2
  shift 2
  FAIL_FROM=$from FAIL_TO=$to LD_PRELOAD=$work/shim.so "$@"
}
case $(ldd "$IMGFS_BIN/imgfs") in
  *libasan* | *libtsan*) shimmed=no ;;  # a sanitizer wants to be first
  *) shimmed=yes ;;
esac
if [ $shimmed = yes ]; then
  size=$(debugfs -R stats "$image" 2>/dev/null | sed -n 's/^Block size: *//p')
  at=$(($(block /large) * size))
  bad_blocks $((at + 1000000)) $((at + 1000001)) "$IMGFS_BIN/imgfs" "$image" "$work/mnt" || fail "does not mount with a bad sector"
  cat "$work/mnt/p0/large" >/dev/null 2>"$work/err" && fail "an unreadable block is read without an error"
  grep -qi 'input/output' "$work/err" || fail "bad sector: $(cat "$work/err")"
  cmp "$work/source/other" "$work/mnt/p0/other" || fail "another file is not read"
  umount "$work/mnt"
  at=$(($(block /etc/os-release) * size))
  bad_blocks $at $((at + 1)) "$IMGFS_BIN/imgfs-check" --json "$image" >"$work/json"
  jq -e '.verdict != "pass" and any(.findings[]; .check == "operating-system" and (.status == "unknown" or .status == "not-evaluated"))' \
    "$work/json" >/dev/null || fail "an unreadable os-release: $(jq -c '[.verdict, [.findings[] | [.check, .status]]]' "$work/json")"
  bad_blocks 0 4096 "$IMGFS_BIN/imgfs" "$image" "$work/mnt" >"$work/out" 2>"$work/err" && { umount "$work/mnt"; fail "an image without a readable byte is mounted"; }
  [ "$(grep -c . "$work/err")" -eq 1 ] || fail "unreadable image: $(cat "$work/err")"
fi

# The image replaced under the mount: the mount keeps to the file that it opened.
cp "$image" "$work/replaced.img"
product_mount "$work/replaced.img" "$work/mnt"
mv "$work/source/other" "$work/replaced.img"
cmp <(cat "$work/mnt/p0/large") "$work/source/large" || fail "a replaced image"
jq -e .verdict "$work/mnt/.import-report.json" >/dev/null || fail "no report of a replaced image"
umount "$work/mnt"

# No /dev/fuse.
unshare -m bash -c "mount --bind /dev/null /dev/fuse && '$IMGFS_BIN/imgfs' '$image' '$work/mnt'" >"$work/out" 2>"$work/err" && fail "mounts without /dev/fuse"
grep -q 'imgfs: cannot mount on .*/dev/fuse' "$work/err" || fail "no /dev/fuse: $(cat "$work/err")"
"$IMGFS_BIN/imgfs-check" "$image" >/dev/null
[ $? -le 2 ] || fail "imgfs-check needs more than the image"

# Rootless in a user namespace, and as nobody with fusermount3 where that is allowed.
chmod 755 "$work"
unshare -Ur -m bash -c "'$IMGFS_BIN/imgfs' '$image' '$work/mnt' && ls '$work/mnt/p0/etc' && umount '$work/mnt'" >"$work/out" 2>"$work/err" || fail "user namespace: $(cat "$work/err")"
grep -qx fstab "$work/out" || fail "user namespace shows: $(cat "$work/out")"
mkdir -m 777 "$work/nobody"
chown 65534 "$work/nobody"
if [ -u "$(command -v fusermount3)" ]; then
  chmod 644 "$image"
  setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "'$IMGFS_BIN/imgfs' '$image' '$work/nobody' && cmp '$work/nobody/p0/large' '$work/source/large' && fusermount3 -u '$work/nobody'" 2>"$work/err" || fail "as nobody: $(cat "$work/err")"
fi

# A mount point that may not be used.
mkdir -m 700 "$work/closed"
setpriv --reuid 65534 --regid 65534 --clear-groups "$IMGFS_BIN/imgfs" "$image" "$work/closed" 2>"$work/err" && fail "mounts where it may not"
[ "$(grep -c . "$work/err")" -ge 1 ] || fail "a forbidden mount point is refused without a word"

# Little memory: works, or one line; never a core dump or a mount that answers nothing.
for megabytes in 400 200 150 60 30; do
  (ulimit -v $((megabytes * 1024)); timeout 20 "$IMGFS_BIN/imgfs" "$image" "$work/mnt") >"$work/out" 2>"$work/err"
  code=$?
  if [ $code -eq 0 ]; then
    ls "$work/mnt/p0" >/dev/null || fail "$megabytes MiB: mounted, but does not answer"
    umount "$work/mnt"
  else
    [ $code -lt 128 ] || [ $shimmed = no ] || fail "$megabytes MiB: exit code $code: $(cat "$work/err")"
  fi
done

# A full disk for the log costs the log only.
if [ -w /dev/full ]; then
  product_mount "$image" "$work/mnt" log_level=debug,log_file=/dev/full || fail "a full disk for the log"
  cmp "$work/source/large" "$work/mnt/p0/large" || fail "a full disk for the log: reading"
  umount "$work/mnt"
fi

# Unmounted while being read, and lazily: readers get an end, nothing hangs.
product_mount "$image" "$work/mnt"
(while cat "$work/mnt/p0/large" >/dev/null 2>&1; do :; done) &
reader=$!
sleep 0.2
umount -l "$work/mnt" || fail "lazy unmount"
timeout 10 tail --pid=$reader -f /dev/null || { kill $reader; fail "a reader hangs after a lazy unmount"; }
wait $reader 2>/dev/null

# An empty directory in whose place the mount point was is no reason for a process to stay.
mkdir "$work/gone"
product_mount "$image" "$work/gone"
rmdir "$work/gone" 2>/dev/null && fail "a mount point was removed"
umount "$work/gone" && rmdir "$work/gone"
for _ in $(seq 40); do
  pgrep -f "imgfs $image" >/dev/null || break
  sleep 0.05
done
pgrep -f "imgfs $image" >/dev/null && fail "a process is left: $(pgrep -af "imgfs $image")"
finish
