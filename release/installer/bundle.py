"""Read the archive of a release: prove that it is whole, and unpack it."""

import hashlib
import json
import re
import tarfile

from failures import BadArchive, Missing

CHECKSUMS = "SHA256SUMS"
FACTS = "release.json"
INSTALLER = "hpcusage-installer"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9][A-Za-z0-9._+-]*)?\Z")
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.dev|\.post)[0-9]+)*\Z")
SUFFIX = re.compile(r"(a|b|rc|\.dev|\.post)([0-9]+)")
# Where what follows the numbers of a version stands before or after nothing, as PEP 440 orders it.
RANKS = {".dev": -4, "a": -3, "b": -2, "rc": -1, "": 0, ".post": 1}
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)\Z")
MOST_MEMBERS = 2000
MOST_BYTES = 4 << 30
BLOCK_BYTES = 1 << 20


class Bundle:
    """An unpacked release."""

    def __init__(self, directory, facts):
        self.directory = directory
        self.version = facts["version"]
        self.commands = facts["commands"]
        self.machine = facts["machine"]
        self.glibc = facts["glibc"]
        self.pythons = facts["pythons"]

    @property
    def wheels(self):
        """The directory of all wheels."""
        return self.directory / "wheels"

    @property
    def installer(self):
        """The installer that belongs to the release."""
        return self.directory / INSTALLER


def order_of(version):
    """Return what versions are compared by: 1.2rc1 comes before 1.2, and 1.2.post1 after it; ""
    comes before all."""
    leading = version[: len(version) - len(version.lstrip("0123456789."))]
    numbers = [int(part) for part in leading.split(".") if part]
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.0 is 1
    suffixes = [(RANKS[kind], int(number)) for kind, number in SUFFIX.findall(version)]
    return numbers, [*suffixes, (RANKS[""], 0)]


def unpack(path, directory):
    """Unpack an archive into a directory, check everything in it, and return the Bundle.

    A file SHA256SUMS beside the archive is compared if it names the archive.
    Raises Missing or BadArchive.
    """
    if not path.is_file():
        raise Missing(f"{path}: there is no such file")
    check_beside(path)
    try:
        with tarfile.open(str(path), "r:gz") as archive:
            root = extract(archive, directory)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if getattr(error, "errno", None):
            raise
        raise BadArchive(f"{path}: {error}: copy it here anew") from error
    check_sums(path, root)
    return Bundle(root, read_facts(path, root))


def check_beside(path):
    """Raise BadArchive if SHA256SUMS beside an archive has another digest for it."""
    sums = path.parent / CHECKSUMS
    if sums.is_file():
        wanted = read_sums(path, sums).get(path.name)
        if wanted and wanted != digest(path):
            raise BadArchive(f"{path}: not the file of {sums}: copy it here anew")


def extract(archive, directory):
    """Unpack the plain files of an archive below one directory, and return that.

    Raises ValueError for anything else in it: links, devices, names that lead elsewhere.
    """
    roots, total_bytes = set(), 0
    for count, member in enumerate(archive):
        root, _, name = member.name.partition("/")
        total_bytes += member.size
        if not NAME.match(root) or "/" in root or (name and not NAME.match(name)):
            raise ValueError("this is no release of hpcusage")
        if count > MOST_MEMBERS or total_bytes > MOST_BYTES:
            raise ValueError("it is too large for a release")
        roots.add(root)
        if member.isdir():
            (directory / root / name).mkdir(parents=True, exist_ok=True)
        elif member.isreg() and name:
            write_member(archive.extractfile(member), directory / root / name)
        else:
            raise ValueError("this is no release of hpcusage")
    if len(roots) != 1:
        raise ValueError("this is no release of hpcusage")
    return directory / roots.pop()


def write_member(source, path):
    """Write a member of an archive to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        for block in iter(lambda: source.read(BLOCK_BYTES), b""):
            target.write(block)


def check_sums(path, root):
    """Raise BadArchive unless the files of a release are those of its SHA256SUMS, all of them."""
    if not (root / CHECKSUMS).is_file() or not (root / FACTS).is_file():
        raise BadArchive(
            f"{path}: this is no release of hpcusage (the archive with all wheels is named"
            " hpcusage-VERSION.tgz)"
        )
    wanted = read_sums(path, root / CHECKSUMS)
    found = {one.relative_to(root).as_posix(): one for one in root.rglob("*") if one.is_file()}
    found.pop(CHECKSUMS)
    for name in sorted(set(wanted) | set(found)):
        if name not in wanted or name not in found or digest(found[name]) != wanted[name]:
            raise BadArchive(f"{path}: {name} is not what it was: copy it here anew")


def read_sums(path, sums):
    """Return {name: digest} of a SHA256SUMS. Raises BadArchive."""
    found = {}
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            raise BadArchive(f"{path}: {sums.name} cannot be read: copy it here anew")
        found[match.group(2)] = match.group(1)
    return found


def digest(path):
    """Return the SHA-256 of a file in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            found.update(block)
    return found.hexdigest()


def read_facts(path, root):
    """Return what a release says of itself. Raises BadArchive."""
    try:
        facts = json.loads((root / FACTS).read_bytes().decode())
        if not VERSION.match(facts["version"]) or not facts["pythons"] or not facts["commands"]:
            raise ValueError
        return {name: facts[name] for name in
                ("version", "commands", "machine", "glibc", "pythons")}  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise BadArchive(f"{path}: {FACTS} cannot be read") from error
