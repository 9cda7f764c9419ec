# LVM2: volume groups made by lvm2's own tools without device-mapper. Where each logical volume lies comes from
# lvs; the test writes a pattern there itself (each 16 bytes are their own offset in the volume).
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
for tool in lvm losetup sgdisk python3; do command -v $tool > /dev/null || skip "needs $tool"; done
list=$IMGFS_BIN/tests/volumes_list
export LVM_SYSTEM_DIR=$work/etc LVM_SUPPRESS_FD_WARNINGS=1
mkdir "$work/etc"
groups=0 volumes=0

lvm_() { # COMMAND ARGUMENTS…: sees only this test's loop devices
  local filter=""
  for loop in "${loops[@]}"; do filter="$filter\"a|^$loop\$|\","; done
  local command=$1; shift
  "$command" --driverloaded n --config "devices { use_devicesfile=0 scan=[\"/dev\"] global_filter=[$filter\"r|.*|\"] }
    global { locking_type=1 use_lvmpolld=0 } activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }" \
    "$@" > "$work/log" 2> "$work/err" || { fail "$command $*"; cat "$work/log" "$work/err"; return 1; }
}
create() { lvm_ lvcreate -an -Zn -Wn "$@"; }
# attach IMAGE OFFSET SIZE: a loop device for a part of the image
attach() {
  local loop
  loop=$(losetup -f --show -o "$2" --sizelimit "$3" "$1") || { fail "losetup"; finish; }
  loops+=("$loop"); starts+=("$2")
}
detach() { for loop in "${loops[@]}"; do losetup -d "$loop"; done; loops=(); starts=(); }
loops=() starts=()

