"""What the makers of test images share: files in the directory that the command line names, and disks."""
import os
import random
import sys

MIB = 1 << 20


def write(name, data):
    with open(os.path.join(sys.argv[2], name), 'wb') as f:
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
