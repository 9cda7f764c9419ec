#!/bin/bash
# Damaged QCOW2 images: where QEMU and we both read one, the bytes are the same; what only QEMU reads
# was cut off (QEMU reads zeros past a file's end) or a deflate stream that goes on after its cluster
# (QEMU keeps the start); nothing crashes. Arguments: mutants (default 60), seed.
. "${IMGFS_SOURCE:?}/tests/support/oracle.sh" || exit 1
command -v qemu-img >/dev/null || skip "needs qemu-img"
command -v python3 >/dev/null || skip "needs python3"
cd "$work" || exit 1

cat >mutants.py <<'PY'
import collections, random, re, subprocess, sys
dump, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)
with open('disk.raw', 'wb') as f:
    f.truncate(700 * 1024)
    for at in range(0, 700 * 1024, 20480):
        f.seek(at)
        f.write(r.randbytes(5000) if r.randrange(2) else b'plain text, again and again. ' * 250)
bases = []
for options in ('-o cluster_size=4k', '-o cluster_size=512', '-o cluster_size=4k,compat=0.10',
                '-o cluster_size=16k,extended_l2=on', '-c -o cluster_size=4k',
                '-c -o cluster_size=16k,compression_type=zstd', '-c -o extended_l2=on'):
    name = 'base%d' % len(bases)
    subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', *options.split(), 'disk.raw', name], check=True)
    bases.append(open(name, 'rb').read())

def number(data, at, size): return int.from_bytes(data[at:at + size], 'big')

def mutate(data):
    data = bytearray(data)
    cluster, l1 = 1 << number(data, 20, 4), number(data, 40, 8)
    tables = [number(data, l1 + 8 * i, 8) & 0xfffffffffffe00 for i in range(number(data, 36, 4))]
    tables = [t for t in tables if t]
    for _ in range(r.choice((1, 1, 2, 5, 20))):
        what = r.randrange(10)
        at = (r.randrange(112) if what < 3 else r.randrange(cluster) if what < 4 else
              l1 + r.randrange(8 * len(tables)) if what < 5 else
              r.choice(tables) + r.randrange(min(cluster, 2048)) if what < 9 else r.randrange(len(data)))
        if at < len(data):
            data[at] = r.choice((0, 255, 1, data[at] ^ 1 << r.randrange(8), r.randrange(256), data[at] + 1 & 255))
    return data[:r.randrange(1, len(data))] if r.randrange(10) == 0 else data

bad, seen = 0, collections.Counter()
for k in range(count):
    data = mutate(r.choice(bases))
    open('mutant', 'wb').write(data)
    modes = [['--map'], []] if number(data, 24, 8) <= 64 << 20 else [['--info']]
    for mode in modes:
        ours = subprocess.run([dump, 'mutant', '--format', 'qcow2', *mode], capture_output=True, timeout=60)
        if ours.returncode not in (0, 1):
            bad += 1; print('mutant', k, mode, 'ends with', ours.returncode, ours.stderr[-300:])
    if len(modes) == 1: continue
    theirs = subprocess.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', 'mutant', 'truth.raw'], capture_output=True)
    seen[ours.returncode == 0, theirs.returncode == 0] += 1
    if theirs.returncode != 0: continue
    if ours.returncode != 0:
        if not re.search(rb"cut off|past the file's end|ends inside|does not decompress to one", ours.stderr):
            bad += 1; print('mutant', k, 'only QEMU reads it:', ours.stderr)
        continue
    truth = open('truth.raw', 'rb').read()
    common = min(len(truth), len(ours.stdout))
    if ours.stdout[:common] != truth[:common]: bad += 1; print('mutant', k, 'other bytes')
print('read by both, QEMU, us, none:', seen[True, True], seen[False, True], seen[True, False], seen[False, False])
sys.exit(bad != 0)
PY
python3 mutants.py "$IMGFS_BIN/tests/image_dump" "${1:-60}" "${2:-1}" || fail "mutants"
finish
