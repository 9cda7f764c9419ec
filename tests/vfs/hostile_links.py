"""hostile_links.py make DIRECTORY [COUNT]: a tree with COUNT (2,200) hostile symbolic links, always the same.
hostile_links.py check DIRECTORY MOUNTED: each link of DIRECTORY, followed by the kernel after a chroot to
DIRECTORY, and the same link followed by the kernel below MOUNTED, where an imgfs shows a copy of DIRECTORY:
both lead to the same place or fail with the same errno, and none leaves MOUNTED. Needs root for the chroot."""
import errno
import json
import os
import random
import stat
import sys


def make(top, count):
    pick = random.Random(4711)
    os.makedirs(top, exist_ok=True)
    directories = ['']
    words = ['etc', 'proc', 'self', 'passwd', '..', '.', '', 'missing', 'file', 'root', 'dev', 'hosts']
    for i in range(80):
        path = os.path.join(pick.choice(directories), 'd%d' % pick.randrange(14))
        os.makedirs(os.path.join(top, path), exist_ok=True)
        if path not in directories:
            directories.append(path)
            words.append(os.path.basename(path))
    for name in ('etc', 'usr/bin', 'var/lib'):
        os.makedirs(os.path.join(top, name), exist_ok=True)
    for name in ('etc/fstab', 'etc/os-release', 'etc/hosts', 'usr/bin/sh', 'file', 'd1/file'):
        os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
        with open(os.path.join(top, name), 'w') as file:
            file.write('inside ' + name + '\n')
    open(os.path.join(top, 'etc/fstab'), 'w').close()
    os.symlink('usr/bin', os.path.join(top, 'bin'))
    fixed = ['/', '..', '../..', '/..', '/etc/passwd', '/proc/self/root/etc/passwd', '/proc/self/cwd', '/dev/null',
             '../' * 40 + 'etc/passwd', '/' + '../' * 40 + 'proc/self/environ', '/etc/../../../etc/shadow', '.', './',
             '//etc//hosts', '/etc/hosts/', '/etc/hosts/..', '/missing/../etc/hosts', 'missing/../../../etc/hosts',
             '/etc/.', '/bin/sh', '/bin/../bin/sh', 'x' * 255 + '/../..', '/' * 300 + 'etc', '.' * 200]
    names = ['l%d' % i for i in range(count)]
    for i, name in enumerate(names):
        place = os.path.join(top, pick.choice(directories))
        if i < len(fixed) * 3:
            target = fixed[i % len(fixed)]
        elif i % 40 < 4:  # chains and loops
            target = '/c%d' % (i + 1 if i % 40 < 3 else i - pick.randrange(4))
        else:
            target = '/' if pick.randrange(3) == 0 else ''
            target += '../' * (pick.randrange(12) if pick.randrange(4) == 0 else 0)
            parts = []
            for _ in range(1 + pick.randrange(6)):
                kind = pick.randrange(6)
                parts.append('..' if kind < 2 else 'c%d' % pick.randrange(count) if kind < 4 else pick.choice(words))
            target += '/'.join(parts) + pick.choice(['', '', '', '/']) or '.'
        os.symlink(target, os.path.join(place, name))
        # At the top as well, so that links lead through links; a hard link, so that one link has two places.
        if pick.randrange(2):
            os.symlink(target, os.path.join(top, 'c%d' % i))
        else:
            os.link(os.path.join(place, name), os.path.join(top, 'c%d' % i), follow_symlinks=False)


def places(top):
    """Inode number to path, and all links."""
    paths, links = {os.stat(top).st_ino: '.'}, []
    for base, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(base, name)
            status = os.lstat(path)
            relative = os.path.relpath(path, top)
            if stat.S_ISLNK(status.st_mode):
                links.append(relative)
            else:
                paths[status.st_ino] = relative
    return paths, sorted(links)


def follow(links):
    result = []
    for link in links:
        try:
            status = os.stat('./' + link)
            result.append([0, status.st_ino, status.st_dev])
        except OSError as error:
            result.append([error.errno, 0, 0])
    return result


def check(truth, mounted):
    paths, links = places(truth)
    read, write = os.pipe()
    if os.fork() == 0:
        os.chroot(truth)
        os.chdir('/')
        with os.fdopen(write, 'w') as pipe:
            json.dump(follow(links), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        expected = json.load(pipe)
    os.wait()
    shown_paths, shown_links = places(mounted)
    differences = 0 if shown_links == links else 1
    device = os.stat(mounted).st_dev
    home = os.path.realpath(mounted)
    os.chdir(mounted)
    resolved = 0
    for link, (code, inode, _), (shown_code, shown_inode, shown_device) in zip(links, expected, follow(links)):
        wrong = ''
        if code != shown_code:
            wrong = 'errno %s, mounted %s' % (errno.errorcode.get(code), errno.errorcode.get(shown_code))
        elif code == 0 and (shown_device != device or paths.get(inode) != shown_paths.get(shown_inode)):
            wrong = 'leads to %s, mounted to %s' % (paths.get(inode), shown_paths.get(shown_inode))
        text = os.readlink(link)
        if text.startswith('/') or len(os.fsencode(text)) != os.lstat(link).st_size:
            wrong = 'absolute, or not as long as it says'
        if shown_code == 0:
            resolved += 1
            handle = os.open(link, os.O_PATH)
            real = os.readlink('/proc/self/fd/%d' % handle)
            os.close(handle)
            if real != home and not real.startswith(home + '/'):
                wrong = 'escapes to ' + real
        if wrong:
            differences += 1
            if differences <= 20:
                print('%s -> %s (shown %s): %s' % (link, os.readlink(os.path.join(truth, link)), text, wrong))
    print('%d links, %d resolve, %d differences' % (len(links), resolved, differences))
    return 0 if differences == 0 and len(links) >= 2000 and resolved > 500 else 1


if sys.argv[1] == 'make':
    make(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 2200)
else:
    sys.exit(check(os.path.realpath(sys.argv[2]), os.path.realpath(sys.argv[3])))
