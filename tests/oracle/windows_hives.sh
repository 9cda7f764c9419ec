# The registry reader equals reglookup (a reader of its own) on all keys and values of every public
# hive, and the services of a Windows 7 hive are those that were computed for it. What is torn or
# damaged is refused or said to be damaged; it never looks like a hive with fewer keys.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_corpus
for tool in reglookup hivexsh xzcat python3; do command -v $tool >/dev/null || skip "needs $tool"; done
corpus=$IMGFS_SHARED/corpus
dump=$IMGFS_BIN/tests/hive_dump
compare="$IMGFS_SOURCE/tests/oracle/windows_hives.py"

count=0
while IFS=$'\t' read -r file _ _ _ kind _; do
  case $kind in registry/*) ;; *) continue ;; esac
  count=$((count + 1))
  name=$(basename "${file%.xz}")
  case $file in *.xz) xzcat "$corpus/$file" >"$work/$name" ;; *) cp "$corpus/$file" "$work/$name" && chmod +w "$work/$name" ;; esac
  timeout 60 "$dump" "$work/$name" >"$work/dump"
  code=$?
  if [ "$kind" = registry/corrupt ]; then
    [ $code -eq 1 ] && grep -q '^refused: \|^damaged: ' "$work/dump" || fail "$name: exit code $code, not said to be damaged"
    continue
  fi
  [ $code -eq 0 ] || fail "$name: $(tail -1 "$work/dump")"
  reglookup "$work/$name" >"$work/other" 2>/dev/null
  echo "$name: $(python3 "$compare" keys "$work/dump" "$work/other")" >"$work/said"
  cut -c1-300 "$work/said"
  grep -q ' 0 differences' "$work/said" || fail "$name differs from reglookup"
  echo "  $("$dump" --single "$work/$name" | tail -3)"
  "$dump" --single "$work/$name" >/dev/null || fail "$name: key by key is not the same"
  # The top keys by the third reader.
  printf 'ls\n' | hivexsh "$work/$name" | LC_ALL=C sort >"$work/top"
  sed -n 's|^K /\([^/]\{1,\}\)$|\1|p' "$work/dump" | LC_ALL=C sort | diff - "$work/top" >/dev/null || fail "$name: top keys"
done <"$corpus/MANIFEST.tsv"
[ $count -ge 6 ] || fail "only $count hives in the corpus"

"$dump" "$work/SYSTEM" >"$work/dump"
python3 "$compare" services "$work/dump" "$corpus/regipy/SYSTEM.services.tsv" >"$work/said" || fail "services"
tail -3 "$work/said" | cut -c1-300

# Damage: no crash, no endless loop, and nothing is lost silently.
# Each case: a byte of the Windows 7 hive at one of 60 places, spread over all of it, is inverted; or the file ends there.
python3 - "$work" <<'PY'
import sys
work = sys.argv[1]
data = open(work + "/BCD", "rb").read()
for i in range(60):
    at = len(data) * i // 60 + 4 * i
    changed = bytearray(data)
    changed[at] ^= 0xff
    open(f"{work}/flip{i:02d}", "wb").write(changed)
    open(f"{work}/cut{i:02d}", "wb").write(data[:at])
PY
refused=0
for file in "$work"/flip?? "$work"/cut??; do
  timeout 20 "$dump" "$file" >"$work/dump"
  code=$?
  case $code in 0) ;; 1) refused=$((refused + 1)) ;; *) fail "$(basename "$file"): exit code $code" ;; esac
done
echo "$refused of 120 damaged hives refused or said to be damaged"
for file in "$work"/cut0? "$work"/cut[1-4]?; do
  "$dump" "$file" >/dev/null && fail "$(basename "$file") is not whole, but was read as if it were"
done
finish
