"""Makes disk images that no tool at hand makes: drivers_images.py KIND DIRECTORY.

For each image NAME.ext that can be read, NAME.raw holds the bytes that the virtual disk must have.
Written from the formats' specifications, independently of the readers under test."""
import os
import random
import struct
import sys
import uuid
import zlib

SECTOR = 512
MIB = 1 << 20


def path(name):
    return os.path.join(directory, name)


def write(name, data):
    with open(path(name), 'wb') as f:
        f.write(data)


def padded(data, unit):
    return bytes(data) + bytes(-len(data) % unit)


def content(size, seed, density=0.4, unit=512):
    """Random data with holes, each run a number of units long."""
    r = random.Random(seed)
    disk = bytearray(size)
    at = 0
    while at < size:
        length = min(unit * r.choice([1, 1, 2, 3, 8, 20, 40]), size - at)
        if r.random() < density:
            disk[at:at + length] = r.randbytes(length)
        at += length
    return disk


def changes(disk, seed, count=60, unit=512, most=12):
    """A changed copy of `disk`, and the set of units that were written (some with zeros)."""
    r = random.Random(seed)
    out = bytearray(disk)
    written = set()
    units = len(disk) // unit
    for _ in range(count):
        start = r.randrange(units)
        for u in range(start, min(units, start + r.randrange(1, most))):
            written.add(u)
            out[u * unit:(u + 1) * unit] = r.randbytes(unit) if r.random() < 0.8 else bytes(unit)
    return out, written


# --- VHD ---------------------------------------------------------------------------------------

def vhd_sum(data, field):
    data = bytearray(data)
    data[field:field + 4] = bytes(4)
    data[field:field + 4] = struct.pack('>I', ~sum(data) & 0xffffffff)
    return bytes(data)


def vhd_footer(size, kind, ident, stamp=1000, creator=b'win ', data_offset=512, geometry=(10, 4, 17)):
    data = struct.pack('>8sIIQI4sII', b'conectix', 2, 0x10000, data_offset, stamp, creator, 0x60001, 0x5769326b)
    data += struct.pack('>QQHBBII', size, size, *geometry, kind, 0) + ident.bytes
    return vhd_sum(padded(data, 512), 64)


def vhd_header(entries, block, table, parent=None, stamp=0, name='', locators=()):
    data = struct.pack('>8sQQIIII', b'cxsparse', 2**64 - 1, table, 0x10000, entries, block, 0)
    data += (parent.bytes if parent else bytes(16)) + struct.pack('>II', stamp, 0)
    data += name.encode('utf-16-be').ljust(512, b'\0')
    for code, offset, length in locators:
        data += struct.pack('>4sIIIQ', code, 512, length, 0, offset)
    return vhd_sum(data.ljust(1024, b'\0'), 36)


