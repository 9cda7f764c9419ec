#!/usr/bin/env python3
"""Fills a mounted XFS with every shape that it has on disk.

Usage: xfs_fill.py DIRECTORY [--scale N] [--seed N]
Scale 1 takes about a second; 40 makes a directory of 300,000 entries and a file of 100,000 extents.
"""
import argparse, ctypes, errno, fcntl, os, random, socket, stat, struct
parser = argparse.ArgumentParser()
parser.add_argument('directory'); parser.add_argument('--scale', type=int, default=1); parser.add_argument('--seed', type=int, default=1)
args = parser.parse_args()
r = random.Random(args.seed)
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
os.chdir(args.directory)
block = os.statvfs('.').f_bsize

def put(path, data=b''):
    with open(path, 'wb') as f: f.write(data)
def maybe(action, *rest):
    """What this kernel or this file system does not have is left out."""
    try: action(*rest)
    except OSError as e:
        if e.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSPC, errno.E2BIG, errno.EFBIG): raise
def fallocate(f, mode, offset, length):
    if libc.fallocate(f.fileno(), mode, offset, length): raise OSError(ctypes.get_errno(), 'fallocate')
def counting(n, salt=0): return b''.join(struct.pack('<QQ', i, salt) for i in range(n // 16 + 1))[:n]

def directories():
    for name, count, length in (('short', 3, 5), ('block', 24, 20), ('leaf', 150, 40), ('node', 1500, 80), ('many', 7500 * args.scale, 12)):
        os.mkdir(name)
        for i in range(count):
            entry = f'{name}/{i:x}'.ljust(len(name) + 1 + length, '_')
            if i % 50 == 7: os.mkdir(entry)
            elif i % 50 == 8: os.symlink('x', entry)
            elif i % 50 == 9: os.mkfifo(entry)
            elif i % 50 == 10: os.mknod(entry, stat.S_IFCHR | 0o600, os.makedev(250, i % 250000))
            else: os.close(os.open(entry, os.O_CREAT | os.O_WRONLY))
    os.mkdir('holes')
    for i in range(2000): put(f'holes/{i:0150d}')
    for i in range(100, 1900): os.unlink(f'holes/{i:0150d}')
    os.mkdir('emptied')
    for i in range(600): put(f'emptied/{i:0100d}')
    for i in range(600): os.unlink(f'emptied/{i:0100d}')
    os.mkdir('collide')
    groups = (b'\x41\x41\x42\x43', b'\x41\x41\x43\xc3')  # the same hash, four bytes at a time
    for i in range(256): put(b'collide/' + b''.join(groups[i >> b & 1] for b in range(8)))
    os.mkdir('deep'); path = 'deep'
    for i in range(40):
        path += f'/{i}'; os.mkdir(path)
    os.mkdir(b'names')
    for n in (b'a', b'x' * 255, b'\xff\xfe', b'new\nline', b' ', b'...', 'ü'.encode() * 100): put(b'names/' + n)

def files():
    os.mkdir('files'); os.chdir('files')
    put('empty'); put('one', b'x'); put('block', counting(block)); put('odd', counting(block * 3 + 17)); put('mega', counting(3 << 20))
    with open('sparse', 'wb') as f:
        for at in (0, 5 * block, 1 << 20, (1 << 40) + 3): os.pwrite(f.fileno(), b'data%d' % at, at)
    with open('far', 'wb') as f:
        maybe(os.pwrite, f.fileno(), b'the end', (1 << 63) - 4096 - 4096 * (block > 4096) * 16)
        maybe(os.ftruncate, f.fileno(), (1 << 63) - 1)
    with open('unwritten', 'wb') as f:
        fallocate(f, 0, 0, 1 << 20); os.pwrite(f.fileno(), b'y' * 5000, 300000)
    with open('beyond', 'wb') as f:
        os.write(f.fileno(), counting(10000)); fallocate(f, 1, 0, 1 << 20)
    with open('punched', 'wb') as f:
        os.write(f.fileno(), counting(1 << 20)); fallocate(f, 3, 10000, 700000)
    for name, extents in (('fragments', 12), ('tree', 300), ('bush', 2500), ('forest', 2500 * args.scale)):
        with open(name, 'wb') as f:
            os.ftruncate(f.fileno(), 2 * extents * block)
            for i in range(extents): os.pwrite(f.fileno(), struct.pack('<Q', i) * 8, 2 * i * block)
    with open('mixed', 'wb') as f:
        os.ftruncate(f.fileno(), 4000 * block)
        for i in range(0, 4000, 4):
            fallocate(f, 1, i * block, 2 * block)
            if i % 8: os.pwrite(f.fileno(), b'w' * 100, i * block)
    for i in range(20):
        put(f'source{i}', counting(64 * block, i))
        with open(f'source{i}', 'rb') as s, open(f'clone{i}', 'wb') as c:
            maybe(fcntl.ioctl, c.fileno(), 0x40049409, s.fileno())
            if i % 3 == 0: os.pwrite(c.fileno(), b'changed', 7 * block)
    os.chdir('..')

def links():
    os.mkdir('links')
    for n in (1, 40, 100, 150, 160, 250, 330, 340, 400, 900, 960, 968, 969, 1000, 1023):
        os.symlink('t' * n if n % 2 else '/' + 'u/' * ((n - 1) // 2) + 'v', f'links/{n}')
    os.symlink(b'\xff\n', 'links/strange')
    put('links/file', b'linked'); [os.link('links/file', f'links/hard{i}') for i in range(5)]
    for i, kind in enumerate((stat.S_IFCHR, stat.S_IFBLK)):
        for major, minor in ((1, 3), (8, 17), (511, 262143), (4095, 0)): maybe(os.mknod, f'links/dev{i}-{major}', kind | 0o640, os.makedev(major, minor))
    s = socket.socket(socket.AF_UNIX); s.bind('links/socket'); s.close()

def metadata():
    os.mkdir('meta')
    for i, t in enumerate((0, -1, -(1 << 31), (1 << 31) - 1, 1 << 31, 1 << 32, 15032385535, -2000000000, 1234567890)):
        put(f'meta/time{i}'); maybe(lambda: os.utime(f'meta/time{i}', ns=(t * 10**9 + 999999999, t * 10**9 + 123456789)))
    for mode in (0, 0o7777, 0o4755, 0o2711, 0o1777): put(f'meta/mode{mode:o}'); os.chmod(f'meta/mode{mode:o}', mode)
    for u, g in ((1, 2), (65536, 4294967294), (2147483648, 100)): put(f'meta/owner{u}'); os.chown(f'meta/owner{u}', u, g)

def attributes():
    os.mkdir('attr')
    def make(name, count, size, spaces=('user', 'trusted', 'security')):
        put('attr/' + name, b'z' * 100)
        for i in range(count):
            maybe(os.setxattr, 'attr/' + name, f'{spaces[i % len(spaces)]}.n{i:04d}', bytes(r.randrange(256) for _ in range(size if size >= 0 else r.randrange(-size))))
    make('one', 1, 10); make('few', 6, 20); make('empty', 3, 0); make('leaf', 30, 40); make('node', 300, 100); make('thousand', 1000, 24, ('user',))
    make('remote', 3, 3000); make('big', 3, 65536, ('user',)); make('mixed', 200, -2500); make('removed', 200, 50)
    for i in range(0, 200, 2):
        try: os.removexattr('attr/removed', f"{('user', 'trusted', 'security')[i % 3]}.n{i:04d}")
        except OSError: pass
    put('attr/long'); os.setxattr('attr/long', 'user.' + 'n' * 250, b'v' * 200)
    put('attr/tree', b''); [os.setxattr('attr/tree', f'user.x{i}', b'q' * 30) for i in range(5)]
    with open('attr/tree', 'wb') as f:
        os.ftruncate(f.fileno(), 4000 * block); [os.pwrite(f.fileno(), b'e', 2 * i * block) for i in range(2000)]
    os.mkdir('attr/dir'); os.symlink('y' * 300, 'attr/symlink'); os.setxattr('attr/symlink', 'trusted.on-a-link', b'1', follow_symlinks=False)
    acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in ((1, 7, 0xffffffff), (2, 5, 1000), (2, 6, 70000), (4, 4, 0xffffffff), (8, 5, 100), (16, 7, 0xffffffff), (32, 4, 0xffffffff)))
    os.setxattr('attr/dir', 'system.posix_acl_default', acl); os.setxattr('attr/dir', 'system.posix_acl_access', acl); os.mkdir('attr/dir/heir'); put('attr/dir/file')
    many = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in [(1, 7, 0xffffffff)] + [(2, i % 8, 1000 + i) for i in range(300)] + [(4, 4, 0xffffffff), (16, 7, 0xffffffff), (32, 4, 0xffffffff)])
    put('attr/acl'); maybe(os.setxattr, 'attr/acl', 'system.posix_acl_access', many)

for part in (directories, files, links, metadata, attributes): part()
