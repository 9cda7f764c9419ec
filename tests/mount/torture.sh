# Two mutants of each base image through the real daemon: no crash, no hang, nothing left, clean reports.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_fuse
tool=$IMGFS_SHARED/tools/mutate-image
[ -x "$tool" ] || skip "the mutation tool is absent"
command -v mke2fs >/dev/null || skip "needs mke2fs"
[ -w /dev/shm ] && export TMPDIR=/dev/shm
"$IMGFS_SOURCE/scripts/torture" --programs "$IMGFS_BIN" --mutate "$tool" --seed ctest --count "${TORTURE_COUNT:-2}" \
  --seconds "${TORTURE_SECONDS:-30}" || fail "a mutant broke a promise"
finish
