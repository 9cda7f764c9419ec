# Windows guests as they lie on disks: NTFS made by mkntfs and filled through ntfs-3g, a System Reserved
# partition before the system's, and a data volume. What the mount shows, and what its report says
# from inside of the sandbox (where the hives are read), with one change at a time.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse; need_root
for tool in mkntfs ntfs-3g sfdisk jq; do command -v $tool >/dev/null || skip "needs $tool"; done
make_hive=$IMGFS_BIN/tests/make_hive
disk=$work/disk.img
tab=$(printf '\t')

# pe FILE MACHINE: the head of a program; MACHINE as two bytes in octal
pe() { { printf 'MZ'; head -c 58 /dev/zero; printf '\200\0\0\0'; head -c 64 /dev/zero; printf "PE\0\0$2"; head -c 4000 /dev/zero; } >"$1"; }
# volume FILE MIB LABEL DIRECTORY START: an NTFS volume that holds what is in DIRECTORY
volume() {
  truncate -s "$2M" "$1"
  mkntfs -q -F -Q -s 512 -p "$5" -H 255 -S 63 -L "$3" "$1" >/dev/null 2>&1 || fail "mkntfs $3"
  mkdir -p "$work/fill"
  ntfs-3g "$1" "$work/fill" || fail "ntfs-3g $3"
  cp -a "$4/." "$work/fill/"
  [ -z "${6:-}" ] || eval "$6"
  sync -f "$work/fill"; umount "$work/fill"
  local tries=0
  while pgrep -f "ntfs-3g $1 " >/dev/null && [ $((tries += 1)) -lt 100 ]; do sleep 0.05; done
}
system_values() {
  cat <<TEXT
Select${tab}Current${tab}dword${tab}1
Select${tab}Default${tab}dword${tab}1
ControlSet001\\Services\\viostor${tab}Start${tab}dword${tab}0
ControlSet001\\Services\\viostor${tab}Group${tab}sz${tab}SCSI miniport
ControlSet001\\Services\\viostor${tab}ImagePath${tab}sz${tab}\\SystemRoot\\System32\\drivers\\viostor.sys
ControlSet001\\Services\\netkvm${tab}Start${tab}dword${tab}3
ControlSet001\\Services\\cloudbase-init${tab}Start${tab}dword${tab}2
DriverDatabase\\DeviceIds\\PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00${tab}oem3.inf${tab}hex${tab}01ff0000
MountedDevices${tab}\\DosDevices\\C:${tab}hex${tab}78563412$(little_endian 8 $((67584 * 512)))
MountedDevices${tab}\\??\\Volume{00112233-4455-6677-8899-aabbccddeeff}${tab}hex${tab}78563412$(little_endian 8 $((198656 * 512)))
MountedDevices${tab}\\DosDevices\\D:${tab}hex${tab}78563412$(little_endian 8 $((198656 * 512)))
TEXT
}
little_endian() { local i; for ((i = 0; i < $1; i++)); do printf '%02x' $(($2 >> (8 * i) & 255)); done; }
without() { system_values | grep -v "$1"; }

reserved=$work/reserved; system=$work/system; data=$work/data
config=$system/Windows/System32/config
mkdir -p "$reserved/Boot" "$config" "$system/Windows/System32/drivers" "$data/Shared Files" \
  "$system/Program Files/Cloudbase Solutions/Cloudbase-Init/conf" "$system/Users/Public"
