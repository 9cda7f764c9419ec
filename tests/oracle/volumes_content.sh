# What a volume holds: type, UUID and label as blkid has them, for every format whose tool is there; and MD
# superblocks made here, accepted by mdadm.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
for tool in blkid python3; do command -v $tool > /dev/null || skip "needs $tool"; done
list=$IMGFS_BIN/tests/volumes_list
tried=0 absent=""

# compare NAME: the whole disk's content; INTERFACE's own names for LUKS and LVM2
compare() {
  local type label uuid ours
  type=$(blkid -p -s TYPE -o value "$work/disk"); label=$(blkid -p -s LABEL -o value "$work/disk"); uuid=$(blkid -p -s UUID -o value "$work/disk")
  case $type in crypto_LUKS) type=luks;; LVM2_member) type=lvm2-pv;; esac
  ours=$("$list" "$work/disk" | awk -F'\t' '$1 == "p0" {print $8 "|" $9 "|" $10}')
  case $type in  # these readers have labels and UUIDs of their own
    vfat|ntfs|exfat|hfsplus|udf) [ "${ours%%|*}" = "$type" ] || fail "$1: blkid says $type, ours $ours";;
    *) [ "$ours" = "$type|$uuid|$label" ] || fail "$1: blkid says $type|$uuid|$label, ours $ours";;
  esac
  tried=$((tried + 1))
}
while read -r size command; do
  tool=${command%% *}
  command -v "$tool" > /dev/null || { absent="$absent $tool"; continue; }
  rm -f "$work/disk"; truncate -s "$size" "$work/disk"
  (cd "$work" && eval "$command") > "$work/log" 2>&1 < /dev/null || { fail "$command"; tail -3 "$work/log"; continue; }
  compare "$command"
done <<'ROWS'
64M mke2fs -q -t ext2 -L 'my label' disk
64M mke2fs -q -t ext3 disk
64M mke2fs -q -t ext4 -L 0123456789abcdef disk
64M mke2fs -q -O journal_dev disk
320M mkfs.xfs -q -L xfslabel disk
64M mkfs.ntfs -Fq -L windows disk
64M mkfs.fat -n EFI disk
64M mkswap -L swaplabel disk
64M mkswap -p 65536 disk
256M mkfs.btrfs -q -L pool disk
64M cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 disk <<< secret
64M cryptsetup luksFormat -q --type luks2 --label 'a label' --pbkdf pbkdf2 --pbkdf-force-iterations 1000 disk <<< secret
64M mksquashfs $IMGFS_SOURCE/docs disk -noappend -quiet
64M genisoimage -quiet -V 'AN ISO' -R -o disk $IMGFS_SOURCE/docs
128M mkfs.f2fs -q -l 'flash ü' disk
64M mkfs.exfat disk
64M mkfs.jfs -q -L jfslabel disk
64M mkreiserfs -q -f -l reiser disk
160M mkfs.nilfs2 -q -L nil disk
64M mkfs.hfsplus -v mac disk
64M mkfs.erofs disk $IMGFS_SOURCE/docs
64M mkudffs --label=udf disk
160M mkfs.gfs2 -O -p lock_nolock -j 1 disk
1M mkfs.cramfs $IMGFS_SOURCE/docs disk
ROWS

