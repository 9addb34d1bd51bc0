"""Write one archive that holds a release with all it needs, and its checksums."""

import gzip
import hashlib
import json
import os
import tarfile
import time
import zipapp
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
FACTS = "release.json"
INSTALLER = "hpcusage-installer"
BLOCK_BYTES = 1 << 20


def write_installer(source, path):
    """Write the installer, one executable file, from the directory of its modules."""
    zipapp.create_archive(
        source, path, "/usr/bin/env python3", filter=lambda name: name.suffix == ".py"
    )
    path.chmod(0o755)


def write_facts(directory, facts):
    """Write what the installer asks about a release: a JSON object."""
    (directory / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def write_checksums(directory, names=None):
    """Write the digests of files in a directory, of all below it by default, as sha256sum does."""
    if names is None:
        files = (path for path in directory.rglob("*") if path.is_file())
        names = [path.relative_to(directory).as_posix() for path in files]
    names = sorted(name for name in names if name != CHECKSUMS)
    lines = [f"{digest(directory / name)}  {name}\n" for name in names]
    (directory / CHECKSUMS).write_text("".join(lines))


def digest(path):
    """Return the SHA-256 of a file in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            found.update(block)
    return found.hexdigest()


def pack(directory, path):
    """Write a directory to an archive, .tgz, under the directory's name.

    Owners and times are not those of this machine: the time is SOURCE_DATE_EPOCH, or now.
    """
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))

    def plain(member):
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = moment
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        Path(path).open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, moment) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        archive.add(directory, directory.name, filter=plain)
