"""Files that `save` does not write: zips put together by hand, in which any field may lie."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autodiff.io.stored import CENTRAL, END, END64, LOCAL, LOCATOR

MANY = 1 << 25  # zeros that pack into next to nothing


@dataclass
class Entry:
    """A member; ``local`` and ``central`` replace fields of its two headers."""

    name: str
    content: bytes
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)

    def header(self, offset: int | None) -> bytes:
        """The local header, or with an offset the entry of the central directory."""
        fields = {"flags": 0, "method": 0, "crc": zlib.crc32(self.content), "name": self.name.encode(), "extra": b""}
        fields |= {"packed": len(self.content), "size": len(self.content), "comment": b"", "disk": 0, "offset": offset}
        fields |= self.local if offset is None else self.central
        name, extra, comment = fields["name"], fields["extra"], fields["comment"]
        common = fields["flags"], fields["method"], 0, 33, fields["crc"], fields["packed"], fields["size"]
        if offset is None:
            return LOCAL.pack(b"PK\3\4", 20, *common, len(name), len(extra)) + name + extra
        lengths = len(name), len(extra), len(comment), fields["disk"]
        return CENTRAL.pack(b"PK\1\2", 788, 20, *common, *lengths, 0, 0, fields["offset"]) + name + extra + comment


def forge(
    entries: list[Entry],
    end: dict[str, int] | None = None,
    wide: dict[str, int] | None = None,
    behind: bytes = b"",
    comment: bytes = b"",
) -> bytes:
    """A zip of ``entries``; ``end`` and ``wide`` replace fields of its ends, ``behind`` follows it."""
    offsets, body = [], b""
    for entry in entries:
        offsets.append(len(body))
        body += entry.header(None) + entry.content
    directory = b"".join(entry.header(offset) for entry, offset in zip(entries, offsets, strict=True))
    fields = {"disk": 0, "first": 0, "here": len(entries), "count": len(entries)}
    fields |= {"length": len(directory), "start": len(body)}
    whole = body + directory
    if wide is not None:
        longer = {**fields, **wide}
        whole += END64.pack(b"PK\6\6", 44, 45, 45, *(longer[name] for name in fields))
        whole += LOCATOR.pack(b"PK\6\7", 0, len(body) + len(directory), 1)
    fields |= end or {}
    return whole + END.pack(b"PK\5\6", *fields.values(), len(comment)) + comment + behind


def skeleton_of(root: str, head: str = '"format": "autodiff", "version": 1') -> Entry:
    return Entry("skeleton.json", f'{{{head}, "root": {root}}}'.encode())


def npy_of(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def headed(header: str, content: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """A member with any header, before any content."""
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + content


def shaped(shape: str, descr: str = "'<f8'", content: bytes = b"", fortran: str = "False") -> bytes:
    return headed(f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}", content)


ARRAY = Entry("a.npy", npy_of(np.arange(3.0)))
NAMED = skeleton_of('{"array": "a.npy"}')


def of_array(content: bytes, kind: str = "array", rest: str = "") -> bytes:
    return forge([Entry("a.npy", content), skeleton_of(f'{{"{kind}": "a.npy"{rest}}}')])


def with_array(**changes: Any) -> bytes:
    return forge([Entry("a.npy", ARRAY.content, **changes), NAMED])


def of_root(root: str, **head: str) -> bytes:
    return forge([skeleton_of(root, **head)])


def packed(method: int) -> bytes:
    """An array of zeros, compressed by ``zipfile``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("a.npy", npy_of(np.zeros(MANY, "u1")))
        archive.writestr("skeleton.json", NAMED.content)
    return file.getvalue()


