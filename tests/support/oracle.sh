# Sourced by the shell tests. Gives:
#   $work           a fresh directory, removed at the end, with everything mounted in it unmounted first
#   skip REASON     ends the test as skipped
#   fail TEXT       counts a failure and says it; finish ends the test with the right exit code
#   kernel_mount TYPE IMAGE DIRECTORY [OPTIONS]   the kernel's own read-only mount through a loop device
set -u
: "${IMGFS_SOURCE:?}" "${IMGFS_BIN:?}" "${IMGFS_SHARED:=$IMGFS_SOURCE/../shared}"
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/imgfs-test.XXXXXX") || exit 1

unmount_all() {
  local point
  # Deepest first. What is not mounted inside $work is never touched.
  while read -r point; do
    fusermount3 -u -z "$point" 2>/dev/null || umount -l "$point" 2>/dev/null
  done < <(awk -v w="$work/" 'index($2, w) == 1 {print $2}' /proc/self/mounts | sort -r)
}
clean_up() {
  local code=$?
  unmount_all
  losetup -n -O NAME,BACK-FILE 2>/dev/null | awk -v w="$work/" 'index($2, w) == 1 {print $1}' |
    while read -r loop; do losetup -d "$loop"; done
  # --one-file-system: should an unmount have failed, nothing of a mounted tree is removed.
  rm -rf --one-file-system "$work"
  exit $code
}
trap clean_up EXIT
trap 'exit 130' INT TERM

skip() { echo "SKIPPED: $*"; exit 77; }
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
finish() { [ "$failures" -eq 0 ] && { echo "passed"; exit 0; }; echo "$failures failures"; exit 1; }
need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root for loop devices"; }
need_fuse() { [ -w /dev/fuse ] || skip "needs /dev/fuse"; }
need_corpus() { [ -r "$IMGFS_SHARED/corpus/MANIFEST.tsv" ] || skip "the public corpus is absent"; }

kernel_mount() {
  local type=$1 image=$2 directory=$3 options=${4:-ro}
  mkdir -p "$directory"
  mount -t "$type" -o "loop,$options" "$image" "$directory"
}

# product_mount IMAGE DIRECTORY [OPTIONS]: our own mount, unmounted at the end with all others.
product_mount() {
  local image=$1 directory=$2 options=${3:-}
  mkdir -p "$directory"
  "$IMGFS_BIN/imgfs" "$image" "$directory" ${options:+-o "$options"}
}
