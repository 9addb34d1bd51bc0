"""A proxy before a MySQL server that passes one statement on and cuts the connection before its
answer: so a client never learns what became of it."""

import contextlib
import socket
import threading
from typing import Optional

HEADER_BYTES = 5  # of a statement's packet: length, number, command
BUFFER_BYTES = 65536


class CuttingProxy:
    """Listens on an address of this machine; cuts one connection, and passes all else on.

    A context manager. After the cut nobody is let in any more, as if the machine were gone.
    """

    def __init__(self, address: str, server: "tuple[str, int]", statement: bytes) -> None:
        """Listen on the server's port at another address; statement is what is cut off."""
        self.server, self.statement = server, statement
        self.has_cut = threading.Event()
        self._listener = socket.create_server((address, server[1]))

    def __enter__(self) -> "CuttingProxy":
        """Begin to listen."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let nobody in any more."""
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the waiting for clients, too
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self.server)
            for source, target, cut_at in (
                (client, server, self.statement), (server, client, None),
            ):  # fmt: skip
                threading.Thread(
                    target=self._pass_on, args=(source, target, cut_at), daemon=True
                ).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, statement: Optional[bytes]
    ) -> None:
        """Pass bytes on until either side ends, or until the statement has been passed on."""
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(BUFFER_BYTES)
                if not data:
                    break
                if statement and data[HEADER_BYTES:] == statement:
                    self._cut(source, target, data)
                    return
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        """Cut the client off, then let the server have the statement."""
        self._close()
        client.shutdown(socket.SHUT_RDWR)
        server.sendall(data)
        self.has_cut.set()
