# Bad input gives one clear line and a non-zero exit, and what can be read is shown.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
mkdir -p "$work/mnt"
good=$work/good.img
truncate -s 8M "$good"
echo 'label: dos
2048,+,83' | sfdisk -q "$good"
mke2fs -q -F -t ext4 -E offset=1048576 "$good" 7000k
qemu-img convert -O qcow2 "$good" "$work/good.qcow2"

# refused NAME PATTERN ARGUMENTS…: one line on stderr that has PATTERN, nothing mounted.
refused() {
  local name=$1 pattern=$2
  shift 2
  timeout 20 "$IMGFS_BIN/imgfs" "$@" >"$work/out" 2>"$work/err"
  local code=$?
  [ $code -ne 0 ] && [ $code -lt 120 ] || fail "$name: exit code $code"
  [ "$(wc -l <"$work/err")" -eq 1 ] || fail "$name: not one line: $(cat "$work/err")"
  grep -qE "$pattern" "$work/err" || fail "$name: says $(cat "$work/err")"
  grep -q " $work/mnt " /proc/self/mounts && fail "$name: is mounted"
}
: >"$work/empty"
head -c 100 /dev/urandom >"$work/random"
head -c 3000 "$work/good.qcow2" >"$work/cut.qcow2"
gzip -k -c "$good" >"$work/good.img.gz"
mkdir "$work/full" && : >"$work/full/file"
refused missing 'No such file' "$work/none" "$work/mnt"
refused directory 'is a directory' "$work" "$work/mnt"
refused empty 'empty' "$work/empty" "$work/mnt"
refused random 'imgfs: .*random' "$work/random" "$work/mnt"
refused cut-qcow2 'qcow2|L1' "$work/cut.qcow2" "$work/mnt"
refused archive 'gzip' "$work/good.img.gz" "$work/mnt"
refused no-mount-point 'mount point .*No such' "$good" "$work/none"
refused mount-point-file 'not a directory' "$good" "$work/empty"
refused mount-point-full 'not empty' "$good" "$work/full"
refused option 'unknown option' "$good" "$work/mnt" -o colour=red
refused value 'expected' "$good" "$work/mnt" -o symlinks=maybe
refused write 'read-only' "$good" "$work/mnt" -o rw
refused policy 'nosuchpolicy' "$good" "$work/mnt" -o policy=nosuchpolicy
refused usage 'IMAGE and MOUNTPOINT' "$good"
refused format 'QCOW2' "$good" "$work/mnt" -o format=qcow2

# Damage costs only what it hits.
cp "$good" "$work/past.img"
printf 'label: dos\n2048,14336,83\n' | sfdisk -q "$work/past.img"
truncate -s 6M "$work/past.img"
product_mount "$work/past.img" "$work/mnt" || fail "a partition past the end is no reason not to mount"
grep -q p1 "$work/mnt/.import-report" || fail "the clipped partition is not in the report"
umount "$work/mnt"
cp "$good" "$work/garbage.img"
dd if=/dev/urandom of="$work/garbage.img" bs=1k seek=1024 count=4 conv=notrunc status=none
product_mount "$work/garbage.img" "$work/mnt" || fail "a garbage superblock is no reason not to mount"
[ ! -e "$work/mnt/p1" ] || fail "a garbage superblock has a directory"
[ -s "$work/mnt/.raw/p1" ] || fail "the raw bytes of a garbage file system are missing"
jq -e '.volumes[] | select(.name == "p1") | .directory == null and .problem != null' "$work/mnt/.import-report.json" >/dev/null ||
  fail "the garbage file system is not explained"
umount "$work/mnt"

# The same for imgfs-check, with its exit codes.
code_of() { timeout 60 "$IMGFS_BIN/imgfs-check" "$@" >"$work/out" 2>"$work/err"; echo $?; }
[ "$(code_of "$work/none")" = 3 ] || fail "imgfs-check: a missing file is not 3"
[ "$(code_of)" = 3 ] || fail "imgfs-check: no image is not 3"
[ "$(code_of --policy nosuch "$good")" = 3 ] || fail "imgfs-check: unknown policy is not 3"
[ "$(code_of "$good")" = 1 ] || fail "imgfs-check: a data disk is not 1"
grep -q RootPartitionNotFound "$work/out" || fail "imgfs-check: a data disk: $(cat "$work/out")"
truncate -s 4M "$work/zeros"
[ "$(code_of --json "$work/zeros")" = 1 ] || fail "imgfs-check: zeros are not 1"
jq -e '.codes == ["PartitionNotPresent"]' "$work/out" >/dev/null || fail "imgfs-check: zeros: $(cat "$work/out")"
[ "$(code_of "$good" "$work/none")" = 3 ] || fail "imgfs-check: not the highest of two"
finish