# MD superblocks of each version, RAID1 and RAID5
md() { # VERSION LEVEL
  rm -f "$work/disk"; truncate -s 16M "$work/disk"
  python3 - "$work/disk" "$1" "$2" <<'PY'
import struct, sys
path, version, level = sys.argv[1], sys.argv[2], int(sys.argv[3])
size, uuid = 16 << 20, bytes(range(0x11, 0x21))
def fold(data):
    words = struct.unpack('<%dI' % (len(data) // 4), data[:len(data) // 4 * 4])
    total = sum(words) + (struct.unpack('<H', data[-2:])[0] if len(data) % 4 else 0)
    return ((total & 0xffffffff) + (total >> 32)) & 0xffffffff
sb = bytearray(4096)
if version == '0.90':
    place = size // 65536 * 65536 - 65536
    w = lambda i, v: struct.pack_into('<I', sb, i * 4, v & 0xffffffff)
    u = struct.unpack('>4I', uuid)
    for i, v in ((0, 0xa92b4efc), (1, 0), (2, 90), (5, u[0]), (6, 1700000000), (7, level), (8, place // 1024), (9, 2), (10, 2), (13, u[1]), (14, u[2]), (15, u[3]),
                 (32, 1700000000), (33, 1), (34, 2), (35, 2), (39, 7)): w(i, v)
    for slot in (128, 160, 992):
        for i, v in enumerate((slot == 160, 8, 1, slot == 160, 6)): w(slot + i, v)
    struct.pack_into('<I', sb, 152, fold(sb))
else:
    place = {'1.0': (size // 512 - 16) // 8 * 8 * 512, '1.1': 0, '1.2': 4096}[version]
    data = 0 if version == '1.0' else 2048
    struct.pack_into('<IIII', sb, 0, 0xa92b4efc, 1, 0, 0)
    sb[16:32] = uuid; sb[32:40] = b'host:md0'
    struct.pack_into('<QiIQII', sb, 64, 1700000000, level, 2 if level == 5 else 0, 20000, 128 if level == 5 else 0, 3 if level == 5 else 2)
    struct.pack_into('<QQQ', sb, 128, data, 24576, place // 512)
    struct.pack_into('<I', sb, 160, 0); sb[168:184] = bytes(range(0x31, 0x41))
    struct.pack_into('<QQQ', sb, 192, 1700000000, 7, 0xffffffffffffffff)
    struct.pack_into('<I', sb, 220, 128)
    for i in range(128): struct.pack_into('<H', sb, 256 + 2 * i, i if i < 3 else 0xffff)
    struct.pack_into('<I', sb, 216, 0); struct.pack_into('<I', sb, 216, fold(bytes(sb[:256 + 256])))
with open(path, 'r+b') as disk: disk.seek(place); disk.write(sb)
PY
}
if command -v mdadm > /dev/null; then
  for version in 0.90 1.0 1.1 1.2; do
    for level in 1 5; do
      md $version $level
      mdadm --examine "$work/disk" > "$work/log" 2>&1
      grep -q 'Checksum : .* correct' "$work/log" || { fail "MD $version: mdadm does not accept the test's superblock"; cat "$work/log"; }
      "$list" "$work/disk" > "$work/ours"
      if [ $level = 5 ]; then
        compare "MD $version raid5"
        grep -q 'raid5: only RAID1 can be read' "$work/ours" || fail "MD $version: no reason"
      else
        grep -q "^remark.*RAID1 array $(blkid -p -s UUID -o value "$work/disk") (version $version)" "$work/ours" || { fail "MD $version"; cat "$work/ours"; }
        # A file system in the data area is found there
        offset=$(sed -n 's/.*Data Offset : \([0-9]*\) sectors.*/\1/p' "$work/log")
        rm -f "$work/inner"; truncate -s 8M "$work/inner"; mke2fs -q -t ext4 -L inside "$work/inner"
        dd if="$work/inner" of="$work/disk" bs=512 seek="${offset:-0}" conv=notrunc status=none
        [ $version = 1.2 ] && [ "${offset:-0}" -lt 16 ] && continue
        "$list" "$work/disk" | awk -F'\t' '$1 == "p0" {print $8, $10}' | grep -qx 'ext4 inside' || { fail "MD $version: its content"; "$list" "$work/disk"; }
        "$list" "$work/disk" --cat p0 | cmp -n $((8 << 20)) - "$work/inner" > /dev/null || fail "MD $version: its bytes"
      fi
    done
  done
else
  absent="$absent mdadm"
fi
[ -z "$absent" ] || echo "not tried, since absent:$absent"
echo "$tried formats"
finish
