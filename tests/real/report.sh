# The report on the real Debian disk: it passes; each single change gets exactly its own code.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
need_root
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imgfs
"$IMGFS_SOURCE/scripts/make-real-image" "$cache" || skip "the real image cannot be made here"

# expect NAME IMAGE VERDICT CODES: CODES as JSON
expect() {
  "$IMGFS_BIN/imgfs-check" --json "$2" >"$work/json" 2>"$work/err"
  jq -e --arg v "$3" --argjson c "$4" '.verdict == $v and .codes == $c' "$work/json" >/dev/null ||
    fail "$1: $(jq -c '[.verdict, .codes, [.findings[] | select(.status != "pass") | [.check, .status, .summary]]]' "$work/json") $(cat "$work/err")"
}
expect raw "$cache/debian.img" pass '[]'
expect qcow2 "$cache/debian.qcow2" pass '[]'
jq -e '.guest.name == "debian" or (.guest.name | test("Debian"))' "$work/json" >/dev/null || fail "guest: $(jq -c .guest "$work/json")"

# changed NAME COMMANDS: a copy of the disk, changed through the kernel's mount at $root
changed() {
  cp --sparse=always "$cache/debian.img" "$work/$1.img"
  root=$work/root
  mkdir -p "$root"
  mount -o loop,offset=1048576 "$work/$1.img" "$root" || fail "cannot change the image"
  eval "$2"
  umount "$root"
}
changed cloudinit 'rm -rf "$root"/usr/bin/cloud-init "$root"/usr/lib/python3/dist-packages/cloudinit "$root"/etc/cloud "$root"/lib/systemd/system/cloud-* "$root"/etc/systemd/system/*/cloud-* "$root"/etc/systemd/system/cloud-* "$root"/var/lib/dpkg/info/cloud-init.*; sed -i "/^Package: cloud-init$/,/^$/d" "$root/var/lib/dpkg/status"'
expect "cloud-init removed" "$work/cloudinit.img" fail '["CloudInitNotInstalled"]'
rm "$work/cloudinit.img"

changed virtio '
  initrd=$(ls "$root"/boot/initrd.img-*)
  mkdir "$work/unpacked"
  unmkinitramfs "$initrd" "$work/unpacked"
  main=$work/unpacked/main
  [ -d "$main" ] || main=$work/unpacked
  find "$main" -name "virtio_blk.ko*" -delete
  (cd "$main" && find . | cpio -o -H newc --quiet | zstd -q) >"$initrd"'
expect "virtio_blk taken out" "$work/virtio.img" fail '["VirtioNotInstall"]'
jq -e '.findings[] | select(.check == "virtio") | (.fix | test("update-initramfs")) and ([.evidence[].path] | any(test("initrd")))' "$work/json" >/dev/null ||
  fail "virtio: evidence or fix: $(jq -c '.findings[] | select(.check == "virtio")' "$work/json")"
rm "$work/virtio.img"

# Both forms in the mounted tree say the same as imgfs-check.
mkdir "$work/mnt"
product_mount "$cache/debian.qcow2" "$work/mnt"
"$IMGFS_BIN/imgfs-check" --json "$cache/debian.qcow2" >"$work/json"
diff <(jq -S . "$work/mnt/.import-report.json") <(jq -S . "$work/json") >"$work/diff" || fail "mount and imgfs-check differ: $(head "$work/diff")"
LC_ALL=C.UTF-8 grep -nP '[\x00-\x08\x0b-\x1f\x7f]' "$work/mnt/.import-report" && fail "control characters"
awk '{ if (length($0) > 80 && $0 !~ /[^ ]{60}/) exit 1 }' "$work/mnt/.import-report" || fail "lines are longer than 80 columns"
cat "$work/mnt/.import-report"
finish
