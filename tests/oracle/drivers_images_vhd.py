"""VHD images, for drivers_images.py."""
import struct
import uuid

from drivers_images_common import changes, content, padded, write


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
