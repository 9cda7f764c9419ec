#!/bin/bash
# scripts/run-checks with checks of every outcome, also one that hangs, and the examples on a made-up guest.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
run=$IMGFS_SOURCE/scripts/run-checks
mkdir -p "$work/mount/root/etc/ssh" "$work/mount/root/boot" "$work/checks"
echo '{}' >"$work/mount/.import-report.json"

check() { printf '#!/bin/sh\n%s\n' "$2" >"$work/checks/$1" && chmod +x "$work/checks/$1"; }
check 1-pass 'echo fine; echo more'
check 2-fail 'echo bad; exit 1'
check 3-warn 'echo hm; exit 2'
check 4-skip 'echo not here; exit 77'
check 5-broken 'echo oops; exit 9'
check 6-hang 'echo waiting; sleep 987654 & sleep 987654; wait'
check 7-stubborn 'trap "" TERM; while :; do sleep 1; done'
check 8-environment '[ -d "$IMGFS_MOUNT" ] && [ "$IMGFS_ROOT" = "$IMGFS_MOUNT/root" ] && grep -q "{}" "$IMGFS_REPORT" && echo seen'
check 9-colour 'printf "\033[31mred\n"'
echo 'not executable' >"$work/checks/README"

expected='PASS    1-pass: fine
FAIL    2-fail: bad
WARN    3-warn: hm
SKIP    4-skip: not here
BROKEN  5-broken: exit code 9: oops
BROKEN  6-hang: stopped after 1 seconds: waiting
BROKEN  7-stubborn: stopped after 1 seconds
PASS    8-environment: seen
PASS    9-colour: ?[31mred
9 checks: 3 passed, 1 failed, 1 warned, 1 skipped, 3 broken'
got=$(IMGFS_CHECK_TIMEOUT=1 "$run" "$work/mount" "$work/checks")
code=$?
[ "$got" = "$expected" ] || { fail "lines differ"; diff <(echo "$expected") <(echo "$got"); }
[ $code -eq 1 ] || fail "exit code $code, expected 1"
pgrep -f 'sleep 987654' >/dev/null && fail "a hanging check's child was left running"

rm "$work"/checks/[!1]*
"$run" "$work/mount" "$work/checks" >/dev/null || fail "one passing check: exit code $?"
rm "$work"/checks/*
"$run" "$work/mount" "$work/checks" >/dev/null 2>&1
[ $? -eq 2 ] || fail "no check at all must not pass"
"$run" "$work/nowhere" "$work/checks" >/dev/null 2>&1
[ $? -eq 3 ] || fail "a missing mount point is a mistake in usage"

# The examples: a guest with everything wrong, then one with everything right.
root=$work/mount/root
example() { IMGFS_MOUNT=$work/mount IMGFS_ROOT=$root IMGFS_REPORT=$work/mount/.import-report.json "$IMGFS_SOURCE/scripts/checks.d/$1" >"$work/out" 2>&1; }
expect() {
  example "$1"
  local code=$?
  [ $code -eq "$2" ] || fail "$1: exit code $code, expected $2: $(cat "$work/out")"
}
echo '/dev/sda1 / ext4 defaults 0 1' >"$root/etc/fstab"
printf 'PermitRootLogin yes\n' >"$root/etc/ssh/sshd_config"
echo key >"$root/etc/ssh/ssh_host_rsa_key"
mkdir -p "$root/usr/bin" "$root/etc/udev/rules.d"
touch "$root/usr/bin/vmtoolsd"
echo 'SUBSYSTEM=="net", ATTR{address}=="00:11:22:33:44:55", NAME="eth0"' >"$root/etc/udev/rules.d/70-persistent-net.rules"
expect 10-virtio-in-initramfs 77
expect 20-fstab-names 1
expect 30-ssh-root-login 1
expect 40-hypervisor-tools 2
expect 60-secrets 2
expect 70-network-leftovers 2
echo 'UUID=1 / ext4 defaults 0 1' >"$root/etc/fstab"
printf 'PermitRootLogin no\n' >"$root/etc/ssh/sshd_config"
: >"$root/etc/ssh/ssh_host_rsa_key"
rm "$root/usr/bin/vmtoolsd" "$root/etc/udev/rules.d/70-persistent-net.rules"
touch "$root/boot/initrd.img-6.1" && echo CONFIG_VIRTIO_BLK=y >"$root/boot/config-6.1"
for name in 10-virtio-in-initramfs 20-fstab-names 30-ssh-root-login 40-hypervisor-tools 60-secrets 70-network-leftovers; do
  expect $name 0
done
example 50-disk-usage
case $? in 0 | 1 | 2) ;; *) fail "50-disk-usage: $(cat "$work/out")" ;; esac
finish
