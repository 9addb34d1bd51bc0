"""Look before gunicorn does whether an address can be listened on, and say plainly why not."""

import os
import socket
from pathlib import Path

from usagedb import errors

LARGEST_PORT = 65535
SOCKETS_GIVEN = "LISTEN_FDS"  # set by systemd, whose sockets gunicorn takes instead of --bind


def check_bind(bind):
    """Raise UsageError for what is no HOST:PORT and no unix:PATH, UnavailableError for an address
    that is in use, RefusedError for one that this account may not have."""
    if os.environ.get(SOCKETS_GIVEN):
        return
    if bind.startswith("unix:"):
        check_directory(Path(bind.removeprefix("unix:")).absolute().parent, bind)
        return
    host, colon, port = bind.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= LARGEST_PORT):
        raise errors.UsageError(f"--bind {bind}: HOST:PORT or unix:PATH, such as 127.0.0.1:8000")
    check_free(host.strip("[]"), int(port), "--bind")


def check_directory(directory, bind):
    """Raise for a directory in which no socket can be made."""
    if not directory.is_dir():
        raise errors.ConfigurationError(f"--bind {bind}: there is no directory {directory}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise errors.RefusedError(f"--bind {bind}: this account cannot write in {directory}")


def check_free(host, port, option):
    """Raise if nothing of this account can listen on a port; option names another one."""
    try:
        family, kind, _protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except socket.gaierror as error:
        raise errors.UsageError(f"{option} {host}: {error.strerror}") from error
    except PermissionError as error:
        raise errors.RefusedError(
            f"port {port}: {error.strerror}: name one above 1023 with {option}"
        ) from error
    except OSError as error:
        raise errors.UnavailableError(
            f"port {port}: {error.strerror}: name another one with {option}"
        ) from error
