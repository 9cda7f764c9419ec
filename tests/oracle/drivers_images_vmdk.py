"""VMDK images, for drivers_images.py."""
import random
import struct
import zlib

from drivers_images_common import MIB, changes, content, padded, write


def vmdk_text(kind, extents, cid=0x11111111, parent=0xffffffff, hint=None):
    text = '# Disk DescriptorFile\nversion=1\nencoding="UTF-8"\nCID=%08x\nparentCID=%08x\n' % (cid, parent)
    text += 'createType="%s"\n' % kind
    if hint:
        text += 'parentFileNameHint="%s"\n' % hint
    text += '# Extent description\n' + ''.join(line + '\n' for line in extents)
    return (text + '# The Disk Data Base\nddb.adapterType = "lsilogic"\n').encode()


class Grains:
    """What is in each grain of a disk: None (the parent's), bytes, or 'zero'."""

    def __init__(self, disk, grain, written=None, zeros=False):
        self.list = []
        for at in range(0, len(disk), grain):
            data = bytes(disk[at:at + grain]).ljust(grain, b'\0')
            here = any(data) if written is None else at // grain in written
            self.list.append(None if not here else 'zero' if zeros and not any(data) else data)


def vmdk_hosted(disk, grain=8192, per=512, flags=3, text=b'', written=None, zeros=False, compress=False,
                markers=True, footer=False, sparse_tables=False, capacity=None):
    """A hosted sparse extent: (bytes, places), where places says where the tables are."""
    grains = Grains(disk, grain, written, zeros).list
    tables = -(-len(grains) // per)
    out = bytearray(512)
    desc_at = desc_size = 0
    if text:
        desc_at, desc_size = 1, 20
        out += text.ljust(20 * 512, b'\0')
    per_bytes = per * 4

    def reserve(length):
        at = len(out)
        out.extend(bytes(-(-length // 512) * 512))
        return at
    if compress:
        flags |= 0x10000 | (0x20000 if markers else 0)
        out.extend(bytes(-len(out) % 65536))
    if zeros:
        flags |= 4
    places = {}
    if not compress:
        places['rgd'] = reserve(tables * 4)
        places['rgt'] = [reserve(per_bytes) for _ in range(tables)]
        places['gd'] = reserve(tables * 4)
        places['gt'] = [reserve(per_bytes) for _ in range(tables)]
        out.extend(bytes(-len(out) % grain))
    overhead = len(out) // 512
    entries = [0] * (tables * per)
    for i, data in enumerate(grains):
        if data is None:
            continue
        if data == 'zero':
            entries[i] = 1
            continue
        entries[i] = len(out) // 512
        if not compress:
            out += data
            continue
        packed = zlib.compress(data)
        if markers:
            packed = struct.pack('<QI', i * grain // 512, len(packed)) + packed
        out += padded(packed, 512)
    used = [any(entries[t * per:(t + 1) * per]) or not sparse_tables for t in range(tables)]
    if compress:
        def marker(kind, sectors):
            if markers:
                out.extend(struct.pack('<QII', sectors, 0, kind).ljust(512, b'\0'))
        places['gt'] = []
        for t in range(tables):
            if not used[t]:
                places['gt'].append(0)
                continue
            marker(1, -(-per_bytes // 512))
            places['gt'].append(reserve(per_bytes))
        marker(2, -(-tables * 4 // 512))
        places['gd'] = reserve(tables * 4)
    for gd, gt in (('gd', 'gt'), ('rgd', 'rgt')):
        if gd not in places:
            continue
        for t, at in enumerate(places[gt]):
            struct.pack_into('<I', out, places[gd] + 4 * t, at // 512 if used[t] else 0)
            if at:
                struct.pack_into('<%dI' % per, out, at, *entries[t * per:(t + 1) * per])

    def header(gd):
        return struct.pack('<4sIIQQQQIQQQB4sH', b'KDMV', 3 if compress else 1, flags,
                           capacity or len(disk) // 512, grain // 512, desc_at, desc_size, per,
                           places.get('rgd', 0) // 512, gd, overhead, 0, b'\n \r\n', 1 if compress else 0).ljust(512, b'\0')
    if footer:
        out += struct.pack('<QII', 1, 0, 3).ljust(512, b'\0')
        out += header(places['gd'] // 512)
        out += bytes(512)
        out[:512] = header(2**64 - 1)
    else:
        out[:512] = header(places['gd'] // 512)
    return out, places


def vmdk_cowd(disk, grain=512, written=None):
    grains = Grains(disk, grain, written).list
    tables = -(-len(grains) // 4096)
    out = bytearray(4 * 512 + -(-tables * 4 // 512) * 512)
    for t in range(tables):
        part = grains[t * 4096:(t + 1) * 4096]
        if all(data is None for data in part):
            continue
        struct.pack_into('<I', out, 4 * 512 + 4 * t, len(out) // 512)
        at = len(out)
        out.extend(bytes(4096 * 4))
        for i, data in enumerate(part):
            if data is not None:
                struct.pack_into('<I', out, at + 4 * i, len(out) // 512)
                out += data
    struct.pack_into('<4sIIIIIII', out, 0, b'COWD', 1, 3, len(disk) // 512, grain // 512, 4, tables, len(out) // 512)
    return out


def vmdk_sesparse(disk, written=None, zeros=False, unmapped=(), journal=0):
    grain = 4096
    grains = Grains(disk, grain, written, zeros).list
    tables = -(-len(grains) // 4096)
    directory = -(-tables * 8 // 512)
    used = [t for t in range(tables) if any(data is not None for data in grains[t * 4096:(t + 1) * 4096])]
    random.Random(8).shuffle(used)  # tables and grains in no order
    gd_at, gt_at = 16, 16 + directory
    grains_at = -(-(gt_at + 64 * len(used)) // 8) * 8
    body, out = bytearray(), bytearray(grains_at * 512)
    order = [i for i, data in enumerate(grains) if data not in (None, 'zero')]
    random.Random(9).shuffle(order)
    number = {i: n + 1 for n, i in enumerate(order)}
    body = bytes(grain) + b''.join(grains[i] for i in order)
    for n, t in enumerate(used):
        struct.pack_into('<Q', out, gd_at * 512 + 8 * t, 0x1000000000000000 | n)
        for i, data in enumerate(grains[t * 4096:(t + 1) * 4096]):
            g = t * 4096 + i
            entry = 0
            if data == 'zero':
                entry = (1 if g in unmapped else 2) << 60
            elif data is not None:
                entry = 3 << 60 | (number[g] & 0xfff) << 48 | number[g] >> 12
            struct.pack_into('<Q', out, (gt_at + 64 * n) * 512 + 8 * i, entry)
    struct.pack_into('<6Q', out, 0, 0xcafebabe, 0x200000001, len(disk) // 512, 8, 64, 0)
    struct.pack_into('<16Q', out, 80, 1, 1, 2, 1, 3, 2, gd_at, directory, gt_at, 64 * len(used),
                     grains_at, 0, grains_at, 0, grains_at, len(body) // 512)
    struct.pack_into('<4Q', out, 512, 0xcafecafe, 0, 1, journal)
    return bytes(out) + body


def make_vmdk_sparse():
    size = 3 * MIB + 3 * 512
    disk = content(size, 11, unit=8192)
    text = vmdk_text('monolithicSparse', ['RW %d SPARSE "mono.vmdk"' % (size // 512)])

    def put(name, data, truth=disk):
        write(name + '.vmdk', data)
        write(name + '.raw', truth)
    mono, places = vmdk_hosted(disk, text=text, per=64)
    put('mono', mono)
    put('zeroed', vmdk_hosted(disk, text=text, per=64, zeros=True, written=set(range(1000)))[0])
    put('grain-512', vmdk_hosted(disk, text=text, grain=512)[0])
    # Damage: the directory; entries of it; a table's entries; the directory's place.
    broken = bytearray(mono)
    struct.pack_into('<4I', broken, places['gd'], 0xfffffff0, 0, 0x7fffffff, 0)
    put('directory-damaged', broken)
    broken = bytearray(mono)
    struct.pack_into('<64I', broken, places['gt'][1], *([0xffffffff] * 64))
    put('table-damaged', broken)
    broken = bytearray(mono)
    struct.pack_into('<Q', broken, 56, 2**40)
    put('directory-lost', broken)
    broken = bytearray(mono)
    for gd in ('gd', 'rgd'):
        struct.pack_into('<I', broken, places[gd], 0x7fffffff)
    write('both-directories-damaged.vmdk', broken)
    write('text-mode.vmdk', mono[:73] + b'\r\n \r' + mono[77:])
    write('cut.vmdk', mono[:len(mono) // 2])
    stream = vmdk_text('streamOptimized', ['RW %d SPARSE "stream.vmdk"' % (size // 512)])
    for name, options in {'stream': dict(footer=True, sparse_tables=True), 'stream-start': dict(sparse_tables=True),
                          'stream-no-markers': dict(markers=False), 'stream-64k': dict(footer=True, grain=65536),
                          'stream-zeroed': dict(footer=True, zeros=True, written=set(range(100000)))}.items():
        put(name, vmdk_hosted(disk, text=stream, compress=True, **options)[0])
    cut = vmdk_hosted(disk, text=stream, compress=True, footer=True)[0]
    write('stream-cut.vmdk', cut[:-2048])
    bad = bytearray(cut)
    at = 65536  # the first grain
    bad[at + 40] ^= 0x55
    write('stream-damaged.vmdk', bad)
    bad = bytearray(cut)
    struct.pack_into('<Q', bad, at, 77777)
    write('stream-moved.vmdk', bad)
    bad = bytearray(cut)
    struct.pack_into('<I', bad, at + 8, 0x7fffffff)
    write('stream-huge-grain.vmdk', bad)


def make_vmdk_split():
    size = 3 * MIB + 3 * 512
    disk = content(size, 12, unit=4096)
    sectors = size // 512

    def put(name, data, truth=disk):
        write(name + '.vmdk', data)
        write(name + '.raw', truth)
    # Sparse, zero, flat at an offset, and flat parts of one file; one sparse header larger than its line.
    cuts = [0, 1000, 2500, 2600, 4000, sectors]
    parts = [disk[a * 512:b * 512] for a, b in zip(cuts, cuts[1:])]
    parts[2] = bytes(len(parts[2]))
    truth = b''.join(parts)
    write('split-s001.vmdk', vmdk_hosted(parts[0], capacity=1024)[0])
    write('split-f002.vmdk', bytes(7 * 512) + parts[1] + b'x' * 512 + parts[3])
    write('split-s005.vmdk', vmdk_hosted(parts[4])[0])
    lines = ['RW 1000 SPARSE "split-s001.vmdk"', 'RW 1500 FLAT "split-f002.vmdk" 7', 'RW 100 ZERO',
             'RDONLY 1400 FLAT "split-f002.vmdk" %d' % (7 + 1500 + 1), 'RW %d SPARSE "split-s005.vmdk"' % (sectors - 4000)]
    put('split', vmdk_text('custom', lines).replace(b'\n', b'\r\n'), truth)
    write('vmfs-flat.vmdk', disk)
    put('vmfs', vmdk_text('vmfs', ['RW %d VMFS "vmfs-flat.vmdk"' % sectors]))
    write('cow-delta.vmdk', vmdk_cowd(disk))
    write('cow-delta.raw', disk)
    put('cow', vmdk_text('vmfsSparse', ['RW %d VMFSSPARSE "cow-delta.vmdk"' % sectors]))
    write('se-sesparse.vmdk', vmdk_sesparse(disk))
    put('se', vmdk_text('seSparse', ['RW %d SESPARSE "se-sesparse.vmdk"' % sectors]))
    write('journal-sesparse.vmdk', vmdk_sesparse(disk, journal=1))
    write('journal.vmdk', vmdk_text('seSparse', ['RW %d SESPARSE "journal-sesparse.vmdk"' % sectors]))
    write('short-flat.vmdk', disk[:len(disk) - 4096])
    write('short.vmdk', vmdk_text('monolithicFlat', ['RW %d FLAT "short-flat.vmdk" 0' % sectors]))
    write('strange.vmdk', vmdk_text('monolithicFlat', ['RW %d FLAT "vmfs-flat.vmdk" 0' % sectors]))
    write('device.vmdk', vmdk_text('fullDevice', ['RW %d FLAT "/dev/vda" 0' % sectors]))
    write('rdm-x.vmdk', b'x' * 512)
    write('rdm.vmdk', vmdk_text('vmfsRawDeviceMap', ['RW %d VMFSRDM "rdm-x.vmdk"' % sectors]))
    write('encrypted.vmdk', vmdk_text('monolithicFlat', ['encryption.keySafe = "vmware:key/list"', 'RW 8 FLAT "encrypted-flat.vmdk" 0']))
    # Larger seSparse: several tables, zeroed and unmapped grains.
    big = content(40 * MIB, 13, density=0.05, unit=4096)
    every = {i for i in range(len(big) // 4096) if any(big[i * 4096:i * 4096 + 4096]) or i % 5 == 0}
    write('se-big-sesparse.vmdk', vmdk_sesparse(big, every, True, set(range(0, 10240, 10))))
    put('se-big', vmdk_text('seSparse', ['RW %d SESPARSE "se-big-sesparse.vmdk"' % (len(big) // 512)]), big)


def make_vmdk_chain():
    size = 3 * MIB + 3 * 512
    sectors = size // 512
    base = content(size, 14, unit=4096)
    write('base-flat.vmdk', base)
    write('base.vmdk', vmdk_text('vmfs', ['RW %d VMFS "base-flat.vmdk"' % sectors], cid=0xaaaaaaaa))
    one, written = changes(base, 15)
    write('base-000001-delta.vmdk', vmdk_cowd(one, written=written))
    write('base-000001.vmdk', vmdk_text('vmfsSparse', ['RW %d VMFSSPARSE "base-000001-delta.vmdk"' % sectors],
                                        0xbbbbbbbb, 0xaaaaaaaa, 'base.vmdk'))
    write('base-000001.raw', one)
    two, grains = changes(one + bytes(-size % 4096), 16, 40, 4096)
    two = two[:size]
    write('base-000002-sesparse.vmdk', vmdk_sesparse(two, grains, zeros=True))
    write('base-000002.vmdk', vmdk_text('seSparse', ['RW %d SESPARSE "base-000002-sesparse.vmdk"' % sectors],
                                        0xcccccccc, 0xbbbbbbbb, 'base-000001.vmdk'))
    write('base-000002.raw', two)
    three, grains = changes(two + bytes(-size % 8192), 17, 30, 8192)
    three = three[:size]
    text = vmdk_text('monolithicSparse', ['RW %d SPARSE "top.vmdk"' % sectors], 0xdddddddd, 0xcccccccc, 'base-000002.vmdk')
    write('top.vmdk', vmdk_hosted(three, written=grains, zeros=True, text=text, per=64)[0])
    write('top.raw', three)
    # A split child over a parent, whose second extent starts in the middle of it.
    four, grains = changes(one, 18, 50)
    half = 3001
    for n, (a, b) in enumerate(((0, half), (half, sectors))):
        part = {s - a for s in grains if a <= s < b}
        write('half-s00%d.vmdk' % (n + 1), vmdk_hosted(four[a * 512:b * 512], grain=512, written=part)[0])
    lines = ['RW %d SPARSE "half-s001.vmdk"' % half, 'RW %d SPARSE "half-s002.vmdk"' % (sectors - half)]
    write('half.vmdk', vmdk_text('twoGbMaxExtentSparse', lines, 5, 0xbbbbbbbb, 'C:\\machines\\base-000001.vmdk'))
    write('half.raw', four)
    write('wrong-cid.vmdk', vmdk_text('vmfsSparse', ['RW %d VMFSSPARSE "base-000001-delta.vmdk"' % sectors],
                                      6, 0xabababab, 'base.vmdk'))
    write('no-parent.vmdk', vmdk_text('vmfsSparse', ['RW %d VMFSSPARSE "base-000001-delta.vmdk"' % sectors],
                                      6, 0xaaaaaaaa, 'gone.vmdk'))
    write('loop.vmdk', vmdk_text('vmfsSparse', ['RW %d VMFSSPARSE "base-000001-delta.vmdk"' % sectors],
                                 0xaaaaaaaa, 0xaaaaaaaa, 'loop.vmdk'))
