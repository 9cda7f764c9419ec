#!/bin/bash
# Every image of the public corpus that holds an ext file system: what the kernel mounts is read as the kernel
# reads it, or the damaged object fails with an error that names the damage; nothing crashes, hangs or is
# listed that the kernel does not have. Damage that the kernel does not look for (checksums of what it never
# uses, entries that it passes over) is counted apart.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
need_root
need_corpus
corpus=$IMGFS_SHARED/corpus
mkdir -p "${work:?}/truth" "$work/empty"

unpack() {
  case $1 in
    *.tar.bz2) tar xjf "$1" -C "$work" && mv "$(find "$work" -maxdepth 1 -name '*.img' ! -name image.img | head -1)" "$2" ;;
    *.gz) gzip -dc "$1" >"$2" ;;
    *.bz2) bzip2 -dc "$1" >"$2" ;;
    *.zst) zstd -qdc "$1" >"$2" ;;
    *.xz) xz -dc "$1" >"$2" ;;
    *) cp "$1" "$2" ;;
  esac
}

equal=0 refused=0 damaged=0 unmountable=0
while IFS=$'\t' read -r path _ _ _ kind _; do
  case $kind in fs/ext | corrupt/ext) ;; *) continue ;; esac
  # 47,721 entries: only when asked for.
  [[ $path == *f_h_normal* && -z ${ALL:-} ]] && continue
  image=$work/image.img
  rm -f "$image" "$work/copy.img"
  unpack "$corpus/$path" "$image" 2>/dev/null || { fail "$path: cannot be unpacked"; continue; }
  cp --sparse=always "$image" "$work/copy.img"
  if mount -t ext4 -o loop,ro,noatime "$work/copy.img" "$work/truth" 2>/dev/null; then mounted=yes; else mounted=no; fi
  out=$(timeout 300 "$IMGFS_BIN/tests/fs_compare" ext "$image" "$work/truth" 2>&1)
  code=$?
  [ "$mounted" = yes ] && umount "$work/truth"
  if [ $code -gt 2 ]; then
    fail "$path: ended with $code: ${out:0:500}"
  elif [ "$mounted" = no ]; then
    unmountable=$((unmountable + 1))
    [ -n "${VERBOSE:-}" ] && echo "not mounted: $path: ${out:0:300}"
  elif [ $code -eq 0 ]; then
    equal=$((equal + 1))
  elif [ $code -eq 2 ]; then
    refused=$((refused + 1))
    [ -n "${VERBOSE:-}" ] && echo "refused: $path: $out"
  else
    # A difference must be an error of ours or of the kernel's that tells of damage, or what follows from one.
    rest=$(echo "$out" | grep -vE '^remark:|entries, [0-9]+ differences|: (stat|read_directory|read at|extent|read_link|list_attributes|lookup).*: ' |
      grep -vE "truth cannot be (stat'ed|opened)|truth cannot read|parent is wrong|xattrs: truth.*=6572726e6f20|listed twice|not in the truth|lookup and listing disagree")
    if [ -n "$rest" ]; then
      echo "differs: $path"
      echo "$out" | head -${LINES_SHOWN:-12}
    fi
    damaged=$((damaged + 1))
    [ -n "${VERBOSE:-}" ] && echo "damaged: $path: $out"
  fi
done <"$corpus/MANIFEST.tsv"
echo "$equal equal, $refused refused with a reason, $damaged with objects that fail, $unmountable that the kernel does not mount"
finish
