"""Zip files as `save` writes them: members that are stored, each once, one behind the other.

`zipfile` takes any zip: compressed members, members that lie in each other, sizes that two headers tell differently.
Here all of that is refused before a member is read, so that what is read is never more than the file has.

Reference: PKWARE 2022, ".ZIP file format specification", version 6.3.10.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, NoReturn

from autodiff.errors import DtypeError, FileFormatError
from autodiff.kinds import described

LOCAL = struct.Struct("<4s5H3L2H")  # mark, version, flags, method, time, date, checksum, two sizes, lengths
CENTRAL = struct.Struct("<4s6H3L5H2L")  # the same with a second version; then disk, attributes and offset
END = struct.Struct("<4s4H2LH")  # mark, two disks, two counts, size and offset of the directory, length of a comment
END64 = struct.Struct("<4sQ2H2L4Q")  # mark, size, two versions, and the same with more bits
LOCATOR = struct.Struct("<4sLQL")  # mark, disk, offset of the record before it, number of disks
WIDE = 0xFFFFFFFF  # in place of a number that stands, with 64 bits, in an extra field
CHUNK = 1 << 20


class Member(NamedTuple):
    """A member: where its bytes lie in the file, and what their checksum is."""

    name: str
    start: int
    size: int
    checksum: int


class Content:
    """The bytes of a member, read in their order and never beyond its end."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self.name, self.left = member.name, member.size
        self._file, self._checksum, self._wanted = file, 0, member.checksum
        file.seek(member.start)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if count > self.left:
            raise FileFormatError(f"{self.name} ends too early")
        taken = _exactly(self._file, count)
        self.left -= count
        self._checksum = zlib.crc32(taken, self._checksum)
        return taken

    def fill(self, place: memoryview) -> None:
        """Read as many bytes as ``place`` has into it."""
        for start in range(0, len(place), CHUNK):
            part = place[start : start + CHUNK]
            part[:] = self.take(len(part))

    def finish(self) -> None:
        """Raise FileFormatError unless all bytes were read, and are what they were."""
        if self.left:
            raise FileFormatError(f"{self.name} goes on after its end")
        if self._checksum != self._wanted:
            raise FileFormatError(f"{self.name} does not have its checksum")


def members_of(file: IO[bytes]) -> dict[str, Member]:
    """The members of a zip by their names; nothing of them is read yet.

    What stands in the file before the first member is somebody else's: `save` writes where an open file stands.

    Raises:
        FileFormatError: `save` does not write such a zip.

    """
    start, end, count = _directory(file)
    file.seek(start)
    members: dict[str, Member] = {}
    previous = None
    for name, offset, size, checksum in _entries(_exactly(file, end - start)):
        if name in members:
            _refuse(f"two members have the name {name}")
        if previous not in (None, offset):
            _refuse(f"{name} does not begin where the member before it ends")
        if offset >= start:
            _refuse(f"{name} lies outside the file")
        begin = offset + _local(file, name, offset, size, checksum)
        previous = begin + size
        members[name] = Member(name, begin, size, checksum)
    if len(members) != count or previous not in (None, start):
        _refuse("its members and the list of them do not agree")
    return members


def _refuse(fault: str) -> NoReturn:
    raise FileFormatError(fault)


def _exactly(file: IO[bytes], count: int) -> bytes:
    """The next ``count`` bytes of a file, which may give fewer at a time."""
    taken = _some(file, count)
    while len(taken) < count:
        more = _some(file, count - len(taken))
        if not more:
            _refuse("it is cut short")
        taken += more
    return taken


def _some(file: IO[bytes], count: int) -> bytes:
    taken: Any = file.read(count)
    is_binary = isinstance(taken, (bytes, bytearray))
    if not is_binary or len(taken) > count:
        kind = f"{len(taken)} bytes" if is_binary else described(taken)
        raise DtypeError(f"load: read({count}) of the {type(file).__name__} gave {kind}; give a path or a binary file")
    return bytes(taken)


