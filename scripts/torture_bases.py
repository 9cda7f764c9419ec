"""The images that scripts/torture mutates: small, sparse, made here, one function for each kind."""
import glob, os, shutil, struct, subprocess

MIB = 1 << 20


def must(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    if done.returncode != 0:
        raise OSError(f'{command}: {done.stderr.decode(errors="replace").strip()}')
    return done.stdout


class Bases:
    """Makes what is asked for by name in a directory, once. `tools` is where the mutation tool's shared
    folder is: its hives are used for the Windows guest where they are there."""

    def __init__(self, directory, shared):
        self.directory = directory
        self.shared = shared
        self.point = os.path.join(directory, 'base-mnt')
        os.makedirs(self.point, exist_ok=True)
        self.made = {}

    def get(self, name):
        """The path of a base; OSError where this machine cannot make it."""
        if name not in self.made:
            KINDS[name](self, self.path(name))
            self.made[name] = self.path(name)
        return self.made[name]

    def path(self, name):
        return os.path.join(self.directory, name)

    def blank(self, path, mib):
        with open(path, 'wb') as f:
            f.truncate(mib * MIB)
        return path

    def source(self):
        """A Linux system in small: what every check looks at, and some files of every shape."""
        top = self.path('source')
        if not os.path.isdir(top):
            os.makedirs(top)
            fill_shapes(top)
            fill_linux(top)
        return top

    def mounted(self, mount, action):
        must(*mount, self.point)
        try:
            action(self.point)
        finally:
            must('umount', self.point)

    def put(self, disk, part, offset_mib):
        must('dd', 'if=' + part, 'of=' + disk, 'bs=1M', f'seek={offset_mib}', 'conv=notrunc,sparse')


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def fill_shapes(top):
    for i in range(0, 60, 3):
        write(f'{top}/dir{i % 7}/file-{i}', bytes(range(256)) * (i * i // 6))
        os.makedirs(f'{top}/dir{i % 7}/sub', exist_ok=True)
        with open(f'{top}/dir{i % 7}/sub/sparse{i}', 'wb') as f:
            f.seek(i * 10000)
            f.write(b'end')
    for i in range(120):
        write(f'{top}/many/a-rather-long-name-so-that-the-directory-has-an-index-{i}', str(i))
    with open(f'{top}/holes', 'wb') as f:  # an extent or block tree of more than one level
        for i in range(400):
            f.seek(i * 8192)
            f.write(b'%d' % i)
    os.symlink('/etc/passwd', f'{top}/absolute')
    os.symlink('dir1/file-15', f'{top}/relative')
    os.symlink('x' * 300, f'{top}/long')
    os.link(f'{top}/dir1/file-15', f'{top}/linked')


def archive(tree):
    names = b'\0'.join(os.fsencode(n) for n in sorted(os.path.relpath(p, tree) for p in glob.glob(tree + '/**', recursive=True)))
    return must('cpio', '-o', '-0', '-H', 'newc', '--quiet', cwd=tree, input=names)


def fill_linux(top):
    write(f'{top}/etc/fstab', 'UUID=00000000-1111-2222-3333-444444444444 / ext4 defaults 0 1\n/dev/sdb1 /data xfs defaults 0 0\n')
    write(f'{top}/usr/lib/os-release', 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    os.symlink('../usr/lib/os-release', f'{top}/etc/os-release')
    write(f'{top}/etc/cloud/cloud.cfg', 'datasource_list: [ ConfigDrive, TencentCloud ]\nusers:\n  - default\n'
          'cloud_init_modules: &m\n - seed_random\n - write-files\ncopy: *m\n')
    write(f'{top}/boot/grub/grub.cfg', 'set default="0"\nmenuentry "Debian" {\n search --fs-uuid --set=root 00000000\n'
          ' linux /boot/vmlinuz-6.1.0-1-amd64 root=UUID=00000000-1111-2222-3333-444444444444 ro\n'
          ' initrd /boot/initrd.img-6.1.0-1-amd64\n}\n')
    write(f'{top}/boot/vmlinuz-6.1.0-1-amd64', bytes(510) + b'\x55\xaa\xeb\x66HdrS' + bytes(4000) + b'6.1.0-1-amd64 (debian)')
    write(f'{top}/boot/config-6.1.0-1-amd64', 'CONFIG_VIRTIO=y\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n')
    modules = 'lib/modules/6.1.0-1-amd64'
    for name in ('virtio', 'virtio_pci', 'virtio_blk', 'virtio_net'):
        write(f'{top}/usr/{modules}/kernel/drivers/{name}.ko', b'\x7fELF\2\1\1' + bytes(2000))
    os.symlink('usr/lib', f'{top}/lib')
    os.symlink('usr/bin', f'{top}/bin')
    write(f'{top}/usr/bin/sh', b'\x7fELF\2\1\1\0' + bytes(8) + struct.pack('<HH', 2, 62) + bytes(100))
    write(f'{top}/var/lib/dpkg/status', 'Package: cloud-init\nStatus: install ok installed\nVersion: 23.1\n\n')
    tree = os.path.dirname(top) + '/initramfs'
    for name in ('virtio', 'virtio_pci', 'virtio_blk'):
        write(f'{tree}/usr/{modules}/kernel/drivers/{name}.ko', b'\x7fELF\2\1\1' + bytes(2000))
    packed = archive(tree)
    early = os.path.dirname(top) + '/early'
    write(f'{early}/kernel/x86/microcode/GenuineIntel.bin', bytes(512))
    write(f'{top}/boot/initrd.img-6.1.0-1-amd64', archive(early) + must('zstd', '-q', '-c', input=packed))
    write(f'{top}/boot/initrd.img-5.10.0-1-amd64', must('gzip', '-c', input=packed))
    write(f'{top}/boot/vmlinuz-5.10.0-1-amd64', bytes(510) + b'\x55\xaa\xeb\x66HdrS' + bytes(4000))


def extended(options, mib=16, source=True):
    def make(bases, path):
        bases.blank(path, mib)
        must('mke2fs', '-q', '-F', '-U', '00000000-1111-2222-3333-444444444444', *options, *(('-d', bases.source()) if source else ()), path)
    return make


def ext4_dirty(bases, path):
    """A journal that has to be replayed: copied while the kernel has it mounted."""
    live = path + '.live'
    extended(['-t', 'ext4', '-O', '^fast_commit'], 24)(bases, live)
    def change(point):
        shutil.rmtree(point + '/dir1')
        for i in range(100):
            write(f'{point}/new/{i}', bytes(3000))
        os.sync()
        must('cp', '--sparse=always', live, path)
    bases.mounted(['mount', '-o', 'loop', live], change)
    os.unlink(live)


def xfs(options, dirty=False):
    def make(bases, path):
        live = path + '.live'
        bases.blank(live, 300)
        must('mkfs.xfs', '-q', '-f', *options, live)
        def change(point):
            must('cp', '-a', '--sparse=always', bases.source() + '/.', point)
            for i in range(40):
                os.setxattr(point + '/dir1/file-15', f'user.number{i}', b'v' * 60)
            if dirty:
                os.sync()
                shutil.rmtree(point + '/dir2')
                must('xfs_io', '-x', '-c', 'shutdown -f', point)
        bases.mounted(['mount', '-o', 'loop', live], change)
        must('cp', '--sparse=always', live, path)
        os.unlink(live)
    return make


def xfs_v4(bases, path):
    """The kernel need not know version 4: mkfs.xfs fills it from a list of its own form."""
    lines = ['/dev/null', '0 0']
    def list_tree(directory):
        for name in sorted(os.listdir(directory)):
            full = os.path.join(directory, name)
            if ' ' in name:
                continue
            if os.path.islink(full):
                lines.append(f'{name} l--777 0 0 {os.readlink(full)}')
            elif os.path.isdir(full):
                lines.append(f'{name} d--755 0 0')
                list_tree(full)
            else:
                lines.append(f'{name} ---644 0 0 {full}')
        lines.append('$')
    lines.append('d--755 0 0')
    list_tree(bases.source())
    with open(path + '.list', 'w') as f:
        f.write('\n'.join(lines) + '\n')
    bases.blank(path, 300)
    must('mkfs.xfs', '-q', '-f', '-m', 'crc=0', '-n', 'size=8192', '-p', path + '.list', path)


def ntfs(bases, path):
    bases.blank(path, 24)
    must('mkntfs', '-q', '-F', '-f', path)
    def change(point):
        os.makedirs(point + '/packed')
        os.setxattr(point + '/packed', 'system.ntfs_attrib_be', b'\0\0\x08\x10')
        must('cp', '-r', bases.source() + '/dir1', bases.source() + '/dir2', bases.source() + '/many', bases.source() + '/holes', point)
        must('cp', bases.source() + '/dir1/file-57', bases.source() + '/etc/fstab', point + '/packed')
        os.setxattr(point + '/holes', 'user.stream', bytes(5000))
        config = point + '/Windows/System32/config'
        os.makedirs(config)
        write(point + '/Windows/System32/drivers/viostor.sys', b'MZ' + bytes(3000))
        write(point + '/Windows/System32/ntoskrnl.exe', b'MZ' + bytes(58) + struct.pack('<I', 64) + b'PE\0\0' + struct.pack('<H', 0x8664) + bytes(300))
        for hive, keys in HIVES.items():
            make_hive(bases, f'{config}/{hive}', keys)
    bases.mounted(['ntfs-3g', '-o', 'compression', path], change)


HIVES = {
    'SYSTEM': [('Select', {'Current': 'dword:1'}), ('ControlSet001\\Services\\viostor', {'Start': 'dword:0', 'ImagePath': 'string:x.sys'}),
               ('ControlSet001\\Services\\netkvm', {'Start': 'dword:3'}), ('ControlSet001\\Control\\CriticalDeviceDatabase', {})],
    'SOFTWARE': [('Microsoft\\Windows NT\\CurrentVersion', {'ProductName': 'string:Windows Server 2019', 'CurrentBuild': 'string:17763',
                                                           'InstallationType': 'string:Server', 'CurrentVersion': 'string:6.3'})],
}


def make_hive(bases, path, keys):
    start = os.path.join(bases.shared, 'corpus/hivex/minimal.hive')
    if not os.path.exists(start):
        return
    local = bases.path('hive')
    shutil.copy(start, local)
    lines, known = [], set()
    for key, values in keys:
        lines.append('cd \\')
        parts = key.split('\\')
        for depth, part in enumerate(parts, 1):
            above = tuple(parts[:depth])
            lines += [f'cd {part}'] if above in known else [f'add {part}', f'cd {part}']  # a second "add" ends the program
            known.add(above)
        lines += [f'setval {len(values)}', *(line for v in values.items() for line in v)] if values else []
    must('hivexsh', '-w', local, input='\n'.join(lines + ['commit', 'quit', '']).encode())
    shutil.copy(local, path)


def fat(options, mib):
    def make(bases, path):
        bases.blank(path, mib)
        must('mkfs.vfat', *options, path)
        must('mcopy', '-s', '-i', path, *(bases.source() + n for n in ('/dir1', '/dir2', '/many', '/etc')), '::')
    return make


def sfdisk(path, script):
    must('sfdisk', '-q', '--no-tell-kernel', path, input=script)


def gpt(bases, path):
    bases.blank(path, 20)
    sfdisk(path, b'label: gpt\n2048,34816\n')
    bases.put(path, bases.get('ext4.img'), 1)


def mbr(bases, path):
    """Two primaries and three logical partitions; a FAT, an ext2, and what is only named."""
    bases.blank(path, 64)
    sfdisk(path, b'label: dos\nunit: sectors\n2048,30720,c,*\n34816,,5\n36864,32768,83\n71680,16384,82\n90112,16384,83\n')
    bases.put(path, bases.get('fat16.img'), 1)
    bases.put(path, bases.get('ext2.img'), 18)
    swap = bases.blank(path + '.part', 8)
    must('mkswap', '-q', swap)
    bases.put(path, swap, 35)
    header = bytes(1024) + b'H+\0\4' + bytes(36) + struct.pack('>II', 4096, 2048) + bytes(456)  # HFS+: named, not read
    with open(path, 'r+b') as disk:
        disk.seek(90112 * 512)
        disk.write(header)
    os.unlink(swap)


LVM = '''devices { use_devicesfile=0 scan=["/dev"] global_filter=["a|^%s$|","r|.*|"] }
global { locking_type=1 use_lvmpolld=0 } activation { udev_sync=0 udev_rules=0 monitoring=0 } backup { backup=0 archive=0 }'''


def gpt_lvm(bases, path):
    """A physical volume on a GPT disk, with two logical volumes, one of them in two segments."""
    bases.blank(path, 64)
    sfdisk(path, b'label: gpt\nunit: sectors\n2048,126976,E6D6D379-F507-44C2-A23C-238F2A3DF928\n')
    loop = must('losetup', '-f', '--show', '-o', str(MIB), '--sizelimit', str(62 * MIB), path).decode().strip()
    try:
        def lvm(command, *arguments):
            environment = dict(os.environ, LVM_SYSTEM_DIR=bases.directory, LVM_SUPPRESS_FD_WARNINGS='1')
            return must(command, '--driverloaded', 'n', '--config', LVM % loop, *arguments, env=environment).decode()
        create = ('-an', '-Zn', '-Wn', '-q')
        lvm('pvcreate', '-q', loop)
        lvm('vgcreate', '-q', '-s', '1M', 'vg-0', loop)
        lvm('lvcreate', *create, '-L', '16M', '-n', 'root', 'vg-0')
        lvm('lvcreate', *create, '-L', '8M', '-n', 'ext-2', 'vg-0')
        lvm('lvcreate', *create, '-L', '8M', '-n', 'gone', 'vg-0')
        lvm('lvextend', '-q', '-L', '+8M', 'vg-0/ext-2')
        first = int(float(lvm('pvs', '--noheadings', '--units', 'm', '--nosuffix', '-o', 'pe_start', loop)))
    finally:
        must('losetup', '-d', loop)
    bases.put(path, bases.get('ext4.img'), 1 + first)
    part = bases.path('ext2.img')
    bases.get('ext2.img')
    must('dd', 'if=' + part, 'of=' + path, 'bs=1M', f'seek={1 + first + 16}', 'count=8', 'conv=notrunc,sparse')
    must('dd', 'if=' + part, 'of=' + path, 'bs=1M', f'seek={1 + first + 32}', 'skip=8', 'count=8', 'conv=notrunc,sparse')


def md_raid1(bases, path):
    """Two partitions that are the halves of an array, version 1.2. Written here: no driver is needed."""
    bases.blank(path, 40)
    sfdisk(path, b'label: gpt\nunit: sectors\n2048,36864,A19D880F-05FC-4D3B-A006-743F0F84911E\n40960,36864,A19D880F-05FC-4D3B-A006-743F0F84911E\n')
    for number, start in enumerate((1, 20)):
        bases.put(path, bases.get('ext4.img'), start + 1)
        block = bytearray(256 + 256)
        struct.pack_into('<IIII16s32sQIIQII', block, 0, 0xa92b4efc, 1, 0, 0, b'array of torture', b'host:0', 1700000000, 1, 0, 32768, 0, 2)
        struct.pack_into('<QQQQII16s', block, 128, 2048, 32768, 8, 0, number, 0, b'member number %02d' % number)
        struct.pack_into('<QQQII', block, 192, 1700000000, 5, (1 << 64) - 1, 0, 128)
        struct.pack_into('<HH', block, 256, 0, 1)
        for i in range(2, 128):
            struct.pack_into('<H', block, 256 + 2 * i, 0xffff)
        total = sum(struct.unpack('<128I', block))
        struct.pack_into('<I', block, 216, ((total & 0xffffffff) + (total >> 32)) & 0xffffffff)
        with open(path, 'r+b') as disk:
            disk.seek(start * MIB + 4096)
            disk.write(block)


def converted(*arguments):
    def make(bases, path):
        must('qemu-img', 'convert', *(arguments if '-O' in arguments else ('-O', 'qcow2') + arguments), bases.get('gpt.img'), path)
    return make


def qcow2_snapshots(bases, path):
    must('qemu-img', 'convert', '-O', 'qcow2', '-o', 'cluster_size=4k', bases.get('gpt.img'), path)
    for name in ('one', 'two'):
        must('qemu-img', 'snapshot', '-c', name, path)
        must('qemu-io', '-c', f'write -P {len(name)} 3M 64k', path)


KINDS = {
    'ext4.img': extended(['-t', 'ext4', '-O', '^fast_commit,^inline_data']),
    'ext4-plain.img': extended(['-t', 'ext4', '-O', '^metadata_csum,^has_journal', '-I', '256']),  # a change is not caught by a sum
    'ext4-features.img': extended(['-t', 'ext4', '-b', '1024', '-O', 'inline_data,ea_inode,large_dir,casefold,bigalloc,quota', '-C', '4096']),
    'ext4-dirty.img': ext4_dirty,
    'ext2.img': extended(['-t', 'ext2', '-b', '1024']),
    'xfs.img': xfs([]),
    'xfs-dirty.img': xfs(['-m', 'reflink=1,rmapbt=1,bigtime=1', '-i', 'nrext64=1'], dirty=True),
    'xfs-v4.img': xfs_v4,
    'ntfs.img': ntfs,
    'fat12.img': fat(['-F', '12'], 8),
    'fat16.img': fat(['-F', '16'], 15),
    'fat32.img': fat(['-F', '32', '-s', '1'], 40),
    'gpt.img': gpt,
    'mbr.img': mbr,
    'gpt-lvm.img': gpt_lvm,
    'gpt-md.img': md_raid1,
    'disk.qcow2': converted(),
    'disk.zlib.qcow2': converted('-c'),
    'disk.zstd.qcow2': converted('-c', '-o', 'compression_type=zstd'),
    'disk.extended.qcow2': converted('-o', 'extended_l2=on,cluster_size=16k'),
    'disk.snapshots.qcow2': qcow2_snapshots,
    'disk.fixed.vhd': converted('-O', 'vpc', '-o', 'subformat=fixed'),
    'disk.dynamic.vhd': converted('-O', 'vpc'),
    'disk.sparse.vmdk': converted('-O', 'vmdk'),
    'disk.stream.vmdk': converted('-O', 'vmdk', '-o', 'subformat=streamOptimized'),
    'disk.dynamic.vhdx': converted('-O', 'vhdx'),
    'disk.dynamic.vdi': converted('-O', 'vdi'),
}
