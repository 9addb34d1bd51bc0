"""Read and write tar archives once, from begin to end, without trusting them."""

import contextlib
import gzip
import io
import itertools
import os
import re
import tarfile
import zlib

from epmtlite.collect import errors
from epmtlite.collect.files import open_regular, write_error

SUFFIXES = (".tgz", ".tar.gz", ".tar")
BLOCK_BYTES = 1 << 20
MOST_MEMBERS = 1000000
MOST_NAME_CHARACTERS = 255  # no file system has longer ones
MOST_EXTENSION_BYTES = 1 << 16  # of a long name, or of the extended header of a member
MOST_GLOBAL_BYTES = 1 << 12  # of an extended header that all further members have
MOST_GLOBAL_FIELDS = 64  # git archive writes one
MOST_TRAILING_BYTES = 16 << 20
# What may be unpacked: rows of processes pack 10:1 to 30:1, very long ones that repeat 130:1.
MOST_SMALL_BYTES = 64 << 20
MOST_RATIO = 200
GLOBAL = tarfile.XGLTYPE
PAX = (tarfile.XHDTYPE, GLOBAL, tarfile.SOLARIS_XHDTYPE)
EXTENSIONS = (*PAX, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
KINDS = (*EXTENSIONS, *REGULAR, tarfile.DIRTYPE)
TYPE = slice(156, 157)  # the place of the type in a header, POSIX.1-1988 ustar
# What tarfile takes without end for: it looks for a word behind digits, in a time that grows with
# the square of their number (CVE-2024-6232), and reads maps of sparse files of any size.
EXPENSIVE = re.compile(rb"[0-9]{64}|GNU\.sparse")
LATEST_SECONDS = 1 << 33  # of a member's time
END_BLOCK = bytes(tarfile.BLOCKSIZE)
GZIP_MAGIC = b"\x1f\x8b"
COMPRESS_LEVEL = 6


class Header(tarfile.TarInfo):
    """A header block that must be sound: tarfile takes a damaged one for the end."""

    @classmethod
    def fromtarfile(cls, tarfile):  # noqa: D102 - as in TarInfo
        block = tarfile.fileobj.peek(len(END_BLOCK))
        if block[TYPE] in PAX:
            size = cls.frombuf(block, tarfile.encoding, tarfile.errors).size
            if EXPENSIVE.search(tarfile.fileobj.peek(len(END_BLOCK) + size), len(END_BLOCK)):
                raise Damaged("an extended header with an impossible number or a sparse file")
        return super().fromtarfile(tarfile)

    @classmethod
    def frombuf(cls, buf, encoding, errors):  # noqa: D102 - as in TarInfo
        if buf == END_BLOCK:
            return super().frombuf(buf, encoding, errors)  # raises what means the end
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise Damaged(f"a damaged header ({error})") from error
        if header.type not in KINDS:
            raise Damaged(f"the member {header.name} is no regular file")
        most = MOST_GLOBAL_BYTES if header.type == GLOBAL else MOST_EXTENSION_BYTES
        if header.size < 0 or (header.type in EXTENSIONS and header.size > most):
            raise Damaged("a header of an impossible size")
        return header


class Damaged(Exception):
    """An archive that cannot be read on; its text is the reason."""


# What tarfile and gzip raise for bytes of all kinds.
DAMAGE = (
    Damaged, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, ArithmeticError,
    LookupError, RecursionError,
)  # fmt: skip


class Stream:
    """The bytes of a tar from begin to end, unpacked as long as they are not out of proportion."""

    def __init__(self, file):
        self.file = file
        self.is_packed = is_compressed(file)
        self.source = gzip.GzipFile(fileobj=file, mode="rb") if self.is_packed else file
        self.ahead, self.position, self.unpacked = b"", 0, 0

    def tell(self):
        """Return the number of bytes before the next one."""
        return self.position

    def seek(self, position):
        """Go forward. Raises Damaged if that is impossible."""
        if position < self.position:
            raise Damaged("a member that begins before its header")
        while position > self.position:
            if not self.read(min(BLOCK_BYTES, position - self.position)):
                raise Damaged("unexpected end of data")

    def read(self, count):
        """Return the next bytes, fewer at the end only. Raises Damaged for too many."""
        block = self.peek(count)[:count]
        self.ahead = self.ahead[len(block) :]
        self.position += len(block)
        return block

    def peek(self, count):
        """Return at least the next bytes, fewer at the end only; they can be read still."""
        if len(self.ahead) < count:
            block = self.source.read(count - len(self.ahead))
            self.unpacked += len(block)
            self.check_proportion()
            self.ahead += block
        return self.ahead

    def check_proportion(self):
        """Raise Damaged if a small file unpacks to a huge one."""
        most = max(MOST_SMALL_BYTES, MOST_RATIO * self.file.tell())
        if self.is_packed and self.unpacked > most:
            raise Damaged(f"it unpacks to more than {MOST_RATIO} times its size")


class Member:
    """A regular file of an archive: its name as it is there, its size, and its bytes, which can
    be read until the next member is asked for."""

    def __init__(self, header, stream, archive):
        self.name, self.size = header.name, header.size
        self.mtime = header.mtime if 0 <= header.mtime < LATEST_SECONDS else 0
        self.base = os.path.basename(header.name)
        self.path = os.path.normpath(header.name)
        self.stream, self.archive = stream, archive

    def read(self, count=-1):
        """Return the next bytes, b"" at the end. Raises MalformedError."""
        with reading(self.archive):
            return self.stream.read(count)


@contextlib.contextmanager
def reading(path):
    """Turn what a damaged archive raises into a MalformedError; what cannot be read at all raises
    no OSError, see files.Source."""
    try:
        yield
    except DAMAGE as error:
        text = f"{path} is damaged or no tar archive: {error}"
        raise errors.MalformedError(text) from error


def is_archive_name(path):
    """Tell whether a path ends as those of archives do."""
    return path.endswith(SUFFIXES)


def without_suffix(name):
    """Return the name of an archive without the suffix."""
    return next((name[: -len(end)] for end in SUFFIXES if name.endswith(end)), name)


def open_archive(path):
    """Return the members of an archive, compressed or not: a generator of Member.

    Raises MissingError, RefusedError or MalformedError, also while it is read: for links, devices,
    paths out of the archive, and damage.
    """
    return closing_members(open_regular(path), path)


def is_compressed(file):
    """Tell whether the bytes of a file, which is at its begin, are compressed."""
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    return magic == GZIP_MAGIC


def closing_members(file, path):
    """Yield the members of an archive; file is closed at the end."""
    with file:
        yield from members(file, path)


def members(file, path):
    """Yield the regular files of an archive in their order, from the begin of file on."""
    file.seek(0)
    with reading(path):
        stream = Stream(file)
        tar = tarfile.TarFile(
            fileobj=stream,  # type: ignore[arg-type]  # which is only read
            tarinfo=Header, errors="surrogateescape", encoding="utf-8",
        )  # fmt: skip
    for count in itertools.count(1):
        with reading(path):
            header = tar.next()
            tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
            if header is None:
                check_end(stream)
                return
            check_member(header, count, tar)
        if header.isreg():
            yield Member(header, tar.extractfile(header), path)


def check_member(header, count, tar):
    """Raise Damaged for a member that no archive of a job has, count being how many came."""
    parts = header.name.split("/")
    if header.name.startswith("/") or ".." in parts:
        raise Damaged(f"the member {header.name} leaves the archive")
    if header.issparse() or not (header.isreg() or header.isdir()):
        raise Damaged(f"the member {header.name} is no regular file")
    if count > MOST_MEMBERS or len(tar.pax_headers) > MOST_GLOBAL_FIELDS:
        raise Damaged(f"it has more than {MOST_MEMBERS} members, or too many headers")
    if header.size < 0 or max(map(len, parts)) > MOST_NAME_CHARACTERS:
        raise Damaged("a member of an impossible size or name")


def check_end(stream):
    """Raise Damaged if an archive has more behind its end than padding, as another archive.

    Reading to the end also has the checksum of the compressed bytes compared.
    """
    rest = 0
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        rest += len(block)
        if rest > MOST_TRAILING_BYTES or block.strip(b"\0"):
            raise Damaged("there is more behind its end")


class Writer:
    """Writes a tar, member after member, to a binary stream."""

    def __init__(self, stream, compress=True):
        self.stream = stream
        if compress:
            self.stream = gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=COMPRESS_LEVEL)
        self.compress = compress
        self.tar = tarfile.open(fileobj=self.stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            try:
                self.tar.close()
            finally:
                if self.compress:
                    self.stream.close()
        except OSError:
            if kind is None:
                raise

    def add(self, name, size, source, mtime=0):
        """Add a member ./name of that many bytes from a stream; only root's ids are written.

        Raises WriteError.
        """
        header = tarfile.TarInfo("./" + name)
        header.size, header.mtime, header.mode = size, mtime, 0o600
        try:
            self.tar.addfile(header, source)
            self.tar.members = []  # type: ignore[attr-defined]
        except OSError as error:
            raise write_error("the archive", error) from error

    def add_bytes(self, name, raw, mtime=0):
        """Add a member ./name with these bytes."""
        self.add(name, len(raw), io.BytesIO(raw), mtime)
