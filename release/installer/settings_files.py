"""The files of conf/ that an administrator copies: with the paths of an installation in them."""

import hashlib
import os
import re

from prefix import remove

LEFT_OUT = ("__init__.py",)
NEW = ".new"
COMMAND = r"/usr/local/bin/({names})(?![\w.-])"
# File, what is in it, and what stands there instead; every pair must be found.
RULES = (
    ("cron.d-*", r"^PATH=(?=/usr/local/bin:)", "PATH={prefix}/bin:"),
    ("epmt-job.sh", r"^(?=epmt=\(\)$)", "export PATH={prefix}/bin:$PATH\n"),
    ("epmt-job.csh", r"^(?=set epmt = \(\)$)", 'setenv PATH "{prefix}/bin:$PATH"\n'),
    (
        "epmt-task-*.sh", r"^# export EPMT_SETTINGS=\S+$",
        '[ ! -f {prefix}/conf/epmt.ini ] ||\n'
        '  export EPMT_SETTINGS="${{EPMT_SETTINGS:-{prefix}/conf/epmt.ini}}"',
    ),
    ("slurm-prolog-userportal.py", r"\A#!.*$", "#!{prefix}/current/bin/python3"),
    ("portal-apache-shibboleth.conf", r"\bPython is not 3\.\d+", "Python is not {version}"),
    (
        "portal-apache-shibboleth.conf", r"/opt/hpcusage/lib/python3\.\d+/",
        "{prefix}/current/lib/python{version}/",
    ),
    ("portal-apache-shibboleth.conf", r"python-home=/opt/hpcusage\b",
     "python-home={prefix}/current"),
    ("portal-apache-shibboleth.conf", r"/opt/hpcusage\b", "{prefix}"),
)  # fmt: skip


def render(directory, prefix, version, commands):
    """Return {name: content} of the files of an installed conf/, with the paths of an installation.

    version is that of its Python, commands the names of all commands.
    """
    command = COMMAND.format(names="|".join(sorted(map(re.escape, commands), reverse=True)))
    files = {}
    for path in sorted(directory.iterdir()):
        if not path.is_file() or path.name in LEFT_OUT or path.suffix == ".pyc":
            continue
        content = path.read_bytes()
        if b"/usr/local/bin" in content or b"/opt/" in content or rules_of(path):
            text = content.decode()
            for pattern, new in rules_of(path):
                new = new.format(prefix=prefix, version=version)
                text = re.sub(pattern, new.replace("\\", r"\\"), text, flags=re.MULTILINE)
            text = re.sub(command, lambda match: f"{prefix}/bin/{match.group(1)}", text)
            content = text.encode()
        files[path.name] = content
    return files


def rules_of(path):
    """Return the (pattern, replacement) of a file."""
    return [(pattern, new) for name, pattern, new in RULES if path.match(name)]


class Settings:
    """The files in the directory conf of an installation."""

    def __init__(self, directory, recorded):
        """recorded: {name: digest} as they were installed."""
        self.directory = directory
        self.before = dict(recorded)
        self.recorded = dict(recorded)
        self.kept = []  # changed here; the new ones lie beside them
        self.undo = []

    def install(self, files):
        """Write {name: content}: new files, and those that nobody has changed. Beside a changed
        one the new one gets .new at its end.
        """
        if not self.directory.is_dir():
            self.directory.mkdir(0o755)
        for name, content in files.items():
            path = self.directory / name
            state = digest_of(path)
            if state in (None, self.recorded.get(name), digest(content)):
                self.put(path, content)
                self.recorded[name] = digest(content)
            else:
                self.kept.append(name)
                self.put(self.directory / (name + NEW), content)
                self.recorded[name + NEW] = digest(content)

    def put(self, path, content):
        """Write a file at once, and remember what was there."""
        before = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        if before == content:
            return
        self.undo.append((path, before))
        replace(path, content)

    def roll_back(self):
        """Make all files what they were."""
        for path, before in reversed(self.undo):
            if before is None:
                remove(path)
            else:
                replace(path, before)


def replace(path, content):
    """Write a file in one step; scripts can be run."""
    new = path.with_name("." + path.name + NEW)
    remove(new)
    new.write_bytes(content)
    new.chmod(0o755 if content.startswith(b"#!") else 0o644)
    new.replace(path)


def digest_of(path):
    """Return the digest of a file, None if there is none, "" for a link or anything else."""
    if not os.path.lexists(str(path)):
        return None
    return digest(path.read_bytes()) if path.is_file() and not path.is_symlink() else ""


def digest(content):
    """Return the SHA-256 of bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