def packed_skeleton() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("skeleton.json", skeleton_of("[" + "[]," * (MANY // 8) + "0]").content)
    return file.getvalue()


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def overlapping(count: int = 200) -> bytes:
    """Members that all have the same bytes."""
    big = npy_of(np.zeros(100_000, "u1"))
    names = [Entry(f"{i}.npy", big, central={"offset": 0}) for i in range(count)]
    roots = skeleton_of(json.dumps([{"array": entry.name} for entry in names]))
    first = forge([names[0]])[: -END.size - CENTRAL.size - len(names[0].name)]
    directory = b"".join(entry.header(0) for entry in names) + roots.header(len(first))
    body = first + roots.header(None) + roots.content
    return body + directory + END.pack(b"PK\5\6", 0, 0, count + 1, count + 1, len(directory), len(body), 0)


def within() -> bytes:
    """A member among the numbers of an array that is a member, too."""
    inner = Entry("b.npy", npy_of(np.arange(3.0)))
    outer = Entry("a.npy", npy_of(np.frombuffer(inner.header(None) + inner.content, "u1")))
    roots = skeleton_of('[{"array": "a.npy"}, {"array": "b.npy"}]')
    place = len(outer.header(None)) + 128
    body = outer.header(None) + outer.content
    directory = outer.header(0) + inner.header(place) + roots.header(len(body))
    body += roots.header(None) + roots.content
    return body + directory + END.pack(b"PK\5\6", 0, 0, 3, 3, len(directory), len(body), 0)


def zip64_extra(*numbers: int) -> bytes:
    return b"\1\0" + (8 * len(numbers)).to_bytes(2, "little") + b"".join(n.to_bytes(8, "little") for n in numbers)


HUGE, WIDE = 1 << 40, 0xFFFFFFFF
SIZES = {"size": WIDE, "packed": WIDE}
MOST = {"count": 65535, "here": 65535}
LONG, LONGER = {"size": 1 << 30, "packed": 1 << 30}, {**SIZES, "extra": zip64_extra(HUGE, HUGE)}

ZIPS = {
    "deflated": packed(zipfile.ZIP_DEFLATED),
    "bzip2": packed(zipfile.ZIP_BZIP2),
    "lzma": packed(zipfile.ZIP_LZMA),
    "deflated skeleton": packed_skeleton(),
    "unknown method": with_array(local={"method": 99}, central={"method": 99}),
    "method in one header": with_array(local={"method": 8}),
    "one name, two members": forge([ARRAY, ARRAY, NAMED]),
    "two skeletons": forge([ARRAY, NAMED, NAMED]),
    "members in each other": overlapping(),
    "a member in an array": within(),
    "a member in another": with_array(central={"offset": 5}),
    "an offset outside": with_array(central={"offset": 1 << 30}),
    "an offset without its number": with_array(central={"offset": WIDE}),
    "an offset that no file has": with_array(central={"offset": WIDE, "extra": zip64_extra((1 << 64) - 1)}),
    "an offset of 64 bits outside": with_array(central={"offset": WIDE, "extra": zip64_extra(HUGE)}),
    "larger than the file": with_array(local=LONG, central=LONG),
    "larger than the file, in 64 bits": with_array(local=LONGER, central=LONGER),
    "64 bits that are not there": with_array(local=SIZES, central=SIZES),
    "64 bits in one header that lie": with_array(local=LONGER),
    "64 bits that nothing asks for": with_array(local={"extra": zip64_extra(5)}),
    "a size in one header": with_array(local={"size": 9, "packed": 9}),
    "two sizes in one header": with_array(central={"packed": 9}),
    "two sizes": with_array(local={"packed": 9}, central={"packed": 9}),
    "an extra field": with_array(central={"extra": b"\x55\x54\5\0\3abcd"}),
    "a checksum in one header": with_array(local={"crc": 1}),
    "another checksum": with_array(local={"crc": 1}, central={"crc": 1}),
    "encrypted": with_array(local={"flags": 1}, central={"flags": 1}),
    "sizes behind the member": with_array(local={"flags": 8, "size": 0, "packed": 0, "crc": 0}, central={"flags": 8}),
    "names in UTF-8": with_array(local={"flags": 2048}, central={"flags": 2048}),
    "two names": with_array(local={"name": b"b.npy"}),
    "a name that is no text": with_array(local={"name": b"\xff.npy"}, central={"name": b"\xff.npy"}),
    "a comment of a member": with_array(central={"comment": b"hello"}),
    "a member on another disk": with_array(central={"disk": 1}),
    "a comment": forge([ARRAY, NAMED], comment=b"hello"),
    "a comment that is not there": forge([ARRAY, NAMED])[:-2] + b"\5\0",
    "something behind": forge([ARRAY, NAMED], behind=b"\0"),
    "a second end behind": forge([ARRAY, NAMED], behind=END.pack(b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)),
    "another count": forge([ARRAY, NAMED], end={"count": 1, "here": 1}),
    "two counts": forge([ARRAY, NAMED], end={"count": 1}),
    "a directory longer than the file": forge([ARRAY, NAMED], end={"length": WIDE, "start": WIDE}),
    "a directory elsewhere": forge([ARRAY, NAMED], end={"start": 0}),
    "a second disk": forge([ARRAY, NAMED], end={"disk": 1}),
    "a long end that lies": forge([ARRAY, NAMED], wide={"length": HUGE}, end={"length": WIDE}),
    "a long end of many": forge([ARRAY, NAMED], wide={"count": 1 << 40, "here": 1 << 40}, end=MOST),
    "two ends that differ": forge([ARRAY, NAMED], wide={"count": 3, "here": 3}),
    "a member without a name in the skeleton": forge([ARRAY, skeleton_of("1")]),
    "no skeleton": forge([Entry("a.txt", b"hello")]),
    "no member": forge([]),
}  # fmt: skip

ARRAYS = {
    "a huge shape": of_array(shaped("(1000000000, 1000)")),
    "a shape beyond NumPy": of_array(shaped(f"({10**30},)")),
    "a huge axis beside none": of_array(shaped(f"(0, {10**30})")),
    "negative axes": of_array(shaped("(-1, -3)", content=bytes(24))),
    "an axis that is a bool": of_array(shaped("(True,)", content=bytes(8))),
    "a shape that is a number": of_array(shaped("3", content=bytes(24))),
    "a shape of floats": of_array(shaped("(3.0,)", content=bytes(24))),
    "too many axes": of_array(shaped(str((1,) * 100), content=bytes(8))),
    "one number too few": of_array(shaped("(3,)", content=bytes(16))),
    "one number too many": of_array(shaped("(3,)", content=bytes(32))),
    "huge entries": of_array(shaped("(1,)", "'|V1000000000'")),
    "entries beyond NumPy": of_array(shaped("(1,)", "'|V99999999999'")),
    "entries of huge shape": of_array(shaped("(1,)", "[('a', '<f8', (100000, 100000))]")),
    "objects": of_array(npy_of(np.array([1], "i8")).replace(b"'<i8'", b"'|O' ")),
    "objects in fields": of_array(shaped("(1,)", "[('a', '|O')]", bytes(8))),
    "a dtype spelled in another way": of_array(shaped("(1,)", "'float64'", bytes(8))),
    "fields spelled in another way": of_array(shaped("(1,)", "'f8,f8'", bytes(16))),
    "a dtype that is none": of_array(shaped("(1,)", "'<q9'", bytes(8))),
    "an order that is no bool": of_array(shaped("(1,)", content=bytes(8), fortran="'yes'")),
    "an order without a word": of_array(headed("{'descr': '<f8', 'shape': (1,)}", bytes(8))),
    "a field too many": of_array(headed("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'x': 0}", bytes(8))),
    "a header of brackets": of_array(headed("(" * 9000)),
    "a header of signs": of_array(headed("-" * 9000 + "1")),
    "a header that runs": of_array(headed("__import__('os').abort()")),
    "a header of a megabyte": of_array(b"\x93NUMPY\2\0" + (1 << 20).to_bytes(4, "little") + b" " * (1 << 20)),
    "a header of many lists": of_array(headed("[" + "[]," * 20000 + "]")),
    "a header longer than the member": of_array(b"\x93NUMPY\1\0\xff\xff{}"),
    "no header": of_array(b""),
    "another version": of_array(headed("{}", version=b"\7\0")),
    "text in place of an array": of_array(b"hello, this is text"),
    "letters that do not exist": of_array(shaped("(1,)", "'<U1'", b"\0\0\x11\0")),
    "a letter that does not exist": of_array(shaped("()", "'>U1'", b"\0\x11\0\0"), "scalar"),
    "letters in fields that do not exist": of_array(shaped("(1,)", "[('a', '|u1'), ('b', '<U1', (2,))]", b"\xff" * 9)),
    "a tensor of words without letters": of_array(shaped(f"({1 << 40},)", "'<U0'"), "tensor"),
    "a tensor of text": of_array(npy_of(np.array(["a"])), "tensor"),
    "a gradient of integers": of_array(npy_of(np.array([1])), "tensor", ', "requires_grad": true'),
    "a scalar with an axis": of_array(npy_of(np.ones(3)), "scalar"),
}

LONG_NAME = "a" * 300 + ".npy"
NAMES = ", ".join(['{"array": "a.npy"}'] * 100)
SKELETONS = {
    "a name with a folder": forge([Entry("../a.npy", ARRAY.content), skeleton_of('{"array": "../a.npy"}')]),
    "a name without its end": forge([Entry("a", ARRAY.content), skeleton_of('{"array": "a"}')]),
    "a name of 300 letters": forge([Entry(LONG_NAME, ARRAY.content), skeleton_of(f'{{"array": "{LONG_NAME}"}}')]),
    "a member named a hundred times": forge([ARRAY, skeleton_of(f"[{NAMES}]")]),
    "a large member named often": forge([Entry("a.npy", npy_of(np.zeros(300_000))), skeleton_of(f"[{NAMES}]")]),
    "a member that is not there": of_root('{"array": "a.npy"}'),
    "the skeleton as an array": of_root('{"array": "skeleton.json"}'),
    "a member named by a number": of_root('{"array": 1}'),
    "two kinds in one entry": forge([ARRAY, skeleton_of('{"array": "a.npy", "tensor": "a.npy"}')]),
    "one kind twice": forge([ARRAY, skeleton_of('{"array": "a.npy", "array": "a.npy"}')]),
    "an entry of nothing": of_root("{}"),
    "an unknown entry": of_root('{"set": []}'),
    "requires_grad of an array": of_array(ARRAY.content, "array", ', "requires_grad": true'),
    "requires_grad that is false": of_array(ARRAY.content, "tensor", ', "requires_grad": false'),
    "requires_grad that is a number": of_array(ARRAY.content, "tensor", ', "requires_grad": 1'),
    "NaN": of_root("NaN"),
    "Infinity": of_root("[-Infinity]"),
    "a number that is infinite": of_root("1e999"),
    "a number spelled in another way": of_root("1.50"),
    "a float that is finite": of_root('{"float": "1.0"}'),
    "a float that is a number": of_root('{"float": 1.0}'),
    "a whole number of 5,000 digits": of_root("1" * 5000),
    "a tuple that is none": of_root('{"tuple": "ab"}'),
    "a dict that is none": of_root('{"dict": {}}'),
    "a pair of three": of_root('{"dict": [["a", 1, 2]]}'),
    "a pair that is a tuple": of_root('{"dict": [{"tuple": ["a", 1]}]}'),
    "a pair that is a string": of_root('{"dict": ["ab"]}'),
    "a key that is a float": of_root('{"dict": [[1.5, 1]]}'),
    "a key that is a bool": of_root('{"dict": [[true, 1]]}'),
    "a key that is a list": of_root('{"dict": [[[], 1]]}'),
    "a key twice": of_root('{"dict": [["a", 1], ["a", 2]]}'),
    "65 levels": of_root(deep(66)),
    "100,000 levels": of_root(deep(100_000)),
    "letters beyond ASCII": of_root('"\N{SNOWMAN}"'),
    "a control character": of_root('"\n"'),
    "no JSON": of_root("[1,"),
    "text behind the root": of_root("1]"),
    "a field behind the root": of_root('1, "more": 2'),
    "a second root": of_root('1, "root": 2'),
    "version 2": of_root("1", head='"format": "autodiff", "version": 2'),
    "version 01": of_root("1", head='"format": "autodiff", "version": 01'),
    "a version that is a bool": of_root("1", head='"format": "autodiff", "version": true'),
    "a version that is text": of_root("1", head='"format": "autodiff", "version": "1"'),
    "a version that is a float": of_root("1", head='"format": "autodiff", "version": 1.0'),
    "two versions": of_root("1", head='"format": "autodiff", "version": 1, "version": 1'),
    "another format": of_root("1", head='"format": "other", "version": 1'),
    "a field before": of_root("1", head='"more": 1, "format": "autodiff", "version": 1'),
    "no root": forge([Entry("skeleton.json", b'{"format": "autodiff", "version": 1}')]),
    "a skeleton that is a list": forge([Entry("skeleton.json", b"[]")]),
    "an empty skeleton": forge([Entry("skeleton.json", b"")]),
}
FORGED = {**ZIPS, **ARRAYS, **SKELETONS}
