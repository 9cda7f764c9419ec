"""Fills the mounted NTFS volume DIRECTORY with one of everything that ntfs-3g can write: ntfs_fill.py DIRECTORY NAMES"""
import os, random, socket, sys
top, names = sys.argv[1], int(sys.argv[2])
r = random.Random(5)
def path(*parts): return os.path.join(top, *parts)
def write(where, content):
    with open(path(where), 'wb') as f: f.write(content)
def attribute(where, name, value): os.setxattr(path(where), name, value)

os.mkdir(path('many'))
for i in range(names): write(f'many/file number {i:06d} with a name.txt', b'x' * (i % 700))
os.mkdir(path('sizes'))
for size in [0, 1, 7, 8, 100, 500, 511, 512, 513, 700, 4095, 4096, 4097, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1]:
    write(f'sizes/{size}', r.randbytes(size))

os.mkdir(path('links'))
write('links/a', b'hello')
for i in range(20): os.link(path('links/a'), path(f'links/hard{i}'))
os.symlink('a', path('links/relative')); os.symlink('/not/there', path('links/absolute')); os.symlink('no/\u00e4', path('links/dangling'))
os.mkfifo(path('links/fifo'))
os.mknod(path('links/character'), 0o20666, os.makedev(5, 7)); os.mknod(path('links/block'), 0o60666, os.makedev(300, 70000))
s = socket.socket(socket.AF_UNIX); s.bind(path('links/socket')); s.close()
write('links/short', b'short'); attribute('links/short', 'system.ntfs_dos_name', b'SHORT~1.TXT')

os.mkdir(path('names'))
for name in ['a', 'A\u00e4\u00c4', 'x' * 255, 'trail.', 'trail ', 'emoji\U0001f600', '\u4e2d\u6587', 'con', 'aux.txt', "q'uote"]:
    write('names/' + name, name.encode())
write('names/Case', b'1')
deep = top
for i in range(40):
    deep += '/d'; os.mkdir(deep)

os.mkdir(path('sparse'))
with open(path('sparse/tera'), 'wb') as f:
    f.seek(1 << 40); f.write(b'end'); f.seek(1 << 30); f.write(b'middle' * 1000); f.seek(12345); f.write(b'start')
with open(path('sparse/holes'), 'wb') as f:
    for i in range(300): f.seek(i * 200000); f.write(b'%08d' % i * 512)
os.truncate(path('sparse/holes'), 300 * 200000 + 5000000)
write('sparse/longer', b'abc'); os.truncate(path('sparse/longer'), 10 << 20)

os.mkdir(path('streams'))
for i, size in enumerate([0, 1, 100, 600, 5000, 65536]):
    write(f'streams/f{i}', b'main')
    attribute(f'streams/f{i}', 'user.one', r.randbytes(size)); attribute(f'streams/f{i}', 'user.two \u00e4', b'two' * i)
attribute('streams', 'user.of a directory', b'dir' * 50)
write('streams/lots', b'')
for i in range(60): attribute('streams/lots', f'user.stream{i:03d}', b'v' * i)

# Files that grow in turn are fragmented, so far that their run lists need extension records.
files = [open(path(f'fragmented{k}'), 'wb', buffering=0) for k in range(3)]
for i in range(800):
    for k, f in enumerate(files): f.write(r.randbytes(4096 * (k + 1)))
    if i % 32 == 0:
        for f in files: os.fsync(f.fileno())
for f in files: f.close()

write('readonly', b'ro'); attribute('readonly', 'system.ntfs_attrib', (0x21).to_bytes(4, 'little'))
os.utime(path('readonly'), ns=(1700000000123456700, -5000000000 * 1000000000))
attribute('sizes/100', 'system.ntfs_object_id', bytes(range(16)))
attribute('sizes/500', 'system.ntfs_object_id', bytes(range(64, 128)))
attribute('sizes/700', 'system.ntfs_ea', bytes([16, 0, 0, 0, 0, 3, 4, 0]) + b'ABC\0' + b'data')
attribute('sizes/8', 'system.ntfs_acl', os.getxattr(path('sizes/7'), 'system.ntfs_acl'))

os.mkdir(path('compressed'))
if len(sys.argv) < 4:  # clusters above 4 KiB have no compression
    attribute('compressed', 'system.ntfs_attrib', (0x810).to_bytes(4, 'little'))
words = [bytes(r.choices(range(97, 123), k=r.randint(2, 9))) for _ in range(500)]
for size in [0, 10, 600, 5000, 65536, 65537, 300000, 3000000]:
    write(f'compressed/text{size}', b' '.join(r.choices(words, k=size // 4 + 1))[:size])
    write(f'compressed/zeros{size}', bytes(size)); write(f'compressed/noise{size}', r.randbytes(size))
with open(path('compressed/mixed'), 'wb') as f:
    for i in range(60):
        f.write(bytes(r.randint(1, 200000))); f.write(b'abcabcabd' * r.randint(1, 9000)); f.write(r.randbytes(r.randint(1, 100000)))
with open(path('compressed/holes'), 'wb') as f:
    for i in range(50): f.seek(i * 300000); f.write(b'some text ' * 3000)