def vhd_sparse(size, disk, ident, written=None, block=65536, parent=None, name='', locators=(), stamp=0):
    """A dynamic disk, or with `written` (a set of sectors) a differencing one."""
    blocks = -(-size // block)
    table_at = 512 + 1024
    locator_at = table_at + -(-blocks * 4 // 512) * 512
    entries, body = [], b''
    places, texts = [], b''
    for code, text in locators:
        places.append((code, locator_at + len(texts), len(text)))
        texts += padded(text, 512)
    data_at = locator_at + len(texts)
    per = block // 512
    bitmap_size = -(-per // 8 // 512) * 512 or 512
    for b in range(blocks):
        data = bytes(disk[b * block:(b + 1) * block]).ljust(block, b'\0')
        if written is None:
            owned = set(range(per)) if any(data) else set()
        else:
            owned = {s - b * per for s in range(b * per, (b + 1) * per) if s in written}
        if not owned:
            entries.append(0xffffffff)
            continue
        entries.append((data_at + len(body)) // 512)
        bitmap = bytearray(bitmap_size)
        for s in owned:
            bitmap[s // 8] |= 0x80 >> s % 8
        stored = b''.join(data[s * 512:s * 512 + 512] if s in owned else b'\xee' * 512 for s in range(per))
        body += bytes(bitmap) + stored
    kind = 3 if written is None else 4
    footer = vhd_footer(size, kind, ident)
    head = footer + vhd_header(blocks, block, table_at, parent, stamp, name, places)
    table = struct.pack('>%dI' % blocks, *entries)
    return head + padded(table, 512) + texts + body + footer


def relative(name):
    return [(b'W2ru', ('.\\' + name).encode('utf-16-le'))]


def make_vhd():
    size = 1536 * 1024 + 5 * 512
    disk = content(size, 1)
    fixed = vhd_footer(size, 2, uuid.UUID(int=1), data_offset=2**64 - 1)
    write('old-footer.vhd', bytes(disk) + fixed[:511])
    write('old-footer.raw', disk)
    ident = uuid.UUID(int=2)
    good = vhd_sparse(size, disk, ident)

    def damaged(name, at, cut=0, end=None):
        data = bytearray(good[:len(good) - cut])
        for place in at:
            data[place] ^= 0xff
        write(name + '.vhd', data)
        write(name + '.raw', disk)
    damaged('end-damaged', [-100])
    damaged('end-missing', [], cut=512)
    damaged('start-damaged', [100])
    damaged('both-damaged', [100, -100])
    damaged('header-damaged', [512 + 700])
    write('base.vhd', good)
    child, written = changes(disk, 3)
    child_id = uuid.UUID(int=3)
    write('child.vhd', vhd_sparse(size, child, child_id, written, parent=ident, name='base.vhd', locators=relative('base.vhd')))
    write('child.raw', child)
    write('mac-child.vhd', vhd_sparse(size, child, child_id, written, parent=ident,
                                      locators=[(b'MacX', b'file://localhost/base%2evhd')]))
    write('absolute-child.vhd', vhd_sparse(size, child, child_id, written, parent=ident,
                                           locators=[(b'W2ku', 'C:\\disks\\base.vhd'.encode('utf-16-le'))]))
    grand, written2 = changes(child, 4, 90)
    write('grandchild.vhd', vhd_sparse(size, grand, uuid.UUID(int=4), written2, block=4096, parent=child_id, name='child.vhd'))
    write('grandchild.raw', grand)
    larger = child + bytes(300 * 1024)
    bigger, written3 = changes(larger, 5)
    write('small-parent-child.vhd', vhd_sparse(len(larger), bigger, uuid.UUID(int=5), written3, parent=child_id, name='child.vhd'))
    write('small-parent-child.raw', bigger)
    write('wrong-parent.vhd', vhd_sparse(size, child, child_id, written, parent=uuid.UUID(int=99), name='base.vhd'))
    write('no-parent.vhd', vhd_sparse(size, child, child_id, written, parent=ident, name='gone.vhd'))
    write('self.vhd', vhd_sparse(size, child, child_id, written, parent=child_id, name='self.vhd'))
    for name, parent in (('outside', '..\\gone.vhd'), ('moved', '..\\base.vhd')):
        write(name + '.vhd', vhd_sparse(size, child, child_id, written, parent=ident,
                                        locators=[(b'W2ru', parent.encode('utf-16-le'))]))


def patch_creator(source, target, creator):
    """Another creator, and a current size that is not the geometry's."""
    data = bytearray(open(source, 'rb').read())
    for at in (0, len(data) - 512):
        footer = data[at:at + 512]
        if footer[:8] != b'conectix':
            continue
        footer[28:32] = creator
        size = struct.unpack('>Q', footer[48:56])[0]
        footer[48:56] = struct.pack('>Q', size - 3 * 512)
        data[at:at + 512] = vhd_sum(footer, 64)
    open(target, 'wb').write(data)


# --- VMDK --------------------------------------------------------------------------------------

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


# --- VHDX --------------------------------------------------------------------------------------

CRC = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
    CRC.append(i)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def vhdx_sum(data, field=4):
    data = bytearray(data)
    data[field:field + 4] = bytes(4)
    struct.pack_into('<I', data, field, crc32c(data))
    return data


NO_GUID = uuid.UUID(int=0)


class Vhdx:
    """Builds a VHDX: header areas, log at 1 MiB, metadata at 2 MiB, table at 3 MiB, blocks from 4 MiB."""

    def __init__(self, size, sector=512, block=MIB, ident=1, parent=None, paths=None, fixed=False):
        self.size, self.sector, self.block = size, sector, block
        self.data_id = uuid.UUID(int=ident)
        self.log_id = NO_GUID
        self.chunk = (1 << 23) * sector // block
        self.blocks = -(-size // block)
        self.out = bytearray(4 * MIB)
        self.out[:8] = b'vhdxfile'
        for at in (192 << 10, 256 << 10):
            regions = struct.pack('<4sIII', b'regi', 0, 2, 0)
            regions += uuid.UUID('2DC27766-F623-4200-9D64-115E9BFD4A08').bytes_le + struct.pack('<QII', 3 * MIB, MIB, 1)
            regions += uuid.UUID('8B7CA206-4790-4B9A-B8FE-575F050F886E').bytes_le + struct.pack('<QII', 2 * MIB, MIB, 1)
            self.out[at:at + 65536] = vhdx_sum(regions.ljust(65536, b'\0'))
        self.metadata(fixed, parent, paths)

    def metadata(self, fixed, parent, paths):
        locator = b''
        if parent is not None:
            pairs = [('parent_linkage', '{%s}' % uuid.UUID(int=parent))] + paths
            at = 20 + 12 * len(pairs)
            head, texts = b'', b''
            for key, value in pairs:
                k, v = key.encode('utf-16-le'), value.encode('utf-16-le')
                head += struct.pack('<IIHH', at + len(texts), at + len(texts) + len(k), len(k), len(v))
                texts += k + v
            locator = uuid.UUID('B04AEFB7-D19E-4A81-B789-25B8E9445913').bytes_le + struct.pack('<HH', 0, len(pairs)) + head + texts
        items = [('CAA16737-FA36-4D43-B3B6-33F0AA44E76B', struct.pack('<II', self.block, (1 if fixed else 0) | (2 if locator else 0))),
                 ('2FA54224-CD1B-4876-B211-5DBED83BF4B8', struct.pack('<Q', self.size)),
                 ('BECA12AB-B2E6-4523-93EF-C309E000C746', uuid.UUID(int=77).bytes_le),
                 ('8141BF1D-A96F-4709-BA47-F233A8FAAB5F', struct.pack('<I', self.sector)),
                 ('CDA348C7-445D-4471-9CC9-E9885251C556', struct.pack('<I', 4096))]
        if locator:
            items.append(('A8D35F2D-B30B-454D-ABF7-D3D84834AB0C', locator))
        table = struct.pack('<8sHH20x', b'metadata', 0, len(items))
        at = 65536
        for ident, data in items:
            table += uuid.UUID(ident).bytes_le + struct.pack('<IIII', at, len(data), 4, 0)
            self.out[2 * MIB + at:2 * MIB + at + len(data)] = data
            at += len(data)
        self.out[2 * MIB:2 * MIB + len(table)] = table

    def entry_at(self, block):
        return 3 * MIB + 8 * (block + block // self.chunk)

    def set_entry(self, at, state, offset=0):
        struct.pack_into('<Q', self.out, at, state | offset)

    def new_block(self, data):
        self.out.extend(bytes(-len(self.out) % MIB))
        at = len(self.out)
        self.out += data
        self.out.extend(bytes(-len(self.out) % MIB))
        return at

    def fill(self, disk, written=None, states=None):
        """Blocks of `disk`; with `written` (sectors) those of a differencing disk, with their bitmaps."""
        per = self.block // self.sector
        bitmaps = {}
        for b in range(self.blocks):
            data = bytes(disk[b * self.block:(b + 1) * self.block]).ljust(self.block, b'\0')
            if states and b in states:
                self.set_entry(self.entry_at(b), states[b])
                continue
            if written is None:
                if any(data):
                    self.set_entry(self.entry_at(b), 6, self.new_block(data))
                continue
            owned = {s - b * per for s in range(b * per, (b + 1) * per) if s in written}
            if not owned:
                continue
            if len(owned) == per:
                self.set_entry(self.entry_at(b), 6, self.new_block(data))
                continue
            stored = bytearray(b'\xee' * self.block)
            bitmap = bitmaps.setdefault(b // self.chunk, bytearray(MIB))
            for s in owned:
                stored[s * self.sector:(s + 1) * self.sector] = data[s * self.sector:(s + 1) * self.sector]
                bit = b % self.chunk * per + s
                bitmap[bit // 8] |= 1 << bit % 8
            self.set_entry(self.entry_at(b), 7, self.new_block(stored))
        for c, bitmap in bitmaps.items():
            self.set_entry(3 * MIB + 8 * (c * (self.chunk + 1) + self.chunk), 6, self.new_block(bitmap))

    def headers(self, first=5, second=6):
        for at, sequence in ((64 << 10, first), (128 << 10, second)):
            head = struct.pack('<4sIQ', b'head', 0, sequence) + uuid.UUID(int=55).bytes_le
            head += self.data_id.bytes_le + self.log_id.bytes_le + struct.pack('<HHIQ', 0, 1, MIB, MIB)
            self.out[at:at + 4096] = vhdx_sum(head.ljust(4096, b'\0'))

    def bytes(self):
        self.headers()
        return self.out

    def log(self, at, sequence, tail, writes, flushed=None, last=None, ident=None):
        """One entry at `at` of the log; writes: (offset, 4096 bytes) or (offset, length of zeros).
        Where the next one goes."""
        count = len(writes)
        descriptors, sectors = b'', b''
        for offset, data in writes:
            if isinstance(data, int):
                descriptors += struct.pack('<4sIQQQ', b'zero', 0, data, offset, sequence)
                continue
            descriptors += struct.pack('<4s4s8sQQ', b'desc', bytes(data[4092:]), bytes(data[:8]), offset, sequence)
            sectors += struct.pack('<4sI', b'data', sequence >> 32) + bytes(data[8:4092]) + struct.pack('<I', sequence & 0xffffffff)
        front = padded(bytes(64) + descriptors, 4096)
        entry = bytearray(front + sectors)
        end = len(self.out)
        struct.pack_into('<4sIIIQII16sQQ', entry, 0, b'loge', 0, len(entry), tail, sequence, count, 0,
                         (ident or self.log_id).bytes_le, flushed or end, last or end)
        entry = vhdx_sum(entry)
        for i, byte in enumerate(entry):
            self.out[MIB + (at + i) % MIB] = byte
        return (at + len(entry)) % MIB


def make_vhdx_plain():
    for name, options in {'plain': {}, 'sector-4k': dict(sector=4096), 'block-2m': dict(block=2 * MIB), 'fixed': dict(fixed=True)}.items():
        unit = options.get('sector', 512)
        size = 9 * MIB + 3 * unit
        disk = content(size, 21, density=0.2, unit=4096)
        states = {1: 1, 3: 2, 4: 3, 6: 0}
        block = options.get('block', MIB)
        for b in states:
            disk[b * block:(b + 1) * block] = bytes(len(disk[b * block:(b + 1) * block]))
        image = Vhdx(size, **options)
        image.fill(disk, states=states)
        write(name + '.vhdx', image.bytes())
        write(name + '.raw', disk)


def make_vhdx_chain():
    size = 9 * MIB + 3 * 512
    base = content(size, 22, density=0.2, unit=4096)
    image = Vhdx(size, ident=100)
    image.fill(base)
    write('base.vhdx', image.bytes())
    one, written = changes(base, 23, 80, most=300)
    written |= set(range(2048, 4096))  # one whole block
    image = Vhdx(size, ident=101, parent=100, paths=[('relative_path', '.\\base.vhdx')])
    image.fill(one, written)
    write('child.vhdx', image.bytes())
    write('child.raw', one)
    two, written = changes(one, 24, 20)
    two[5 * MIB:6 * MIB] = bytes(MIB)  # a block of zeros over data
    image = Vhdx(size, ident=102, block=2 * MIB, parent=101, paths=[('absolute_win32_path', 'C:\\vm\\child.vhdx')])
    two[4 * MIB:6 * MIB] = bytes(2 * MIB)
    image.fill(two, written, states={2: 2})
    write('grandchild.vhdx', image.bytes())
    write('grandchild.raw', two)
    for name, ident, paths in (('wrong-parent', 99, [('relative_path', 'base.vhdx')]), ('no-parent', 100, [('relative_path', '.\\gone.vhdx')]),
                               ('self', 103, [('relative_path', '.\\self.vhdx')])):
        image = Vhdx(size, ident=103, parent=ident, paths=paths)
        image.fill(one, {1})
        write(name + '.vhdx', image.bytes())


def make_vhdx_log():
    size = 6 * MIB
    disk = content(size, 25, density=0.3, unit=4096)
    ident = uuid.UUID(int=0x1234)

    def base():
        image = Vhdx(size)
        image.fill(disk)
        image.log_id = ident
        return image

    def table_sector(image, changes_):
        data = bytearray(image.out[3 * MIB:3 * MIB + 4096])
        for block, value in changes_.items():
            struct.pack_into('<Q', data, 8 * block, value)
        return (3 * MIB, bytes(data))

    def with_block(image, block, data):
        at = image.new_block(data)
        return table_sector(image, {block: 6 | at})
    fresh = random.Random(26).randbytes(MIB)
    # One entry: the table's change is only in the log.
    image = base()
    image.log(0, 7, 0, [with_block(image, 2, fresh)])
    truth = bytearray(disk)
    truth[2 * MIB:3 * MIB] = fresh
    write('log-one.vhdx', image.bytes())
    write('log-one.raw', truth)
    # Three entries around the end of the log, the last wins; before them a stale and a torn one.
    image = base()
    one = with_block(image, 1, fresh)
    two = table_sector(image, {1: 2, 3: 2})
    at = MIB - 3 * 4096
    image.log(8 * 4096, 3, 8 * 4096, [table_sector(image, {0: 2})])
    image.log(16 * 4096, 90, 16 * 4096, [table_sector(image, {0: 2})], ident=uuid.UUID(int=9))
    start = at
    at = image.log(at, 40, start, [one])
    at = image.log(at, 41, start, [two])
    third = bytearray(two[1])
    struct.pack_into('<Q', third, 8, struct.unpack_from('<Q', one[1], 8)[0])
    end = image.log(at, 42, start, [(3 * MIB, bytes(third))])
    image.log(end, 43, start, [table_sector(image, {0: 2})])
    image.out[MIB + (end + 5000) % MIB] ^= 1
    truth = bytearray(disk)
    truth[MIB:2 * MIB] = fresh
    truth[3 * MIB:4 * MIB] = bytes(MIB)
    write('log-around.vhdx', image.bytes())
    write('log-around.raw', truth)
    # The tail says that the first entry is done: it must not be applied again.
    image = base()
    second = image.log(0, 10, 0, [table_sector(image, {0: 2, 1: 2})])
    image.log(second, 11, second, [with_block(image, 2, fresh)])
    truth = bytearray(disk)
    truth[2 * MIB:3 * MIB] = fresh
    write('log-tail.vhdx', image.bytes())
    write('log-tail.raw', truth)
    # Zero descriptors, then data over a part of one.
    def zeros(image):
        place = struct.unpack_from('<Q', image.out, image.entry_at(0))[0] & ~(MIB - 1)
        truth = bytearray(disk)
        truth[8192:8192 + 65536] = bytes(65536)
        truth[16384:16384 + 4096] = fresh[:4096]
        return [(place + 8192, 65536), (place + 16384, fresh[:4096])], truth
    assert any(disk[:MIB])
    image = base()
    writes, truth = zeros(image)
    image.log(0, 5, 0, writes)
    write('log-zero.vhdx', image.bytes())
    write('log-zero.raw', truth)
    # The file grows by the log: the new block is zeros but for one sector.
    image = base()
    writes, truth = zeros(image)
    length = len(image.out)
    image.log(0, 5, 0, writes + [table_sector(image, {5: 6 | length}), (length + 4096, fresh[:4096])], last=length + MIB)
    truth[5 * MIB:6 * MIB] = bytes(MIB)
    truth[5 * MIB + 4096:5 * MIB + 8192] = fresh[:4096]
    write('log-grow.vhdx', image.bytes())
    write('log-grow.raw', truth)
    # Nothing that counts in the log; cut off since the log was written.
    image = base()
    write('log-empty.vhdx', image.bytes())
    write('log-empty.raw', disk)
    image = base()
    image.log(0, 5, 0, [table_sector(image, {0: 2})], flushed=len(image.out) + MIB)
    write('log-cut.vhdx', image.bytes())


# --- VDI ---------------------------------------------------------------------------------------

def vdi(disk, block=MIB, extra=0, size=None, kind=1, version=0x10001, parent=NO_GUID, discard=(), unused=0, order=None):
    size = size or len(disk)
    blocks = -(-size // block)
    table_at = 512
    data_at = -(-(table_at + 4 * blocks) // 512) * 512 + unused
    entries, body = [0xffffffff] * blocks, []
    places = list(range(blocks))
    random.Random(order).shuffle(places)
    for b in places:
        data = bytes(disk[b * block:(b + 1) * block]).ljust(block, b'\0')
        if b in discard:
            entries[b] = 0xfffffffe
        elif any(data) or kind == 2:
            entries[b] = len(body)
            body.append(b'\xdd' * extra + data)
    head = b'<<< disk image >>>\n'.ljust(64, b'\0')
    head += struct.pack('<5I256s2I', 0xbeda107f, version, 400, kind, 0, b'', table_at, data_at)
    head += struct.pack('<5IQ4I', 0, 0, 0, 512, 0, size, block, extra, blocks, len(body))
    head += uuid.UUID(int=1).bytes_le + bytes(16) + parent.bytes_le + bytes(16)
    table = struct.pack('<%dI' % blocks, *entries)
    return (head.ljust(512, b'\0') + table).ljust(data_at, b'\0') + b''.join(body)


def make_vdi():
    disk = content(6 * MIB + 3 * 512, 31, density=0.2, unit=4096)
    for b in (2, 4):
        disk[b * MIB:(b + 1) * MIB] = bytes(MIB)

    def put(name, data, truth=disk):
        write(name + '.vdi', data)
        write(name + '.raw', truth)
    put('dynamic', vdi(disk))
    put('shuffled', vdi(disk, order=5))
    put('static', vdi(disk, kind=2))
    put('discarded', vdi(disk, discard=(2, 4)))
    put('gap', vdi(disk, unused=3 * 512))
    put('extra', vdi(disk, extra=512))
    put('block-64k', vdi(disk, block=65536))
    put('odd-size', vdi(disk[:5 * MIB + 100], size=5 * MIB + 100), disk[:5 * MIB + 100] + bytes(412))
    write('differencing.vdi', vdi(disk, kind=4, parent=uuid.UUID(int=0xabcdef)))
    write('undo.vdi', vdi(disk, kind=3))
    write('version-7.vdi', vdi(disk, version=0x70000))
    write('block-3m.vdi', vdi(disk, block=3 * MIB))
    bad = bytearray(vdi(disk))
    struct.pack_into('<I', bad, 512, 0x7fffffff)
    write('past-end.vdi', bad)
    bad = bytearray(vdi(disk))
    struct.pack_into('<Q', bad, 0x170, 2**63)
    write('huge.vdi', bad)
    bad = bytearray(vdi(disk))
    struct.pack_into('<QIII', bad, 0x170, 2**62, MIB, 0, 2**32 - 1)
    write('huge-table.vdi', bad)


if sys.argv[1] == 'vhd-creator':
    patch_creator(sys.argv[2], sys.argv[3], sys.argv[4].replace('\\0', '\0').encode())
else:
    directory = sys.argv[2]
    for make in {'vhd': [make_vhd], 'vmdk': [make_vmdk_sparse, make_vmdk_split, make_vmdk_chain],
                 'vhdx': [make_vhdx_plain, make_vhdx_chain, make_vhdx_log], 'vdi': [make_vdi]}[sys.argv[1]]:
        make()
