#!/usr/bin/env python3
"""tree_compare.py TRUTH TREE [--contained] [--no-owner] [--no-mode] [--skip NAME]...: compares two mounted trees.

Names, types, modes, owners, link counts, sizes, blocks, times, devices, link targets, extended
attributes, contents, and what SEEK_DATA finds. With --contained a link's target is not compared.
Prints up to 20 differences and 'N entries, M differences'; exit 0 where there is none.
"""
import argparse, hashlib, os, stat, sys

parser = argparse.ArgumentParser()
parser.add_argument('truth')
parser.add_argument('tree')
parser.add_argument('--contained', action='store_true')
parser.add_argument('--no-owner', action='store_true')
parser.add_argument('--no-mode', action='store_true')
parser.add_argument('--no-inode', action='store_true')
parser.add_argument('--skip', action='append', default=[])
options = parser.parse_args()
entries = differences = 0


def differ(path, what, truth, ours):
    global differences
    differences += 1
    if differences <= 20:
        print(f'{path!r}: {what}: truth {truth!r}, ours {ours!r}')


def content(path):
    """A digest of the data ranges, and how many bytes they have."""
    digest = hashlib.blake2b()
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as error:
        return error.errno
    try:
        size = os.fstat(fd).st_size
        at = 0
        while at < size:
            try:
                at = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(fd, at, os.SEEK_HOLE)
            while at < end:
                block = os.pread(fd, min(1 << 20, end - at), at)
                if not block:
                    return 'short'
                # Zeros count as a hole on both sides: where exactly holes are is told apart elsewhere.
                if block.strip(b'\0'):
                    for start in range(0, len(block), 4096):
                        piece = block[start:start + 4096]
                        if piece.strip(b'\0'):
                            digest.update((at + start).to_bytes(8, 'little') + piece)
                at += len(block)
        return digest.hexdigest()
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)


def attributes(path):
    found = {}
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            if name.startswith(('user.', 'security.', 'trusted.', 'system.posix_acl')):
                found[name] = os.getxattr(path, name, follow_symlinks=False)
    except OSError as error:
        return error.errno
    return found


def compare(truth, tree, seen):
    global entries
    entries += 1
    a, b = os.lstat(truth), os.lstat(tree)
    fields = ['st_nlink', 'st_mtime_ns', 'st_atime_ns', 'st_ctime_ns', 'st_size', 'st_blocks', 'st_rdev']
    fields += [] if options.no_inode else ['st_ino']
    fields += [] if options.no_owner else ['st_uid', 'st_gid']
    if options.contained and stat.S_ISLNK(a.st_mode):
        fields.remove('st_size')
    for field in fields:
        if getattr(a, field) != getattr(b, field):
            differ(tree, field, getattr(a, field), getattr(b, field))
    if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode) or (not options.no_mode and a.st_mode != b.st_mode):
        return differ(tree, 'st_mode', oct(a.st_mode), oct(b.st_mode))
    if attributes(truth) != attributes(tree):
        differ(tree, 'xattrs', attributes(truth), attributes(tree))
    if stat.S_ISLNK(a.st_mode) and not options.contained and os.readlink(truth) != os.readlink(tree):
        differ(tree, 'link', os.readlink(truth), os.readlink(tree))
    if stat.S_ISREG(a.st_mode) and a.st_ino not in seen:
        seen.add(a.st_ino)
        one, two = content(truth), content(tree)
        if one != two:
            differ(tree, 'content', one, two)
    if stat.S_ISDIR(a.st_mode):
        ours, theirs = set(os.listdir(tree)), set(os.listdir(truth))
        for name in (ours ^ theirs) - {os.fsencode(s) for s in options.skip}:
            differ(os.path.join(tree, name), 'listed', name in theirs, name in ours)
        for name in sorted(ours & theirs):
            if os.fsdecode(name) not in options.skip:
                compare(os.path.join(truth, name), os.path.join(tree, name), seen)


sys.setrecursionlimit(10000)
compare(os.fsencode(options.truth), os.fsencode(options.tree), set())
print(f'{entries} entries, {differences} differences')
sys.exit(1 if differences else 0)
