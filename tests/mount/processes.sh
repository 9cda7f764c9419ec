# Whichever of the three processes is killed, nothing is left after a second; signals and unmounts end
# the mount in order; a report that dies is a finding and the mount goes on.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
image=$work/disk.img
truncate -s 8M "$image"
echo 'label: dos
2048,+,83' | sfdisk -q "$image"
mke2fs -q -F -t ext4 -E offset=1048576 "$image" 7000k

mounted() { grep -q " $work/mnt fuse.imgfs " /proc/self/mounts; }
ours() { pgrep -f "imgfs $image $work/mnt"; }
gone() {
  local i
  for i in $(seq 20); do
    mounted || [ -n "$(ours)" ] || return 0
    sleep 0.05
  done
  return 1
}
start() { product_mount "$image" "$work/mnt" || fail "does not mount"; }

start
[ "$(ours | wc -l)" -eq 3 ] || fail "three processes expected: $(ours | wc -l)"
launcher=$(ours | head -n 1)
umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"
gone || fail "something is left after umount"

# The launcher is the parent of both; the reporter was started first.
for index in 1 2 3; do
  start
  victim=$(ours | sort -n | sed -n "${index}p")
  kill -9 "$victim"
  gone || fail "something is left after kill -9 of process $index: $(ours) $(mounted && echo mounted)"
done

for signal in TERM INT HUP; do
  start
  kill -"$signal" "$(ours | sort -n | head -n 1)"
  gone || fail "something is left after SIG$signal"
done

# A mount that follows at once may get the number of the one before: it is left alone.
for round in $(seq 15); do
  start
  umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"
  start
  sleep 0.1
  mounted || fail "the launcher of the mount before took this one away (round $round)"
  umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"
done
gone || fail "something is left after mounting in turn"

# In use: the launcher still lets go.
start
(cd "$work/mnt" && exec sleep 30) &
user=$!
sleep 0.1
kill -TERM "$(ours | sort -n | head -n 1)"
gone || fail "something is left after SIGTERM while in use"
kill "$user"
wait "$user" 2>/dev/null

# The report comes once, with its true size, and the mount outlives its process.
start
[ "$(stat -c %s "$work/mnt/.import-report")" = 0 ] || fail "the report is there before it was opened"
cat "$work/mnt/.import-report.json" >"$work/json" || fail "the report cannot be read"
jq -e '.schema == 1 and (.codes | index("RootPartitionNotFound"))' "$work/json" >/dev/null || fail "report: $(cat "$work/json")"
[ "$(stat -c %s "$work/mnt/.import-report.json")" = "$(stat -c %s "$work/json")" ] || fail "the report's size is not told"
[ "$(ours | wc -l)" -eq 3 ] || fail "a process is left from the report"
ls "$work/mnt/p1/lost+found" >/dev/null || fail "the mount has not outlived its report"
umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"
gone || fail "something is left at the end"
finish
