# Partition tables: numbers, places, types, UUIDs, names and flags as libblkid (partx, blkid) has them.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
for tool in sfdisk sgdisk partx blkid mke2fs; do command -v $tool > /dev/null || skip "needs $tool"; done
export LC_ALL=C.UTF-8
list=$IMGFS_BIN/tests/volumes_list
tables=0 partitions=0

# compare NAME IMAGE [partx's sector size]: every partition but the extended ones
compare() {
  local name=$1 image=$2 size=${3:-512}
  "$list" "$image" > "$work/ours" || { fail "$name: volumes_list"; return; }
  awk -F'\t' '$1 ~ /^p[0-9]/ {sub(/^-$/, "", $5); print substr($1, 2), $2, $3, tolower($4), $5, $6, $7}' "$work/ours" > "$work/b"
  partx --bytes --pairs --sector-size "$size" -o NR,START,SIZE,TYPE,UUID,FLAGS,NAME "$image" > "$work/rows"
  : > "$work/a"
  local NR START SIZE TYPE UUID FLAGS NAME active
  while read -r row; do
    eval "$row"
    case $TYPE in 0x5|0xf|0x85) continue;; 0x?) TYPE=0x0${TYPE#0x};; esac
    active=0
    [ ${#TYPE} -eq 4 ] && [ "$FLAGS" = 0x80 ] && active=1
    [ ${#TYPE} -gt 4 ] && [ $((FLAGS >> 2 & 1)) -eq 1 ] && active=1
    echo "$NR $((START * 512)) $SIZE $TYPE $UUID $(printf '%b' "$NAME") $active" >> "$work/a"  # always in 512 bytes
  done < "$work/rows"
  if ! diff "$work/a" "$work/b" > "$work/difference"; then fail "$name"; cat "$work/difference"; grep remark "$work/ours"; fi
  if [ "$size" = 512 ]; then
    truth=$(blkid -p -s PTTYPE -s PTUUID -o value "$image" | tr '\n' ' ')
    ours=$(awk -F'\t' '$1 == "table" {print $3 " " $2}' "$work/ours")
    [ "$(echo $truth | xargs -n1 | sort)" = "$(echo $ours | xargs -n1 | sort)" ] || fail "$name: blkid says '$truth', ours '$ours'"
  fi
  tables=$((tables + 1)); partitions=$((partitions + $(wc -l < "$work/a")))
}
clean() { grep -q '^remark' "$work/ours" && { fail "$1: unexpected remarks"; grep '^remark' "$work/ours"; }; }
disk() { rm -f "$work/disk"; truncate -s "$1" "$work/disk"; }
sf() { sfdisk -q "$work/disk" 2> "$work/log" || { fail "sfdisk"; cat "$work/log"; }; }

for count in 1 2 3 4; do  # primaries, one active
  disk 64M
  { echo "label: dos"; echo "label-id: 0x1234abc$count"
    for i in $(seq $count); do echo "start=$((i * 20480)), size=$((10240 * i / i)), type=8$i$([ $i = 2 ] && echo ', bootable')"; done; } | sf
  compare "mbr, $count primaries" "$work/disk"; clean "mbr $count"
done
disk 64M; printf 'label: dos\nstart=2048,size=2048\nstart=8192,size=4096,type=7\n' | sf
sfdisk -q --delete "$work/disk" 1; compare "mbr, the first entry empty" "$work/disk"; clean gap
for logicals in 1 3 7 40; do
  disk 128M
  { echo "label: dos"; echo "start=2048, size=2048, type=83"; echo "start=8192, type=$([ $logicals = 3 ] && echo 5 || echo f)"
    for i in $(seq $logicals); do echo "start=$((8192 + i * 4096)), size=2048, type=8$((i % 3 + 2))"; done; } | sf
  compare "mbr, $logicals logical" "$work/disk"; clean "logical $logicals"
done
disk 64M; printf 'label: dos\nlabel-id: 0x00000000\nstart=2048,size=2048\n' | sf
compare "mbr without an id" "$work/disk"

disk 64M
sgdisk -Z -n 1:2048:+1M -c 1:'EFI System' -t 1:ef00 -n 3:8192:+2M -c 3:'rööt 根 🐧' -A 3:set:2 -n 128:40960:0 -t 128:8e00 -c 128:last "$work/disk" > "$work/log" 2>&1
compare "gpt with gaps" "$work/disk"; clean gpt
cp "$work/disk" "$work/gpt"
disk 64M; sgdisk -Z "$work/disk" > "$work/log" 2>&1
{ echo "label: gpt"; echo "table-length: 200"; for i in $(seq 160); do echo "size=100, start=$((2048 + i * 128))"; done; } | sf
compare "gpt, 160 partitions" "$work/disk"; clean "gpt 160"
disk 64M; printf 'label: gpt\nfirst-lba: 4096\nstart=8192,size=2048\n' | sf
compare "gpt, first usable sector 4096" "$work/disk"
disk 64M; printf 'label: gpt\n' | sf
compare "gpt without partitions" "$work/disk"; clean "gpt empty"
# 4 KiB sectors: through a loop device that has them, made by root only
if [ "$(id -u)" -eq 0 ]; then
  disk 64M
  loop=$(losetup -f --show -b 4096 "$work/disk")
  printf 'label: gpt\nsize=2048\nsize=1000,name=second\n' | sfdisk -q "$loop" 2> "$work/log" || fail "sfdisk, 4 KiB"
  losetup -d "$loop"
  compare "gpt, 4 KiB sectors" "$work/disk" 4096; clean "gpt 4k"
  [ "$(awk -F'\t' '$1 == "table" {print $4}' "$work/ours")" = 4096 ] || fail "sector size of 4 KiB not seen"
fi
# The primary destroyed in each of its parts: the backup gives the same partitions, and a remark.
for damage in 512:8 520:4 1024:1; do
  cp "$work/gpt" "$work/disk"
  printf 'damaged!' | head -c "${damage#*:}" | dd of="$work/disk" bs=1 seek="${damage%:*}" conv=notrunc status=none
  "$list" "$work/gpt" | grep ^p > "$work/a"
  "$list" "$work/disk" > "$work/ours"; grep ^p "$work/ours" | diff "$work/a" - > /dev/null || fail "gpt, primary damaged at $damage"
  grep -q '^remark.*primary table is damaged' "$work/ours" || fail "gpt damaged at $damage: no remark"
done
cp "$work/gpt" "$work/disk"; dd if=/dev/zero of="$work/disk" bs=512 seek=131071 count=1 conv=notrunc status=none
"$list" "$work/disk" | grep -q '^remark.*backup is damaged' || fail "backup damaged: no remark"
cp "$work/gpt" "$work/disk"; truncate -s 80M "$work/disk"; compare "gpt, disk grown" "$work/disk"
grep -q '^remark.*grown' "$work/ours" || fail "disk grown: no remark"
cp "$work/gpt" "$work/disk"; sgdisk -h 3:128 "$work/disk" > "$work/log" 2>&1
"$list" "$work/disk" | grep -q '^remark.*hybrid' || fail "hybrid MBR: no remark"

# File systems on the whole disk, as blkid has them
whole() {
  truth=$(blkid -p -s TYPE -o value "$work/disk")
  ours=$("$list" "$work/disk" | awk -F'\t' '$1 == "p0" {print $8}')
  [ "$truth" = "$ours" ] || fail "$1 on the whole disk: blkid says '$truth', ours '$ours'"
  tables=$((tables + 1))
}
disk 64M; mke2fs -q -t ext4 "$work/disk"; whole ext4
disk 64M; mke2fs -q -t ext4 "$work/disk"; head -c 440 /dev/urandom | dd of="$work/disk" conv=notrunc status=none; printf '\x55\xaa' | dd of="$work/disk" bs=1 seek=510 conv=notrunc status=none; whole "ext4 with boot code"
for tool in "mkfs.fat -F 12" "mkfs.fat -F 16" "mkfs.fat -F 32" "mkfs.fat --mbr=y" "mkfs.ntfs -Fq" "mkfs.xfs -qf"; do
  command -v ${tool%% *} > /dev/null || { echo "not tried: $tool"; continue; }
  disk $([ "${tool#*12}" != "$tool" ] && echo 16M || echo 320M); $tool "$work/disk" > "$work/log" 2>&1 || { fail "$tool"; continue; }
  whole "$tool"
done
disk 64M; mkswap -q "$work/disk" 2> "$work/log"; whole mkswap
disk 4M; "$list" "$work/disk" | grep -q '^table	none' || fail "an empty disk has a table"
echo "$tables tables, $partitions partitions"
finish
