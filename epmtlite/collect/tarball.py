"""Read and write tar archives once, from begin to end, without trusting them."""

import contextlib
import gzip
import io
import itertools
import os
import tarfile
import zlib

from epmtlite.collect import errors
from epmtlite.collect.files import open_regular, write_error

SUFFIXES = (".tgz", ".tar.gz", ".tar")
BLOCK_BYTES = 1 << 20
MOST_MEMBERS = 1000000
MOST_EXTENSION_BYTES = 1 << 16  # of a long name, or of the extended header of a member
MOST_TRAILING_BYTES = 16 << 20
EXTENSIONS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
END_BLOCK = bytes(tarfile.BLOCKSIZE)
GZIP_MAGIC = b"\x1f\x8b"
COMPRESS_LEVEL = 6


class Header(tarfile.TarInfo):
    """A header block that must be sound: tarfile takes a damaged one for the end."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):  # noqa: D102 - as in TarInfo
        if buf == END_BLOCK:
            return super().frombuf(buf, encoding, errors)  # raises what means the end
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise Damaged(f"a damaged header ({error})") from error
        if header.size < 0 or (header.type in EXTENSIONS and header.size > MOST_EXTENSION_BYTES):
            raise Damaged("a header of an impossible size")
        return header


class Damaged(Exception):
    """An archive that cannot be read on; its text is the reason."""


class Member:
    """A regular file of an archive: its name as it is there, its size, and its bytes, which can
    be read until the next member is asked for."""

    def __init__(self, header, stream, archive):
        self.name, self.size, self.mtime = header.name, header.size, header.mtime
        self.base = os.path.basename(header.name)
        self.path = os.path.normpath(header.name)
        self.stream, self.archive = stream, archive

    def read(self, count=-1):
        """Return the next bytes, b"" at the end. Raises MalformedError."""
        with reading(self.archive):
            return self.stream.read(count)


@contextlib.contextmanager
def reading(path):
    """Turn what a damaged archive raises into a MalformedError."""
    try:
        yield
    except (tarfile.TarError, Damaged, EOFError, zlib.error, OSError, ValueError) as error:
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
    return members(open_regular(path), path)


def is_compressed(file):
    """Tell whether the bytes of a file, which is at its begin, are compressed."""
    magic = file.read(len(GZIP_MAGIC))
    file.seek(0)
    return magic == GZIP_MAGIC


def members(file, path):
    """Yield the regular files of an archive in their order; file is closed at the end."""
    with file, uncompressed(file) as stream:
        with reading(path):
            tar = tarfile.open(  # noqa: SIM115 - the stream is closed
                fileobj=stream, mode="r|", bufsize=BLOCK_BYTES, tarinfo=Header,
                errors="surrogateescape", encoding="utf-8",
            )  # fmt: skip
        for count in itertools.count(1):
            with reading(path):
                header = tar.next()
                tar.members = []  # type: ignore[attr-defined]  # tarfile would keep them all
                if header is None:
                    check_end(stream)
                    return
                check_member(header, count)
            if header.isreg():
                yield Member(header, tar.extractfile(header), path)


def uncompressed(file):
    """Return the stream of the bytes of the tar."""
    return gzip.GzipFile(fileobj=file, mode="rb") if is_compressed(file) else file


def check_member(header, count):
    """Raise Damaged for a member that no archive of a job has, count being how many came."""
    if header.name.startswith("/") or ".." in header.name.split("/"):
        raise Damaged(f"the member {header.name} leaves the archive")
    if header.issparse() or not (header.isreg() or header.isdir()):
        raise Damaged(f"the member {header.name} is no regular file")
    if count > MOST_MEMBERS:
        raise Damaged(f"it has more than {MOST_MEMBERS} members")


def check_end(stream):
    """Raise Damaged if an archive has more behind its end than padding.

    Reading to the end also has the checksum of the compressed bytes compared.
    """
    rest = 0
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        rest += len(block)
        if rest > MOST_TRAILING_BYTES:
            raise Damaged("too much behind its end")


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
