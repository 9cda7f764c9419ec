#!/bin/bash
# ext_crash.sh [FIRST_SEED [COUNT]]
#
# Stops a kernel mount in the middle of a storm of metadata operations, with and without its log flushed, and
# compares what our reader makes of the image with the kernel's own mount of a recovered copy. One seed, one
# image; the seed decides the mkfs options, the mount options and the storm.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
command -v xfs_io >/dev/null || skip "needs xfs_io"
command -v mkfs.ext4 >/dev/null || skip "needs mkfs.ext4"
first=${1:-1}
count=${2:-6}

# Never fast_commit together with inline_data: kernels have died of it.
formats=(
  "-b 4096"
  "-b 1024"
  "-b 4096 -O fast_commit"
  "-b 1024 -O ^metadata_csum"
  "-b 4096 -O inline_data"
  "-b 2048 -O ^64bit,^metadata_csum,uninit_bg"
  "-t ext3 -b 1024"
  "-b 4096 -O bigalloc -C 16384"
  "-b 1024 -O fast_commit,^64bit"
  "-b 4096 -O orphan_file"
  "-b 1024 -O ^extents,^64bit"
  "-b 4096 -O ea_inode,large_dir"
)
mounts=("defaults" "data=journal" "journal_checksum" "journal_async_commit" "data=writeback" "commit=1")

# storm SEED DIRECTORY: never ends by itself; whatever fails, fails.
storm() {
  local seed=$1 dir=$2 n=0 a b
  RANDOM=$seed
  mkdir -p "$dir/s/d0" "$dir/s/d1" "$dir/s/d2"
  while :; do
    n=$((n + 1))
    a="$dir/s/d$((RANDOM % 3))/name-$((RANDOM % 60))"
    b="$dir/s/d$((RANDOM % 3))/name-$((RANDOM % 60))"
    case $((RANDOM % 16)) in
      0 | 1 | 2) echo "$n $RANDOM" >"$a" ;;
      3) head -c $((RANDOM * 8)) /dev/zero | tr '\0' "$((n % 10))" >"$a" ;;
      4) mv -f "$a" "$b" ;;
      5) ln "$a" "$b" ;;
      6) truncate -s $((RANDOM % 30000)) "$a" ;;
      7) setfattr -n user.n -v "$n$RANDOM" "$a" ;;
      8 | 9) rm -rf "$a" ;;
      10) mkdir "$a" ;;
      11) ln -s "$RANDOM/$n" "$a" ;;
      12) xfs_io -f -c "pwrite -q $((RANDOM * 4)) 3000" -c fsync "$a" ;;
      13) xfs_io -c "fpunch $((RANDOM % 64))k $((RANDOM % 32))k" -c fsync "$a" ;;
      14) [ $((n % 5)) -eq 0 ] && sync -f "$dir" ;;
      15) exec 9>>"$a" && rm -f "$a" ;;  # stays open: an orphan
    esac
  done 2>/dev/null
}

# The same with what fast commits can hold, and fsync after nearly everything.
storm_fast() {
  local seed=$1 dir=$2 n=0 a b
  RANDOM=$seed
  mkdir -p "$dir/s/d0" "$dir/s/d1" "$dir/s/d2"
  for n in {1..40}; do echo "$n" >"$dir/s/d$((n % 3))/name-$n"; done
  sync -f "$dir"
  while :; do
    n=$((n + 1))
    a="$dir/s/d$((RANDOM % 3))/name-$((RANDOM % 90))"
    b="$dir/s/d$((RANDOM % 3))/a-longer-name-so-that-blocks-fill-$((RANDOM % 90))"
    case $((RANDOM % 10)) in
      0 | 1) xfs_io -f -c "pwrite -q $((RANDOM * 4)) 3000" -c "pwrite -q $((RANDOM * 8)) 9000" -c fsync "$a" ;;
      2) xfs_io -f -c "pwrite -q -b 1000 0 $((RANDOM * 3))" -c fsync "$b" ;;
      3) mv -f "$a" "$b"; xfs_io -c fsync "$b" ;;
      4) ln "$a" "$b"; xfs_io -c fsync "$b" ;;
      5) xfs_io -c "truncate $((RANDOM * 2))" -c fsync "$a" ;;
      6) rm -f "$a"; xfs_io -f -c fsync "$b" ;;
      7) mkdir "$a.dir"; xfs_io -f -c "pwrite -q 0 100" -c fsync "$a.dir/inside" ;;
      8) xfs_io -c "fpunch $((RANDOM % 64))k $((RANDOM % 32))k" -c fsync "$a" ;;
      9) xfs_io -f -c "falloc 0 $((RANDOM % 90))k" -c fsync "$a" ;;
    esac
  done 2>/dev/null
}

