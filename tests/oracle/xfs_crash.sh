#!/bin/bash
# xfs_crash.sh [FIRST_SEED] [COUNT]: file systems that are shut down in the middle of a storm of changes. What
# we show after replaying the log in memory must be what the kernel shows after it has recovered a copy.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
command -v mkfs.xfs >/dev/null && command -v python3 >/dev/null || skip "needs mkfs.xfs and python3"
grep -qw xfs /proc/filesystems || modprobe xfs 2>/dev/null || skip "the kernel has no XFS"
first=${1:-1}
count=${2:-3}

options=('-b size=4096 -m rmapbt=1'
  '-b size=1024 -l size=10m'
  '-b size=4096 -s size=4096 -l size=16m -m rmapbt=1'
  '-b size=4096 -l size=16m,su=32k -n size=16384'
  '-b size=2048 -l size=24m,su=256k -m rmapbt=1 -i size=1024'
  '-b size=1024 -n size=8192 -m rmapbt=1,finobt=1 -i nrext64=1'
  '-b size=4096 -m reflink=0,bigtime=0,inobtcount=0 -d agcount=2'
  '-b size=4096 -l size=14m -i size=2048,sparse=1 -m rmapbt=1,finobt=0'
  '-b size=1024 -l size=10m,su=4k -m reflink=0'
  '-b size=4096 -l size=64m,su=128k -d agcount=8,su=128k,sw=2')

crash() {  # SEED
  local seed=$1 image=$work/image copy=$work/copy directory=$work/mnt loop flags= operations report before=$failures
  local option=${options[$((seed % ${#options[@]}))]}
  rm -f "$image" "$copy"; truncate -s 1G "$image"; mkdir -p "$directory"
  # Unquoted: several words.
  mkfs.xfs --unsupported -q -f $option "$image" >"$work/err" 2>&1 || { fail "mkfs $option: $(head -1 "$work/err")"; return; }
  mount -o loop "$image" "$directory" || { fail "mount $option"; return; }
  [ $(((seed + seed / ${#options[@]}) % 2)) -eq 0 ] && flags=--flush
  # Every seventh storm is long: its log wraps, mostly more than once.
  operations=$((100 + seed * 7919 % 400 + (seed % 7 == 0) * 1500))
  python3 "$IMGFS_SOURCE/tests/oracle/tools/xfs_storm.py" "$directory" "$seed" "$operations" $flags 2>"$work/storm.err" ||
    fail "storm: $(tail -3 "$work/storm.err")"
  mkdir "$directory/after" 2>/dev/null && fail "seed $seed: the storm did not shut it down"
  umount "$directory"
  cp --sparse=always "$image" "$copy"
  # A loop device that can be written: or the kernel does not recover.
  loop=$(losetup -f --show "$copy")
  if ! mount -t xfs -o ro "$loop" "$directory"; then
    losetup -d "$loop"; echo "seed $seed ($option $flags): the kernel itself refuses to recover it"
    refused=$((refused + 1))
    [ -z "${KEEP:-}" ] || cp --sparse=always "$image" "$KEEP/refused-$seed.img"
    return
  fi
  if report=$("$IMGFS_BIN/tests/fs_compare" xfs "$image" "$directory" 2>&1); then
    [ -z "${KEEP:-}" ] || echo "$report"
  else
    fail "seed $seed ($option $flags): $report"
    [ -z "${KEEP:-}" ] || { cp --sparse=always "$image" "$KEEP/crash-$seed.img"; cp --sparse=always "$copy" "$KEEP/crash-$seed.recovered.img"; }
  fi
  grep -q 'log replayed' <<<"$report" && replayed=$((replayed + 1))
  grep -q 'not replayed' <<<"$report" && fail "seed $seed: $report"
  echo "seed $seed: $(tail -1 <<<"$report"), $(grep remark <<<"$report" | head -1)"
  umount "$directory"; losetup -d "$loop"
  timeout 60 "$IMGFS_BIN/tests/xfs_list" "$image" --no-recovery >/dev/null 2>&1
  [ $? -le 1 ] || fail "seed $seed: not readable without recovery"
  [ -z "${KEEP:-}" ] || [ "$failures" -eq "$before" ] || cp --sparse=always "$image" "$KEEP/failed-$seed.img"
}

replayed=0 refused=0
for ((seed = first; seed < first + count; ++seed)); do crash "$seed"; done
echo "$replayed of $count logs were dirty and replayed, $refused refused by the kernel"
[ "$replayed" -gt 0 ] || fail "no log was dirty"
finish