def _directory(file: IO[bytes]) -> tuple[int, int, int]:
    """Where the central directory begins and ends, and how many members it has."""
    end = file.seek(0, 2) - END.size
    if end < 0:
        _refuse("it is too short for a zip")
    file.seek(end)
    mark, *numbers, comment = END.unpack(_exactly(file, END.size))
    if mark != b"PK\5\6" or comment:
        _refuse("it does not end as a zip does: it is cut short, or something follows")
    wide = end - LOCATOR.size - END64.size
    if wide >= 0:
        file.seek(wide)
        record, locator = END64.unpack(_exactly(file, END64.size)), LOCATOR.unpack(_exactly(file, LOCATOR.size))
        if locator[0] == b"PK\6\7":
            if locator[1:] != (0, wide, 1) or record[:2] != (b"PK\6\6", END64.size - 12):
                _refuse("its two ends do not agree")
            ceilings = (0xFFFF,) * 4 + (WIDE,) * 2
            if numbers != [min(number, most) for number, most in zip(record[4:], ceilings, strict=True)]:
                _refuse("its two ends do not agree")
            numbers, end = list(record[4:]), wide
    disk, first_disk, here, count, size, start = numbers
    if disk or first_disk or here != count or start + size != end:
        _refuse("the list of its members is not where it should be")
    return start, end, count


def _entries(directory: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Name, offset, size and checksum of each member that the central directory lists."""
    place = 0
    while place < len(directory):
        if len(directory) - place < CENTRAL.size:
            _refuse("the list of its members is cut short")
        mark, _, _, flags, method, _, _, checksum, packed, size, *rest = CENTRAL.unpack_from(directory, place)
        length, more, comment, disk, _, _, offset = rest
        place += CENTRAL.size
        if mark != b"PK\1\2" or comment or disk:
            _refuse("the list of its members is damaged")
        name, extra = _name(directory[place : place + length]), directory[place + length : place + length + more]
        place += length + more
        _check_plain(name, flags, method)
        numbers = _widened(name, [size, packed, offset], extra)
        if numbers[0] != numbers[1]:
            _refuse(f"{name} has two sizes")
        yield name, numbers[2], numbers[0], checksum


def _local(file: IO[bytes], name: str, offset: int, size: int, checksum: int) -> int:
    """The length of the header before a member's bytes, which must say what the central directory says."""
    file.seek(offset)
    mark, _, flags, method, _, _, check, packed, unpacked, *rest = LOCAL.unpack(_exactly(file, LOCAL.size))
    length, more = map(int, rest)
    if mark != b"PK\3\4" or _name(_exactly(file, length)) != name:
        _refuse(f"{name} is not where the list of members has it")
    _check_plain(name, flags, method)
    if (check, *_widened(name, [unpacked, packed], _exactly(file, more))) != (checksum, size, size):
        _refuse(f"{name} is described in two ways")
    return LOCAL.size + length + more


def _name(name: bytes) -> str:
    if not name.isascii():
        _refuse("a member has a name that save does not give")
    return name.decode()


def _check_plain(name: str, flags: int, method: int) -> None:
    if flags & 1:
        _refuse(f"{name} is encrypted")
    if method:
        _refuse(f"{name} is compressed, and save stores its members as they are")
    if flags:
        _refuse(f"{name} has the flags {flags:#x}, and save sets none")


def _widened(name: str, numbers: list[int], extra: bytes) -> list[int]:
    """``numbers``, with those of 64 bits that the extra field has in place of the widest ones."""
    wide = [place for place, number in enumerate(numbers) if number == WIDE]
    head = struct.pack("<2H", 1, 8 * len(wide)) if wide else b""
    if not extra.startswith(head) or len(extra) != len(head) + 8 * len(wide):
        _refuse(f"{name} has an extra field that save does not write")
    for place, number in zip(wide, struct.unpack(f"<{len(wide)}Q", extra[len(head) :]), strict=True):
        numbers[place] = number
    return numbers