# fill IMAGE: writes the pattern of every logical volume and its copy as a file in $work/truth
fill() {
  rm -rf "$work/truth"; mkdir "$work/truth"
  lvm_ pvs --noheadings --units b --nosuffix -o pv_name,pe_start,vg_extent_size || return
  cp "$work/log" "$work/pvs"
  lvm_ lvs -a --segments --noheadings --units b --nosuffix -o vg_name,lv_name,lv_attr,seg_start,seg_size,segtype,stripesize,devices --separator '|' || return
  sync "$1"
  local i; for i in "${!loops[@]}"; do echo "${loops[$i]} ${starts[$i]}"; done > "$work/loops"
  python3 - "$1" "$work" <<'PY'
import sys, struct, collections
image, work = sys.argv[1:]
start = {l.split()[0]: int(l.split()[1]) for l in open(work + '/loops')}
pe = {}
for line in open(work + '/pvs'):
    f = line.split()
    if len(f) == 3: pe[f[0]] = (start[f[0]] + int(f[1]), int(f[2]))
def pattern(name, size):
    seed = sum(map(ord, name))
    return b''.join(struct.pack('<QQ', o, seed) for o in range(0, size, 16))
segments = collections.defaultdict(list)
for line in open(work + '/log'):
    vg, lv, attr, begin, size, kind, stripe, devices = line.strip().split('|')
    segments[vg, lv.strip('[]')].append((int(begin), int(size), kind, int(stripe), devices))
def areas(devices):
    for d in devices.split(','):
        name, extent = d[:-1].split('(')
        yield name, int(extent)
with open(image, 'r+b') as disk:
    def put(vg, lv, offset, data):  # data at offset of a volume, down to the disk
        for begin, size, kind, stripe, devices in segments[vg, lv]:
            lo, hi = max(offset, begin), min(offset + len(data), begin + size)
            if lo >= hi: continue
            part = data[lo - offset:hi - offset]
            parts = list(areas(devices))
            if kind in ('raid1', 'mirror'):
                for name, _ in parts: put(vg, name, lo - begin, part)
                continue
            step = stripe if len(parts) > 1 else len(part)
            at = lo - begin
            while part:
                n = min(step - at % step if len(parts) > 1 else len(part), len(part))
                name, extent = parts[at // step % len(parts)] if len(parts) > 1 else parts[0]
                inside = at // (step * len(parts)) * step + at % step if len(parts) > 1 else at
                base, extent_size = pe[name]
                disk.seek(base + extent * extent_size + inside)
                disk.write(part[:n]); part = part[n:]; at += n
    for (vg, lv), parts in segments.items():
        if '_rimage_' in lv or '_rmeta_' in lv or '_mimage_' in lv or '_mlog' in lv: continue
        size = max(b + s for b, s, *_ in parts)
        data = pattern(lv, size)
        put(vg, lv, 0, data)
        open(work + '/truth/' + vg.replace('-', '--') + '-' + lv.replace('-', '--'), 'wb').write(data)
PY
}
# compare NAME IMAGE: exactly the volumes of $work/truth, with their bytes, and each byte where locate says
compare() {
  "$list" "$2" > "$work/ours"
  (cd "$work/truth" && ls) | sort > "$work/a"
  awk -F'\t' '$2 == "-" {print $1}' "$work/ours" | sort > "$work/b"
  diff "$work/a" "$work/b" || { fail "$1: names"; cat "$work/ours"; }
  while read -r volume; do
    "$list" "$2" --cat "$volume" > "$work/bytes" || fail "$1: $volume cannot be read"
    cmp -s "$work/bytes" "$work/truth/$volume" || fail "$1: $volume differs: $(cmp "$work/bytes" "$work/truth/$volume" 2>&1)"
    "$list" "$2" --map "$volume" > "$work/map" || fail "$1: $volume cannot be located"
    python3 - "$2" "$work/truth/$volume" "$work/map" <<'PY' || fail "$1: $volume: locate"
import sys
disk, truth = open(sys.argv[1], 'rb'), open(sys.argv[2], 'rb').read()
end = 0
for line in open(sys.argv[3]):
    at, length, kind, offset = line.split()
    at, length, offset = int(at), int(length), int(offset)
    assert at == end and kind in ('host', 'zero'), line
    end = at + length
    disk.seek(offset)
    assert (disk.read(length) if kind == 'host' else bytes(length)) == truth[at:end], line
assert end == len(truth)
PY
    volumes=$((volumes + 1))
  done < "$work/a"
  groups=$((groups + 1))
}
parts() { # SIZE-IN-MIB COUNT: a GPT disk with COUNT equal partitions, attached
  rm -f "$work/disk"; truncate -s "$(($1 * $2 + 3))M" "$work/disk"
  sgdisk -Z "$work/disk" > "$work/log" 2>&1
  local i
  for i in $(seq "$2"); do sgdisk -n "$i:$((2048 * (1 + (i - 1) * $1))):+$1M" -t "$i:8e00" "$work/disk" > "$work/log" 2>&1 || fail sgdisk; done
  for i in $(seq "$2"); do attach "$work/disk" $((1048576 * (1 + (i - 1) * $1))) $(($1 * 1048576)); done
}

# One physical volume on the whole disk; a volume of three pieces; names with every allowed sign
truncate -s 64M "$work/disk"; attach "$work/disk" 0 67108864
lvm_ pvcreate "${loops[0]}"; lvm_ vgcreate -s 1M vg-with--hyphens "${loops[0]}"
create -L 5M -n root vg-with--hyphens; create -L 3M -n a-b+c.d_e vg-with--hyphens; lvm_ lvextend -L +2M vg-with--hyphens/root
create -L 1M -n x vg-with--hyphens; lvm_ lvextend -L +2M vg-with--hyphens/root
fill "$work/disk"; detach; compare "whole disk" "$work/disk"
[ "$(awk -F'\t' '$1 == "p0" {print $8}' "$work/ours")" = lvm2-pv ] || fail "whole disk: p0 is not an lvm2-pv"
[ "$(blkid -p -s UUID -o value "$work/disk")" = "$(awk -F'\t' '$1 == "p0" {print $9}' "$work/ours")" ] || fail "UUID of the physical volume"

# Three partitions: linear over all, stripes of 2 and 3 in several sizes
parts 24 3
lvm_ pvcreate "${loops[@]}"; lvm_ vgcreate -s 1M vg "${loops[@]}"
create -i 2 -I 4k -L 4M -n two vg; create -i 3 -I 64k -L 6M -n three vg; create -i 3 -I 1M -L 6M -n big vg
create -l 100%FREE -n rest vg
fill "$work/disk"; detach; compare "stripes" "$work/disk"

# Metadata only on the second of three, large extents, data aligned elsewhere, two areas
parts 40 3
lvm_ pvcreate --metadatacopies 0 "${loops[0]}" "${loops[2]}"; lvm_ pvcreate --metadatacopies 2 --dataalignment 3M "${loops[1]}"
lvm_ vgcreate -s 8M few "${loops[@]}"; create -i 3 -I 256k -L 48M -n data few; create -l 100%FREE -n rest few
fill "$work/disk"; detach; compare "metadata on one volume" "$work/disk"
# The first area of the two damaged: the second serves
dd if=/dev/zero of="$work/disk" bs=512 seek=$(((41 * 1048576 + 4096) / 512)) count=1 conv=notrunc status=none
compare "first metadata area damaged" "$work/disk"

# The ring of the metadata wraps around; the text lies across its end
parts 16 1
lvm_ pvcreate --metadatasize 16k "${loops[0]}"; lvm_ vgcreate -s 1M ring "${loops[0]}"; create -L 4M -n lv ring
wraps() { python3 - "$work/disk" <<'PY'
import struct, sys
disk = open(sys.argv[1], 'rb'); disk.seek(1 << 20); head = disk.read(1 << 20)
at = head.index(b' LVM2 x[5A%r0N*>') - 4
size, = struct.unpack_from('<Q', head, at + 32)
offset, length = struct.unpack_from('<QQ', head, at + 40)
sys.exit(0 if offset + length > size else 1)
PY
}
tags=(); for i in $(seq 100); do tags+=(--addtag "$(printf '%0900d' "$i")"); done
lvm_ vgchange "${tags[@]}" ring  # a text of 90 KB, so that the ring is full soon
wrapped=0
for i in $(seq 20); do
  lvm_ vgchange --addtag "tag$i" ring || break
  sync "$work/disk"
  wraps && { wrapped=1; break; }
done
[ $wrapped -eq 1 ] || echo "not tried: a metadata text that wraps around"
fill "$work/disk"; detach; compare "ring" "$work/disk"

# raid1 and mirror: restored from a text, since only device-mapper could make them
parts 24 2
lvm_ pvcreate "${loops[@]}"; lvm_ vgcreate -s 1M mir "${loops[@]}"
lvm_ vgcfgbackup -f "$work/backup" mir
python3 - "$work/backup" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
def lv(name, number, status, segments):
    s = name + ' {\nid = "AAAAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA%02d"\nstatus = [%s]\nflags = []\nsegment_count = %d\n' % (number, ', '.join('"%s"' % x for x in status), len(segments))
    for i, (start, count, body) in enumerate(segments):
        s += 'segment%d {\nstart_extent = %d\nextent_count = %d\n%s\n}\n' % (i + 1, start, count, body)
    return s + '}\n'
def linear(pv, extent): return 'type = "striped"\nstripe_count = 1\nstripes = ["pv%d", %d]' % (pv, extent)
rw, hidden = ['READ', 'WRITE'], ['READ', 'WRITE']
lvs = lv('r', 1, rw + ['VISIBLE'], [(0, 5, 'type = "raid1"\ndevice_count = 2\nregion_size = 1024\nraids = ["r_rmeta_0", "r_rimage_0", "r_rmeta_1", "r_rimage_1"]')])
for leg in (0, 1):
    lvs += lv('r_rmeta_%d' % leg, 2 + leg, rw, [(0, 1, linear(leg, 0))])
    lvs += lv('r_rimage_%d' % leg, 4 + leg, rw, [(0, 2, linear(leg, 1)), (2, 3, linear(leg, 9))])
lvs += lv('m', 6, rw + ['VISIBLE'], [(0, 3, 'type = "mirror"\nmirror_count = 2\nregion_size = 1024\nmirrors = ["m_mimage_0", 0, "m_mimage_1", 0]')])
for leg in (0, 1): lvs += lv('m_mimage_%d' % leg, 7 + leg, rw, [(0, 3, linear(leg, 5))])
text = re.sub(r'(\n\tphysical_volumes \{.*?\n\t\}\n)', lambda m: m.group(1) + '\nlogical_volumes {\n' + lvs + '}\n', text, flags=re.S)
open(sys.argv[1], 'w').write(text)
PY
if lvm_ vgcfgrestore --force -f "$work/backup" mir; then
  fill "$work/disk"; detach; compare "raid1 and mirror" "$work/disk"
  # The first physical volume gone: the other leg serves
  dd if=/dev/zero of="$work/disk" bs=1M seek=1 count=24 conv=notrunc status=none
  compare "raid1 and mirror without their first legs" "$work/disk"
fi
detach

# A missing physical volume costs what lies on it
parts 24 2
lvm_ pvcreate "${loops[@]}"; lvm_ vgcreate -s 1M half "${loops[@]}"
create -L 8M -n first half "${loops[0]}"; create -L 8M -n second half "${loops[1]}"; create -i 2 -L 4M -n both half
fill "$work/disk"; detach
dd if=/dev/zero of="$work/disk" bs=1M seek=25 count=24 conv=notrunc status=none
"$list" "$work/disk" > "$work/ours"
"$list" "$work/disk" --cat half-first | cmp - "$work/truth/half-first" || fail "the volume on the physical volume that is there"
"$list" "$work/disk" --cat half-second > /dev/null 2> "$work/err" && fail "a volume on a missing physical volume was read"
grep -q 'is missing' "$work/err" || fail "no reason: $(cat "$work/err")"
"$list" "$work/disk" --cat half-both > /dev/null 2>&1 && fail "half of the stripes were read"
grep -q 'half-both.*is missing' "$work/ours" || fail "half-both has no reason"
echo "$groups groups, $volumes volumes"
finish