echo boot >"$reserved/bootmgr"
printf 'Objects\\{1}\\Elements\\12000002\tElement\tsz\t\\Windows\\system32\\winload.exe\n' | $make_hive "$reserved/Boot/BCD"
{
  key='Microsoft\Windows NT\CurrentVersion'
  printf '%s\tProductName\tsz\tWindows Server 2019 Datacenter\n' "$key"
  printf '%s\tCurrentBuildNumber\tsz\t17763\n%s\tInstallationType\tsz\tServer\n%s\tCurrentVersion\tsz\t6.3\n' "$key" "$key" "$key"
  printf '%s\tCurrentMajorVersionNumber\tdword\t10\n%s\tCurrentMinorVersionNumber\tdword\t0\n' "$key" "$key"
} | $make_hive "$config/SOFTWARE"
system_values | $make_hive "$work/SYSTEM.good"
without viostor | $make_hive "$work/SYSTEM.bare"
pe "$system/Windows/System32/ntoskrnl.exe" '\144\206'
pe "$system/Windows/System32/drivers/viostor.sys" '\144\206'
printf '[DEFAULT]\r\nusername=Administrator\r\ninject_user_password=true\r\nmetadata_services=cloudbaseinit.metadata.services.configdrive.ConfigDriveService\r\n' \
  >"$system/Program Files/Cloudbase Solutions/Cloudbase-Init/conf/cloudbase-init.conf"
echo hello >"$system/Users/Public/Grüße.txt"
echo shared >"$data/Shared Files/Readme.txt"
ln -s 'Shared Files/Readme.txt' "$data/relative"
volume "$work/p1.img" 32 "System Reserved" "$reserved" 2048
volume "$work/p3.img" 24 Data "$data" 198656

# junction LINK TARGET [PRINTED]: a directory that is a mount point of Windows, target in its own spelling
junction() {
  mkdir -p "$1"
  python3 - "$1" "$2" <<'PY'
import os, struct, sys
target = sys.argv[2].encode("utf-16-le")
names = target + b"\0\0" + b"\0\0"
data = struct.pack("<HHHH", 0, len(target), len(target) + 2, 0) + names
os.setxattr(sys.argv[1], "system.ntfs_reparse_data", struct.pack("<IHH", 0xA0000003, len(data), 0) + data)
PY
}
links='
  junction "$work/fill/OnD" "\\??\\D:\\shared files"
  junction "$work/fill/Home" "\\??\\C:\\users"
  junction "$work/fill/Volume" "\\??\\Volume{00112233-4455-6677-8899-aabbccddeeff}\\"
  junction "$work/fill/Nowhere" "\\??\\E:\\x"
