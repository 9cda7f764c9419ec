#!/bin/bash
# Makes the images in tests/xfs/data: small file systems with every on-disk shape, and one that was shut down
# with work in its log. Needs root, xfsprogs and python3. Not run by the tests.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d); mnt=$work/mnt; mkdir "$mnt"
trap 'umount "$mnt" 2>/dev/null || true; rm -rf "$work"' EXIT
options="-m rmapbt=1,uuid=01234567-89ab-cdef-0123-456789abcdef -l size=14m -n size=4096 -b size=4096"

mkfs.xfs --unsupported -q -L shapes $options -d "file,size=40m,agcount=1,name=$work/walk" 2>/dev/null >&2
mount -o loop "$work/walk" "$mnt"
python3 - "$mnt" <<'PY'
import fcntl, os, stat, struct, sys
os.chdir(sys.argv[1])
def put(p, b=b''):
    with open(p, 'wb') as f: f.write(b)
put('file', b'content of the file\n'); put('big', bytes(range(256)) * 20)
for d, n, pad in (('short', 3, 0), ('block', 30, 4), ('leaf', 150, 25), ('node', 520, 0)):
    os.mkdir(d)
    for i in range(n): os.link('file', f'{d}/{i:x}' + '_' * pad)
os.mkdir('short/sub'); os.mkdir('leaf/sub'); os.symlink('file', 'link'); os.symlink('l' * 600, 'long'); os.mkfifo('pipe'); os.mknod('null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
with open('tree', 'wb') as f:
    os.ftruncate(f.fileno(), 80 * 4096 - 100)
    for i in range(40): os.pwrite(f.fileno(), b'%4d' % i, 2 * i * 4096)
with open('clone', 'wb') as c, open('big', 'rb') as b: fcntl.ioctl(c.fileno(), 0x40049409, b.fileno())
os.setxattr('file', 'user.a', b'1'); os.setxattr('file', 'security.b', b'22'); os.setxattr('file', 'trusted.c', b'333')
put('attrs'); [os.setxattr('attrs', f'user.n{i}', b'v' * 30) for i in range(20)]
put('many'); [os.setxattr('many', f'user.name{i}', b'w' * 40) for i in range(75)]
put('remote'); os.setxattr('remote', 'user.long', bytes(range(250)) * 20)
acl = struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in ((1, 7, 0xffffffff), (2, 5, 1000), (4, 4, 0xffffffff), (16, 7, 0xffffffff), (32, 4, 0xffffffff)))
put('acl'); os.setxattr('acl', 'system.posix_acl_access', acl)
PY
fallocate -l 100k "$mnt/unwritten"
umount "$mnt"

mkfs.xfs --unsupported -q -L crashed $options -d "file,size=40m,agcount=1,name=$work/log" 2>/dev/null >&2
mount -o loop "$work/log" "$mnt"
python3 - "$mnt" <<'PY'
import fcntl, os, sys, subprocess
os.chdir(sys.argv[1])
def put(p, b=b''):
    with open(p, 'wb') as f: f.write(b)
def sync(): fd = os.open('.', os.O_RDONLY); os.fsync(fd); os.close(fd)
put('before', b'b' * 5000); os.mkdir('dir'); sync()
[put(f'dir/{i}', b'd') for i in range(12)]; os.setxattr('before', 'user.x', b'y' * 300); sync()
os.rename('dir/3', 'moved'); os.unlink('dir/4'); os.symlink('s' * 500, 'link'); os.truncate('before', 100); held = open('dir/5'); os.unlink('dir/5')
with open('clone', 'wb') as c, open('before', 'rb') as b: fcntl.ioctl(c.fileno(), 0x40049409, b.fileno())
with open('tree', 'wb') as f:
    os.ftruncate(f.fileno(), 60 * 4096)
    for i in range(30): os.pwrite(f.fileno(), b't', 2 * i * 4096)
    os.fsync(f.fileno())
for i in range(5): os.mkdir(f'dir{i}'); sync()
subprocess.run(['xfs_io', '-x', '-c', 'shutdown -f', '.'])
PY
umount "$mnt"

python3 - "$here/data" "$work/walk" "$work/log" <<'PY'
# Forgets what the log holds before its tail (but for the cycle numbers); then packs runs of 16-byte units: le32 count
# of zero ones, le32 count of others, then those.
import os, struct, sys
for image in sys.argv[2:]:
    data = bytearray(open(image, 'rb').read()); size, = struct.unpack_from('>I', data, 4); start, = struct.unpack_from('>Q', data, 48); blocks, = struct.unpack_from('>I', data, 96)
    start *= size; heads = [b for b in range(0, blocks * size, 512) if data[start + b:start + b + 4] == b'\xfe\xed\xba\xbe']
    for b in heads:  # what a mount clears beyond the head
        if data[start + b + 4:start + b + 8] == bytes(4): data[start + b:start + b + 512] = bytes(512)
    last = [b for b in heads if data[start + b]][-1]; tail = (struct.unpack_from('>Q', data, start + last + 24)[0] & 0xffffffff) * 512
    if image.endswith('walk'): tail = last
    for b in range(0, tail, 512): data[start + b:start + b + 512] = struct.pack('>I', 1) + bytes(508)
    out = [struct.pack('<Q', len(data))]; units = len(data) // 16; at = 0; zero = bytes(16)
    while at < units:
        a = at
        while at < units and data[at * 16:at * 16 + 16] == zero: at += 1
        b = at
        while at < units and data[at * 16:at * 16 + 16] != zero: at += 1
        out.append(struct.pack('<II', b - a, at - b) + data[b * 16:at * 16])
    open(f'{sys.argv[1]}/{os.path.basename(image)}.img.packed', 'wb').write(b''.join(out))
PY
ls -l "$here/data"