compare() {
  local seed=$1 image=$work/$1.img out
  cp --sparse=always "$image" "$image.recovered"
  if ! mount -t ext4 -o loop "$image.recovered" "$work/truth" 2>/dev/null; then
    echo "seed $seed: the kernel does not mount it"
    unmountable=$((unmountable + 1))
    "$IMGFS_BIN/tests/fs_compare" ext "$image" "$work/truth" >/dev/null
    [ $? -le 2 ] || fail "seed $seed: our reader died"
    return
  fi
  umount "$work/truth"
  kernel_mount ext4 "$image.recovered" "$work/truth" ro,noatime || { fail "seed $seed: no truth"; return; }
  out=$("$IMGFS_BIN/tests/fs_compare" ext "$image" "$work/truth")
  umount "$work/truth"
  # Recovery stamps what it changes with the time of the mount: that no reader can know.
  echo "$out" | grep -E ': (mtime|ctime): truth [0-9]{10}, ours' | awk -v start="$started" '
      {truth = $0; sub(/.*truth /, "", truth); sub(/,.*/, "", truth); if (truth + 0 < start) print}' >"$work/early"
  rest=$(echo "$out" | grep -vE '^remark:|: (mtime|ctime): truth|entries, ')
  if [ -n "$rest" ] || [ -s "$work/early" ]; then
    fail "seed $seed (${format}; ${options}; ${how}): $out"
    [ -n "${KEEP:-}" ] && cp --sparse=always "$image" "$KEEP/crash-$seed.img"
  fi
  compared=$((compared + 1))
  [[ $out == *"journal replayed"* ]] && replayed=$((replayed + 1))
  [[ $out == *"fast commits replayed"* ]] && fast=$((fast + 1))
  [[ $out == *"were being deleted"* ]] && orphans=$((orphans + 1))
  entries=$((entries + $(echo "$out" | sed -n 's/ entries,.*//p')))
}

compared=0 replayed=0 fast=0 orphans=0 unmountable=0
entries=0
mkdir -p "${work:?}/truth" "$work/storm"
for ((seed = first; seed < first + count; seed++)); do
  image=$work/$seed.img
  format=${formats[seed % ${#formats[@]}]}
  options=${mounts[(seed / ${#formats[@]}) % ${#mounts[@]}]}
  # bigalloc and data=journal, and ext3's journals with checksums, are left to the others.
  truncate -s 80M "$image"
  # shellcheck disable=SC2086
  mkfs.ext4 -q -F $format "$image" 2>/dev/null || { fail "seed $seed: mkfs $format"; continue; }
  mount -t ext4 -o "loop,$options" "$image" "$work/storm" 2>/dev/null ||
    mount -t ext4 -o loop "$image" "$work/storm" || { fail "seed $seed: mount"; continue; }
  started=$(date +%s)
  case $format in
    *fast_commit*) (storm_fast "$seed" "$work/storm") & ;;
    *) (storm "$seed" "$work/storm") & ;;
  esac
  pid=$!
  sleep "$(awk -v s="$seed" 'BEGIN {srand(s); printf "%.2f", 0.4 + rand() * 1.2}')"
  [ $((seed % 3)) -eq 0 ] && sync -f "$work/storm"
  how=$([ $(((seed + seed / ${#formats[@]}) % 2)) -eq 0 ] && echo "shutdown -f" || echo shutdown)
  xfs_io -x -c "$how" "$work/storm"
  kill "$pid"
  wait "$pid" 2>/dev/null
  started=$(date +%s)
  for ((try = 0; try < 50; try++)); do umount "$work/storm" 2>/dev/null && break; sleep 0.1; done
  compare "$seed"
  rm -f "$image" "$image.recovered"
done
echo "$compared crashed images compared, $entries entries; log replayed in $replayed, fast commits in $fast, orphans in" \
  "$orphans; $unmountable that the kernel does not mount"
finish
