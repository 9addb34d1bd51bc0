"""Ask a server as browsers do, over some connections that stay open, and sum up what it took."""

from __future__ import annotations

import http.client
import math
import os
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench import measure

TIMEOUT_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")
GZIP = 16 + zlib.MAX_WBITS


class Response(NamedTuple):
    """One answer; what was sent may be compressed."""

    path: str
    status: int
    seconds: float
    sent: bytes
    is_compressed: bool

    @property
    def body(self) -> bytes:
        """What was sent, as it was before."""
        return zlib.decompress(self.sent, GZIP) if self.is_compressed else self.sent


class Connection:
    """A connection that stays open between two requests."""

    def __init__(self, port: int, cookie: str) -> None:
        self.headers = {"Cookie": cookie, "Accept-Encoding": "gzip, deflate"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)

    def get(self, path: str) -> Response:
        """Ask once; once more if the server has closed the idle connection meanwhile."""
        start = time.perf_counter()
        try:
            answer = self._ask(path)
        except (http.client.RemoteDisconnected, ConnectionError):
            self._connection.close()
            answer = self._ask(path)
        sent = answer.read()
        seconds = time.perf_counter() - start
        is_compressed = answer.headers.get("Content-Encoding") == "gzip"
        return Response(path, answer.status, seconds, sent, is_compressed)

    def _ask(self, path: str) -> http.client.HTTPResponse:
        self._connection.request("GET", path, headers=self.headers)
        return self._connection.getresponse()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def fetch_all(port: int, cookie: str, paths: Iterable[str], connections: int) -> list[Response]:
    """Fetch each path once over so many connections, in their order as connections are free."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for path in paths:
        waiting.put(path)

    def next_path() -> Optional[str]:
        try:
            return waiting.get_nowait()
        except queue.Empty:
            return None

    return _together(port, cookie, next_path, connections)


def fetch_for(
    port: int, cookie: str, path: str, connections: int, seconds: float
) -> list[Response]:
    """Fetch one path over and over, on each connection, for some seconds."""
    until = time.perf_counter() + seconds

    def next_path() -> Optional[str]:
        return path if time.perf_counter() < until else None

    return _together(port, cookie, next_path, connections)


def _together(
    port: int, cookie: str, next_path: Callable[[], Optional[str]], connections: int
) -> list[Response]:
    found: list[Response] = []
    failures: list[Exception] = []

    def ask() -> None:
        connection = Connection(port, cookie)
        try:
            while (path := next_path()) is not None:
                found.append(connection.get(path))
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise measure.CommandFailed(f"the portal broke a connection off: {failures[0]!r}")
    return found


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def family(process_id: int) -> list[int]:
    """Return a process and its children."""
    return [process_id, *measure.children(process_id)]


def cpu_seconds(process_ids: Iterable[int]) -> float:
    """Return the CPU time that processes have had so far; those that ended have none."""
    return sum(_ticks(process_id) for process_id in process_ids) / TICKS


def _ticks(process_id: int) -> int:
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime and stime: fields 14 and 15 of proc(5)


def held_megabytes(process_ids: Iterable[int]) -> float:
    """Return the memory of processes, each with its part of shared pages."""
    return sum(map(measure.held_megabytes, process_ids))
