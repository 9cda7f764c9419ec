#!/usr/bin/env python3
"""Changes a mounted XFS in every way at once and shuts it down in the middle of it.

Usage: xfs_storm.py DIRECTORY SEED OPERATIONS [--flush]
The first of three workers counts: counted, not timed, a storm is as hard on a busy machine as on an idle
one. After OPERATIONS it shuts the file system down under the other two. --flush: the log is written first.
"""
import ctypes, errno, fcntl, os, random, stat, struct, subprocess, sys, time, traceback
root, seed, operations = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
GOING_DOWN, LOG_FLUSH, NO_LOG_FLUSH = 0x8004587d, 1, 2  # XFS_IOC_GOINGDOWN and its flags
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
block = os.statvfs(root).f_bsize
end = time.monotonic() + 500  # should the shutdown fail

class Worker:
    def __init__(s, n):
        s.r = random.Random(seed * 100 + n); s.home = f'{root}/w{n}'; s.held = []; s.dirs = [s.home]; s.files = []; s.count = 0
        os.makedirs(s.home, exist_ok=True); s.first = n == 0
    def name(s):
        s.count += 1; return f"{s.r.choice(s.dirs)}/{s.count:x}" + 'n' * s.r.choice((0, 0, 3, 40, 180))
    def file(s): return s.r.choice(s.files) if s.files else s.create()
    def create(s):
        p = s.name(); os.close(os.open(p, os.O_CREAT | os.O_WRONLY, s.r.choice((0o644, 0o4755)))); s.files.append(p); return p
    def many(s): [s.create() for _ in range(s.r.choice((5, 30, 120)))]
    def mkdir(s): p = s.name(); os.mkdir(p); s.dirs.append(p)
    def symlink(s): os.symlink('t' * s.r.choice((5, 200, 400, 1000)), s.name())
    def node(s): os.mknod(s.name(), s.r.choice((stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)) | 0o600, os.makedev(s.r.randrange(1, 200), s.r.randrange(100)))
    def link(s): p = s.name(); os.link(s.file(), p); s.files.append(p)
    def rename(s):
        if not s.files: return
        i = s.r.randrange(len(s.files)); p = s.name() if s.r.random() < .7 else s.r.choice(s.files); os.rename(s.files[i], p); s.files[i] = p; s.files = list(dict.fromkeys(s.files))
    def movedir(s):
        if len(s.dirs) > 3:
            i = s.r.randrange(1, len(s.dirs)); old = s.dirs[i]; new = f'{s.home}/d{s.count}'; s.count += 1; os.rename(old, new)
            s.dirs = [new + d[len(old):] if d == old or d.startswith(old + '/') else d for d in s.dirs]; s.files = [new + f[len(old):] if f.startswith(old + '/') else f for f in s.files]
    def unlink(s):
        for _ in range(s.r.choice((1, 1, 10, 60))):
            if s.files: os.unlink(s.files.pop(s.r.randrange(len(s.files))))
    def hold(s):
        p = s.name(); fd = os.open(p, os.O_CREAT | os.O_RDWR); os.write(fd, b'h' * s.r.randrange(50000)); os.unlink(p); s.held.append(fd)
        if len(s.held) > 30: os.close(s.held.pop(s.r.randrange(30)))
    def write(s):
        with open(s.file(), 'r+b', buffering=0) as f: os.pwrite(f.fileno(), bytes([s.r.randrange(256)]) * s.r.randrange(1, 100000), s.r.randrange(1 << 20)); s.sync(f)
    def fragments(s):
        with open(s.file(), 'r+b', buffering=0) as f:
            at = s.r.randrange(2000)
            for i in range(s.r.choice((10, 100, 600))): os.pwrite(f.fileno(), b'f', (at + 2 * i) * block)
            s.sync(f, .8)
    def fill(s):
        with open(s.file(), 'r+b', buffering=0) as f: os.pwrite(f.fileno(), b'F' * (block * s.r.randrange(1, 200)), s.r.randrange(1000) * block); s.sync(f, .5)
    def truncate(s): os.truncate(s.file(), s.r.choice((0, 5000, s.r.randrange(3 << 20))))
    def fallocate(s):
        with open(s.file(), 'r+b') as f: libc.fallocate(f.fileno(), s.r.choice((0, 1, 3, 16 | 0)), s.r.randrange(500) * block, s.r.randrange(1, 300) * block)
    def collapse(s):
        with open(s.file(), 'r+b') as f: libc.fallocate(f.fileno(), s.r.choice((8, 32)), s.r.randrange(200) * block, s.r.randrange(1, 100) * block)
    def clone(s):
        a, b = s.file(), s.create()
        with open(a, 'rb') as x, open(b, 'r+b') as y: fcntl.ioctl(y.fileno(), 0x40049409, x.fileno()); s.sync(y)
    def clone_range(s):
        a, b = s.file(), s.file()
        if a == b: return
        with open(a, 'rb') as x, open(b, 'r+b') as y:
            n = os.fstat(x.fileno()).st_size // block
            if n: o = s.r.randrange(n); fcntl.ioctl(y.fileno(), 0x4020940d, struct.pack('<qQQQ', x.fileno(), o * block, s.r.randrange(1, n - o + 1) * block, s.r.randrange(600) * block))
    def cow(s):
        with open(s.file(), 'r+b', buffering=0) as f:
            n = max(1, os.fstat(f.fileno()).st_size // block)
            for _ in range(s.r.choice((1, 20))): os.pwrite(f.fileno(), b'c' * 100, s.r.randrange(n) * block)
            s.sync(f, .7)
    def xattr(s):
        p = s.r.choice((s.file(), s.r.choice(s.dirs)))
        for _ in range(s.r.choice((1, 3, 40))): os.setxattr(p, s.r.choice(('user.', 'trusted.', 'security.')) + f'a{s.r.randrange(60)}', bytes([s.r.randrange(256)]) * s.r.choice((0, 5, 50, 200, 3000, 20000)))
    def unxattr(s):
        p = s.file()
        for n in os.listxattr(p)[:s.r.choice((1, 5, 50))]: os.removexattr(p, n)
    def attributes(s):
        p = s.file(); s.r.choice((lambda: os.chmod(p, s.r.randrange(4096)), lambda: os.chown(p, s.r.randrange(1 << 20), s.r.randrange(1 << 20)), lambda: os.utime(p, (s.r.randrange(1 << 33), s.r.randrange(1 << 33)))))()
    def sync(s, f, p=.3):
        if s.r.random() < p: os.fsync(f.fileno())
    def flush(s): fd = os.open(root, os.O_RDONLY); libc.syncfs(fd); os.close(fd)
    def swap(s):
        a, b = s.file(), s.name()
        size = os.stat(a).st_size
        if not 0 < size < 8 << 20: return
        with open(b, 'wb') as f: f.write(b'S' * size); os.fsync(f.fileno())
        s.files.append(b); subprocess.run(['xfs_io', '-c', f'swapext {b}', a], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def removedir(s):
        if len(s.dirs) > 1: d = s.r.choice(s.dirs[1:]); os.rmdir(d); s.dirs.remove(d)
    def run(s):
        ops = [s.many] * 3 + [s.mkdir] * 3 + [s.symlink] * 2 + [s.node, s.link, s.movedir, s.collapse, s.removedir] + [s.swap] * (seed % 4 == 0) + [s.rename] * 5 + [s.unlink] * 4 + [s.hold] * 3 + [s.write] * 4 + [s.fragments] * 4 + [s.fill] * 3 + [s.truncate] * 3 + [s.fallocate] * 3 + [s.clone] * 4 + [s.clone_range] * 5 + [s.cow] * 6 + [s.xattr] * 6 + [s.unxattr] * 2 + [s.attributes] * 4 + [s.flush]
        count = 0
        while time.monotonic() < end:
            if s.first and count == operations: shut_down(); return
            count += 1
            try: s.r.choice(ops)()
            except OSError as e:
                if e.errno in (errno.EIO, errno.ESHUTDOWN, errno.ENOTCONN): return
def shut_down():
    fd = os.open(root, os.O_RDONLY)
    fcntl.ioctl(fd, GOING_DOWN, struct.pack('<I', LOG_FLUSH if '--flush' in sys.argv else NO_LOG_FLUSH))
    os.close(fd)
pids = []
for worker in [Worker(n) for n in range(3)]:
    pid = os.fork()
    if pid == 0:
        failed = True
        try: worker.run(); failed = False
        except Exception: traceback.print_exc(); sys.stderr.flush()
        finally: os._exit(failed)
    pids.append(pid)
sys.exit(any([os.waitpid(pid, 0)[1] for pid in pids]))
