"""VDI images, for drivers_images.py."""
import random
import struct
import uuid

from drivers_images_common import MIB, content, write


NIL = uuid.UUID(int=0)


def vdi(disk, block=MIB, extra=0, size=None, kind=1, version=0x10001, parent=NIL, discard=(), unused=0, order=None):
    size = size or len(disk)
    blocks = -(-size // block)
    table_at = 512
    data_at = -(-(table_at + 4 * blocks) // 512) * 512 + unused
    entries, body = [0xffffffff] * blocks, []
    places = list(range(blocks))
    random.Random(order or 0).shuffle(places)
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
