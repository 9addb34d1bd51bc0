"""The command epmt gui."""

import contextlib
import errno
import ipaddress
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from epmtlite import connection
from epmtlite.collect import console, errors
from epmtlite.collect.console import print_line
from epmtlite.gui.databases import Databases
from epmtlite.gui.guard import TOKEN, Guard, is_loopback
from epmtlite.gui.pages import Pages
from epmtlite.gui.server import Server
from usagedb.errors import RunInterrupted

logger = logging.getLogger(__name__)

END = b"\0"  # in the place of the number of a signal


def run(options):
    """Serve the pages of all jobs until a signal comes. Raises RunInterrupted then."""
    family, address = listening_address(options.host, options.port, options.is_public)
    config = connection.database_config(options.settings, options.conf_path)
    connection.open_database(config, to_write=False).close()  # says at once what is wrong
    if config.backend == "sqlite":
        config = config.replaced(database=os.path.abspath(config.database))  # noqa: PTH100
    databases = Databases(config, options.settings)
    guard = Guard(options.host, options.is_public)
    server = opened(family, address, guard, Pages(databases))
    if options.is_public:
        logger.warning(
            "everyone in the network can reach the port, and without TLS read what is sent"
        )
    try:
        with server_ends(server), Signals() as signals:
            server.begin(signals.end)
            url = url_of(server, options.host, guard.token)
            print_line(url)
            sys.stdout.flush()
            with shown_in_browser(url) if options.browser else contextlib.nullcontext():
                raise RunInterrupted(signals.wait())
    finally:
        databases.close()


def listening_address(host, port, is_public):
    """Return (family, address) to listen on.

    Raises UsageError for a host that is not there, or not this machine alone unless is_public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise errors.UsageError(f"--host {host}: {error}") from error
    family, _type, _protocol, _name, address = found[0]
    if not is_public and not is_loopback(str(address[0])):
        raise errors.UsageError(
            f"--host {host}: others in the network could reach it, and nothing is encrypted: say"
            " --public if you want that, or use 127.0.0.1 through ssh -L"
        )
    return family, address


def opened(family, address, guard, pages):
    """Return the Server. Raises UnavailableError if the port is in use, or RefusedError."""
    host, port = address[:2]
    try:
        return Server(family, address, guard, pages)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise errors.UnavailableError(
                f"port {port} of {host} is in use: say --port N, or --port 0 for any that is free"
            ) from error
        raise errors.RefusedError(
            f"cannot listen on {host} port {port}: {error.strerror}"
        ) from error


def url_of(server, host, token):
    """Return the address of the pages, with the token."""
    name = socket.getfqdn() if is_any(host) else host
    with contextlib.suppress(ValueError):
        name = f"[{host}]" if ipaddress.ip_address(name).version == 6 else name
    return f"http://{name}:{server.server_address[1]}/?{TOKEN}={token}"


def is_any(host):
    """Tell whether a host that is listened on stands for all addresses of this machine."""
    if not host:
        return True
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


@contextlib.contextmanager
def server_ends(server):
    """Close a Server after the block."""
    try:
        yield
    finally:
        server.close()


class Signals:
    """Waits for a signal in a with block, while other threads work."""

    def __enter__(self):
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._before = {number: signal.getsignal(number) for number in console.SIGNALS}
        for number, before in self._before.items():
            if before is not signal.SIG_IGN:  # as nohup leaves it
                signal.signal(number, self._came)
        return self

    def __exit__(self, *_error):
        for number, before in self._before.items():
            signal.signal(number, before)

    def _came(self, number, _frame):
        self._write(bytes([number]))

    def _write(self, byte):
        with contextlib.suppress(OSError):
            os.write(self._writing, byte)

    def end(self):
        """Let wait() end without a signal."""
        self._write(END)

    def wait(self):
        """Return the number of the first signal. Raises CollectError if there was none."""
        came = os.read(self._reading, 1)
        if came == END:
            raise errors.CollectError("the server of the pages has ended by itself")
        return came[0]


@contextlib.contextmanager
def shown_in_browser(url):
    """Open a browser on an address: by a file that only this account can read, since everyone can
    see the arguments of a program, and the token with them."""
    text = f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={url}">\n'
    with tempfile.TemporaryDirectory(prefix="epmt-gui-") as directory:
        path = Path(directory, "open.html")
        path.write_text(text)
        # One that runs in the terminal is waited for: not by who waits for signals.
        threading.Thread(target=open_browser, args=(path,), daemon=True).start()
        yield


def open_browser(path):
    """Open a browser on a file."""
    if not webbrowser.open(path.as_uri()):
        logger.warning("no browser could be opened: open the address in one")
