# The state of the processes while they serve, and that a sandboxed report still works.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
image=$work/disk.img
truncate -s 8M "$image"
mke2fs -q -F -t ext4 "$image"
product_mount "$image" "$work/mnt" "log_level=info,log_file=$work/log" || fail "does not mount"
grep -q 'sandbox: landlock=.*seccomp=on' "$work/log" || fail "the state is not in the log: $(cat "$work/log")"
server=
for pid in $(pgrep -f "imgfs $image $work/mnt"); do
  ls -l "/proc/$pid/fd" | grep -q /dev/fuse && server=$pid
done
[ -n "$server" ] || fail "no process has /dev/fuse"
for line in 'NoNewPrivs:	1' 'Seccomp:	2' 'CapEff:	0000000000000000' 'CapPrm:	0000000000000000' 'CapBnd:	0000000000000000'; do
  grep -q "$line" "/proc/$server/status" || fail "$line: $(grep -E 'NoNew|Seccomp|Cap' "/proc/$server/status")"
done
jq -e .verdict "$work/mnt/.import-report.json" >/dev/null || fail "no report from inside the sandbox"
ls "$work/mnt/p0" >/dev/null || fail "p0"
umount "$work/mnt"
product_mount "$image" "$work/mnt" "sandbox=off,log_file=$work/log2" || fail "does not mount"
grep -q 'sandbox: off' "$work/log2" || fail "sandbox=off is not said"
umount "$work/mnt"
"$IMGFS_BIN/imgfs" --version -v | grep -q '^sandbox: landlock=' || fail "--version -v"
finish
