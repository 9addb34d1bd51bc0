"""Open and write files in directories where other accounts may have written too."""

import errno
import functools
import io
import os
import shutil
import stat
import tempfile

from epmtlite.collect import errors

READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
COPY_BYTES = 1 << 20
GONE = (errno.ENOENT, errno.ENOTDIR)
# What a name leads to is the reason for these; for all else this machine is, or a file server.
NO_FILE = (*GONE, errno.ENAMETOOLONG, errno.ENXIO, errno.ENODEV, errno.EISDIR)
WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # of link(2)


class Source(io.FileIO):
    """The bytes of an open file; .status is what fstat said when it was opened.

    What cannot be read raises UnavailableError: it is never taken for damage of what they are.
    """

    def __init__(self, descriptor, shown, status):
        super().__init__(descriptor)
        self.shown, self.status = shown, status

    def readinto(self, buffer):
        """Fill a buffer; return with how many bytes."""
        try:
            return super().readinto(buffer)
        except OSError as error:
            raise not_now(self.shown, error) from error

    def readall(self):
        """Return the bytes up to the end."""
        try:
            return super().readall()
        except OSError as error:
            raise not_now(self.shown, error) from error


def open_regular(name, directory=None, shown=None):
    """Open a regular file for reading bytes; a link, FIFO or device is refused.

    directory is the descriptor of the folder that name is relative to, shown the name in messages.
    Raises MissingError, RefusedError, or UnavailableError for what this machine cannot read now,
    here and while it is read.
    """
    shown = shown or name
    try:
        descriptor = os.open(name, READ_FLAGS, dir_fd=directory)
    except OSError as error:
        raise read_error(shown, error) from error
    try:
        status = os.fstat(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise not_now(shown, error) from error
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise errors.RefusedError(f"{shown} is not a regular file")
    return io.BufferedReader(Source(descriptor, shown, status))


def status_of(file):
    """Return the result of fstat of a file of open_regular, as it was when it was opened."""
    return file.raw.status


def is_directory(path):
    """Tell whether a path leads to a directory. Raises what open_regular does, but for what is not
    there."""
    status = status_at(path, follows_links=True)
    return status is not None and stat.S_ISDIR(status.st_mode)


def status_at(path, shown=None, follows_links=False):
    """Return the result of stat of a path, None if nothing is there. Raises what open_regular does
    if nobody can say so."""
    try:
        return os.stat(path, follow_symlinks=follows_links)
    except OSError as error:
        if is_gone(error):
            return None
        raise read_error(shown or path, error) from error


def open_directory(path, directory=None, shown=None):
    """Return the descriptor of a directory that is no link. Raises MissingError, RefusedError, or
    UnavailableError as open_regular does."""
    try:
        return os.open(path, READ_FLAGS | os.O_DIRECTORY, dir_fd=directory)
    except OSError as error:
        if os.path.islink(path):
            raise errors.RefusedError(f"{shown or path} is a link") from error
        raise read_error(shown or path, error) from error


def listed(directory, shown):
    """Return the names in an open directory. Raises what open_regular does."""
    try:
        return os.listdir(directory)
    except OSError as error:
        raise read_error(shown, error) from error


def is_gone(error):
    """Tell whether an OSError says that nothing of that name is there; where it says less, as of a
    file server that is away, nobody knows."""
    return error.errno in GONE


def not_now(shown, error):
    """Return the error for what is wrong with this machine or a file server, not with the file."""
    return errors.UnavailableError(f"cannot read {shown} now: {error.strerror}")


def read_error(shown, error):
    """Return the error for a file that cannot be opened, or a directory that cannot be read."""
    if error.errno == errno.ELOOP:
        return errors.RefusedError(f"{shown} is a link: name the file itself")
    if error.errno in (errno.EACCES, errno.EPERM):
        return errors.RefusedError(f"cannot read {shown}: {error.strerror}")
    if error.errno in NO_FILE:
        return errors.MissingError(f"cannot read {shown}: {error.strerror}")
    return not_now(shown, error)


def read_whole(stream, most_bytes, shown):
    """Return the bytes of a stream. Raises MalformedError if there are too many."""
    blocks, rest = [], most_bytes
    for block in iter(lambda: stream.read(COPY_BYTES), b""):
        blocks.append(block)
        rest -= len(block)
        if rest < 0:
            raise errors.MalformedError(f"{shown} is larger than {most_bytes} bytes")
    return b"".join(blocks)


def write_whole(path, write, replace=True, like=None, owner=None):
    """Write a file whole or not at all: who reads it sees the old one or the new one.

    write is called with a binary stream; the file is synchronised, then renamed to path. It is for
    this account alone. like is the result of fstat of a file that it is made of: it gets the mode
    of that, and from root owner and group, else its words would be taken for those of root; owner,
    (uid, gid), gives it these alone. Raises RefusedError or WriteError, also for a file that is
    there unless replace; then nothing is left behind.
    """
    folder, base = os.path.split(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=folder or ".", prefix="." + base[:32] + ".")
        try:
            with open(descriptor, "wb") as stream:
                write(stream)
                stream.flush()
                set_like(stream.fileno(), like, owner)
                os.fsync(stream.fileno())
            (os.rename if replace else rename_new)(temporary, path)
        except BaseException:
            remove_if_there(temporary)
            raise
    except OSError as error:
        raise write_error(path, error) from error


def set_like(descriptor, like, owner=None):
    """Give an open new file the mode of another one, by the result of fstat, and as root its owner
    and group, or (uid, gid) owner; with None let it be for this account alone. Raises OSError."""
    owner = (like.st_uid, like.st_gid) if like else owner
    if owner and os.geteuid() == 0:
        give(descriptor, *owner)
    os.fchmod(descriptor, like.st_mode & 0o777 if like else 0o600)


def give(descriptor, uid, gid):
    """Give an open file to an account. Raises OSError, but not where root's files belong to nobody,
    as on a file server that does not know root: there nobody believes them."""
    try:
        os.fchown(descriptor, uid, gid)
    except PermissionError:
        if os.fstat(descriptor).st_uid == 0:
            raise


def copy_file(source_path, target_path, replace=True, owner=None, open_file=open_regular):
    """Copy a regular file, whole or not at all; as root give it to owner, (uid, gid), else to whose
    it was, see write_whole. open_file opens the path. Raises MissingError, RefusedError,
    UnavailableError or WriteError."""
    with open_file(source_path) as source:
        copy = functools.partial(shutil.copyfileobj, source, length=COPY_BYTES)
        status = os.fstat(source.fileno())
        owner = owner or (status.st_uid, status.st_gid)
        write_whole(target_path, copy, replace=replace, owner=owner)


def rename_new(path, target):
    """Rename a file or directory to what is not there. Raises OSError, if it is there
    FileExistsError, or for a directory that another process has made meanwhile another one."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "it is there already", target)
    if os.path.isdir(path):
        os.rename(path, target)  # in the place of an empty directory at most
        return
    try:
        os.link(path, target)  # rename would replace a file
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        os.rename(path, target)
    else:
        os.unlink(path)


def move_into(path, directory):
    """Move a file, or a directory of files, into a directory, whole or not at all, never in the
    place of what is there. Raises RefusedError or WriteError."""
    target = os.path.join(directory, os.path.basename(path))
    try:
        try:
            rename_new(path, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            move_across(path, target)
    except OSError as error:
        raise write_error(target, error) from error


def move_across(path, target):
    """Move a file, or a directory of files, to another file system. Raises OSError or
    CollectError."""
    if os.path.isdir(path):
        copy_directory(path, target)
        shutil.rmtree(path)
    else:
        copy_file(path, target, replace=False)
        os.unlink(path)


def give_directory(path, uid, gid):
    """Give a directory that is no link to an account, as root; see give. Raises OSError."""
    if os.geteuid() == 0:
        descriptor = os.open(path, READ_FLAGS | os.O_DIRECTORY)
        try:
            give(descriptor, uid, gid)
        finally:
            os.close(descriptor)


def copy_directory(source_path, target_path):
    """Copy the files of a directory to a new one, which is there when it is whole, as root with its
    owner. Raises OSError or CollectError."""
    folder, base = os.path.split(target_path)
    temporary = tempfile.mkdtemp(dir=folder or ".", prefix="." + base[:32] + ".")
    try:
        for name in os.listdir(source_path):
            copy_file(os.path.join(source_path, name), os.path.join(temporary, name))
        status = os.stat(source_path)
        give_directory(temporary, status.st_uid, status.st_gid)
        rename_new(temporary, target_path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_error(path, error):
    """Return the error for a file that cannot be written."""
    text = f"cannot write {path}: {error.strerror or error}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return errors.RefusedError(text)
    return errors.WriteError(text)


def remove_if_there(path):
    """Remove a file; that it cannot be removed is no error."""
    try:
        os.unlink(path)
    except OSError:
        pass
