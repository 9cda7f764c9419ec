#!/usr/bin/env python3
"""windows_hives.py keys DUMP REGLOOKUP: all keys and values of hive_dump's output equal those of reglookup's.
   windows_hives.py services DUMP TSV: Start, Type, Group, ImagePath of all services of the current control set."""
import re
import sys


def decode(text):
    """hive_dump's and reglookup's spelling of bytes that cannot be printed."""
    text = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)
    return text


def unquote(text):
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("utf-8", "surrogateescape"))
    return raw


def read_dump(path):
    keys, values = set(), {}
    for line in open(path, encoding="utf-8"):
        if line.startswith("K "):
            keys.add(line[2:-1])
        elif line.startswith("V "):
            name, _, data = line[2:-1].rpartition(" ")
            values[name] = bytes.fromhex(data)
    return keys, values


def text_of(data):
    text = data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def same(kind, shown, data):
    if shown == "(null)":
        return data == b""
    shown = unquote(shown)
    if shown == data:  # reglookup writes raw bytes where its conversion fails
        return True
    if kind in ("DWORD", "DWORD_BE"):
        order = "little" if kind == "DWORD" else "big"
        return int(shown, 16) == int.from_bytes(data[:4], order)
    if kind == "QWORD":
        return int(shown, 16) == int.from_bytes(data[:8], "little")
    if kind in ("SZ", "EXPAND_SZ", "LINK"):
        return shown.rstrip(b"\0") == text_of(data).split(b"\0")[0] or shown == text_of(data).rstrip(b"\0")
    if kind == "MULTI_SZ":
        return shown.rstrip(b"\0|").replace(b"|", b"\0").rstrip(b"\0") == text_of(data).rstrip(b"\0").replace(b"|", b"\0")
    return shown == data


def compare_keys(dump, other):
    keys, values = read_dump(dump)
    # reglookup writes a default value's name as nothing: "/Key/" is it.
    their_keys, their_values, wrong = set(), {}, 0
    for line in open(other, encoding="utf-8", errors="surrogateescape"):
        parts = line.rstrip("\n").split(",")
        if len(parts) < 4 or parts[0] == "PATH":
            continue
        path, kind, shown = unquote(parts[0]).decode("utf-8", "surrogateescape"), parts[1], ",".join(parts[2:-1])
        if kind == "KEY":
            their_keys.add(path)
        else:
            their_values[path] = (kind, shown)
    keys = {decode(k) for k in keys}
    values = {decode(k): v for k, v in values.items()}
    for what, ours, theirs in (("keys", keys, their_keys), ("values", values.keys(), their_values.keys())):
        for path in sorted(set(ours) ^ set(theirs))[:5]:
            wrong += 1
            print(f"{what}: {'only ours' if path in ours else 'only theirs'}: {path!r}")
    for path, (kind, shown) in their_values.items():
        if path in values and not same(kind, shown, values[path]):
            wrong += 1
            if wrong < 10:
                print(f"{path!r}: {kind} {shown[:80]!r} is not {values[path][:40]!r}")
    print(f"{len(keys)} keys, {len(values)} values, {wrong} differences")
    return wrong == 0 and len(keys) > 0


def compare_services(dump, tsv):
    keys, values = read_dump(dump)
    keys = {key.lower() for key in keys}
    current = int.from_bytes(values["/Select/Current"], "little")
    base = f"/controlset{current:03d}/services"
    lower = {name.lower(): data for name, data in values.items()}
    count = wrong = 0
    for line in list(open(tsv, encoding="utf-8"))[1:]:
        name, start, kind, group, path = (line.rstrip("\n").split("\t") + [""] * 5)[:5]
        count += 1

        def number(value):
            data = lower.get(f"{base}/{name}/{value}".lower())
            return "" if data is None else str(int.from_bytes(data, "little"))

        def text(value):
            data = lower.get(f"{base}/{name}/{value}".lower(), b"")
            return text_of(data).decode("utf-8", "replace").split("\0")[0]

        if f"{base}/{name.lower()}" not in keys or (number("Start"), number("Type"), text("Group"), text("ImagePath")) != (start, kind, group, path):
            wrong += 1
            print(f"{name}: {number('Start')}, {number('Type')}, {text('Group')}, {text('ImagePath')} instead of {start}, {kind}, {group}, {path}")
    ours = len([k for k in keys if k.startswith(base + "/") and k.count("/") == 3])
    print(f"{count} services, {wrong} differences, {ours} in the hive")
    return wrong == 0 and count == ours


if __name__ == "__main__":
    run = {"keys": compare_keys, "services": compare_services}[sys.argv[1]]
    sys.exit(0 if run(*sys.argv[2:4]) else 1)
