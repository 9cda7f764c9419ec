#!/usr/bin/env python3
"""Compares what xfs_list prints of an image with the truth that another kernel's mount of it was recorded as.

Usage: xfs_truth.py XFS_LIST IMAGE CORPUS NAME   (NAME: of the image in CORPUS/…/TRUTH.tsv)
"""
import glob, hashlib, lzma, os, subprocess, sys, tempfile
lister, image, corpus, name = sys.argv[1:]
truth = {}
folder = os.path.join(corpus, os.path.dirname(name))
for path in glob.glob(folder + '/TRUTH.tsv*'):
    opener = lzma.open if path.endswith('.xz') else open
    with opener(path, 'rb') as f:
        for line in f:
            field = line.rstrip(b'\n').split(b'\t')
            if field[0].decode() == name and len(field) == 13: truth[field[10]] = field
bad = 0
def differ(path, what, x, y):
    global bad; bad += 1
    if bad < 20: print(f'{path!r}: {what}: truth {x!r}, ours {y!r}')
with tempfile.TemporaryDirectory(dir=os.path.dirname(image)) as directory:
    done = subprocess.run([lister, image, directory], stdout=subprocess.PIPE)
    if done.returncode: differ(name, 'exit code', 0, done.returncode)
    ours = {}
    for line in done.stdout.split(b'\n'):
        field = line.split(b'\t')
        if len(field) == 10: ours[field[8]] = field
    for path in truth.keys() ^ ours.keys(): differ(path, 'exists', path in truth, path in ours)
    for path in truth.keys() & ours.keys():
        t, o = truth[path], ours[path]
        for what, x, y in (('type', t[3], o[0]), ('mode', t[4], o[1]), ('uid', t[5], o[2]), ('gid', t[6], o[3]),
                           ('size', t[7], o[4]), ('nlink', t[8], o[5]), ('link', t[11], o[9])):
            if x != y: differ(path, what, x, y)
        if t[9][:-1] != o[6]: differ(path, 'mtime', t[9], o[6])
        if o[0] == b'f' and len(t[12]) == 64:
            with open(os.path.join(directory, o[7].decode()), 'rb') as f: digest = hashlib.sha256(f.read()).hexdigest()
            if digest != t[12].decode(): differ(path, 'content', t[12], digest)
print(f'{len(truth)} entries in the truth, {bad} differences')
sys.exit(bad != 0 or not truth)
