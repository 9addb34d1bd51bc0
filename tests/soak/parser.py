"""What a fuzzed parser is: how it is called with bytes, and its good inputs."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Parser(NamedTuple):
    """One parser: read(bytes) and its good inputs; raises tells of other errors than the usual."""

    read: Callable[[bytes], Any]
    seeds: "tuple[bytes, ...]"
    raises: "tuple[type[BaseException], ...]" = ()


def text(raw: bytes) -> str:
    """Return bytes as what comes from a database, a program or a header."""
    return raw.decode("utf-8", "replace")


def native(raw: bytes) -> str:
    """Return bytes as what comes from a file or the command line."""
    return raw.decode("utf-8", "surrogateescape")


def of_text(function: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Return a parser of a text as a parser of bytes."""
    return lambda raw: function(text(raw))


def consumed(function: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a parser that yields, as one that reads to the end."""
    return lambda raw: [None for _one in function(raw)]


def answered(raw: bytes) -> Callable[..., str]:
    """Return what stands for a program that prints this."""
    return lambda _command, _seconds: text(raw)
