"""VHDX images, for drivers_images.py."""
import random
import struct
import uuid

from drivers_images_common import MIB, changes, content, padded, write


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