'
# disk_with SYSTEM [LOG1]: the disk with these files as the SYSTEM hive
disk_with() {
  rm -f "$config"/SYSTEM*
  cp "$1" "$config/SYSTEM"
  [ -z "${2:-}" ] || cp "$2" "$config/SYSTEM.LOG1"
  volume "$work/p2.img" 64 Windows "$system" 67584 "${3:-}"
  rm -f "$disk"; truncate -s 128M "$disk"
  printf 'label: dos\nlabel-id: 0x12345678\nstart=2048, size=65536, type=7, bootable\nstart=67584, size=131072, type=7\nstart=198656, size=49152, type=7\n' |
    sfdisk -q "$disk"
  dd if="$work/p1.img" of="$disk" bs=1M seek=1 conv=sparse,notrunc status=none
  dd if="$work/p2.img" of="$disk" bs=512 seek=67584 conv=sparse,notrunc status=none
  dd if="$work/p3.img" of="$disk" bs=512 seek=198656 conv=sparse,notrunc status=none
}
# expect NAME VERDICT CODES [CHECK STATUS]: of the mounted report, which imgfs-check must repeat. All
# checks but CHECK pass.
expect() {
  product_mount "$disk" "$work/mnt" || fail "$1: does not mount"
  cp "$work/mnt/.import-report.json" "$work/mounted.json"
  "$IMGFS_BIN/imgfs-check" --json "$disk" >"$work/json"
  diff <(jq -S . "$work/mounted.json") <(jq -S . "$work/json") >/dev/null || fail "$1: mount and imgfs-check differ"
  jq -e --arg v "$2" --argjson c "$3" --arg check "${4:-}" --arg s "${5:-}" '
    .verdict == $v and .codes == $c and
    all(.findings[]; if .check == $check then .status == $s else .status == "pass" or .status == "not-applicable" or .status == "not_applicable" end)' \
    "$work/mounted.json" >/dev/null ||
    fail "$1: $(jq -c '[.verdict, .codes, [.findings[] | select(.status != "pass") | [.check, .status, .summary, .evidence]]]' "$work/mounted.json")"
  cases=$((cases + 1))
}
unmount() { umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"; }
cases=0

disk_with "$work/SYSTEM.good"
expect good pass '[]'
root=$work/mnt/root
[ "$(jq -r '.guest.root' "$work/mounted.json")" = p2 ] || fail "the system is on p2: $(jq -c .guest "$work/mounted.json")"
[ "$(jq -r '.guest.family' "$work/mounted.json")" = windows ] || fail "family: $(jq -c .guest "$work/mounted.json")"
cmp -s "$root/windows/SYSTEM32/Config/system" "$work/SYSTEM.good" || fail "/root does not ignore case"
[ "$(cat "$root/users/public/GRÜßE.TXT")" = hello ] || fail "/root does not ignore the case of ü"
[ ! -e "$work/mnt/p2/windows/system32" ] || fail "a volume's own directory must not ignore case"
[ -e "$work/mnt/p1/Boot/BCD" ] && [ ! -e "$root/Boot" ] || fail "System Reserved is at /p1 and not in /root"
diff -r "$system" "$root" >/dev/null || fail "/root is not what was copied: $(diff -rq "$system" "$root" | head -3)"
unmount

# Links that name drives lead to the volume with that letter, and stay inside of /root.
disk_with "$work/SYSTEM.good" "" "$links"
expect "drive letters" pass '[]'
[ "$(jq -c '.guest.mounts' "$work/mounted.json")" = '{"/D:":"p3"}' ] || fail "mounts: $(jq -c .guest "$work/mounted.json")"
[ "$(cat "$root/OnD/README.TXT")" = shared ] || fail "junction to D: $(readlink "$root/OnD")"
[ "$(cat "$root/Volume/relative")" = shared ] || fail "junction to a volume: $(readlink "$root/Volume")"
[ -e "$root/Home/Public" ] || fail "junction to C: $(readlink "$root/Home")"
[ -e "$root/Nowhere" ] && fail "a drive that is not there: $(readlink "$root/Nowhere")"
[ "$(cat "$root/d:/relative")" = shared ] || fail "/root/d:"
[ "$(cd "$root/D:/Shared Files" && cd -P ../../Users && pwd -P)" = "$root/Users" ] || fail "above D: is /root"
ls -A "$root" | grep -q ':$' && fail "drives must not be listed"
for link in OnD Home Volume Nowhere; do
  case $(readlink "$root/$link") in /*|*../..*) fail "$link leads out: $(readlink "$root/$link")" ;; esac
done
unmount

disk_with "$work/SYSTEM.bare"
expect "no viostor" fail '["VirtioNotInstall"]' virtio fail
unmount

for form in tear tear-old; do
  $make_hive $form "$work/SYSTEM.good" "$work/SYSTEM.bare" "$work/SYSTEM.torn"
  disk_with "$work/SYSTEM.torn" "$work/SYSTEM.torn.LOG1"
  expect "dirty, its log takes viostor away ($form)" fail '["VirtioNotInstall"]' virtio fail
  unmount
done
$make_hive tear "$work/SYSTEM.bare" "$work/SYSTEM.good" "$work/SYSTEM.torn"
disk_with "$work/SYSTEM.torn" "$work/SYSTEM.torn.LOG1"
expect "dirty, its log brings viostor" pass '[]'
unmount
$make_hive tear "$work/SYSTEM.good" "$work/SYSTEM.bare" "$work/SYSTEM.torn"
disk_with "$work/SYSTEM.torn"
expect "dirty, without a log" warn '[]' virtio warn
unmount
head -c 3000 "$work/SYSTEM.good" >"$work/SYSTEM.cut"
disk_with "$work/SYSTEM.cut"
product_mount "$disk" "$work/mnt"
for check in virtio cloud-init; do
  jq -e --arg c $check 'any(.findings[]; .check == $c and .status == "unknown")' "$work/mnt/.import-report.json" >/dev/null ||
    fail "a hive that is cut off: $check is not unknown"
done
jq -e '.codes == []' "$work/mnt/.import-report.json" >/dev/null || fail "a hive that is cut off: codes"
unmount
echo "$cases guests as expected"
finish
