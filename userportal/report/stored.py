"""The short form of a job as it is stored in the scheduler's comment: JS1: and base64 of gzip.

A comment may come from anywhere: what it unpacks to is bounded before it is unpacked.
"""

import base64
import binascii
import dataclasses
import gzip
import json
import zlib

from usagedb.errors import MalformedInputError
from userportal.analysis import figures
from userportal.analysis.measured import GpuFacts, NodeFacts
from userportal.report.schema import statistics

PREFIX = "JS1:"
SHORT, NOTHING = PREFIX + "Short", PREFIX + "None"
SHORT_RUN_SECONDS = 60
LEAST_LENGTH = 11  # a shorter comment is one of the two words above
MAXIMUM_CHARACTERS = 1_000_000
MAXIMUM_BYTES = 4_000_000
GZIP_WINDOW = 16 + zlib.MAX_WBITS


def encode(facts):
    """Return the comment of a job: JS1:H4s…, or a word for a run below 60 s or without figures."""
    if facts.elapsed_seconds is not None and facts.elapsed_seconds < SHORT_RUN_SECONDS:
        return SHORT
    if not facts.nodes:
        return NOTHING
    text = json.dumps(statistics(facts), separators=(",", ":"))
    packed = gzip.compress(text.encode("ascii"), mtime=0)
    return PREFIX + base64.b64encode(packed).decode("ascii")


def decode(comment):
    """Return the short form in a comment, None if it holds none.

    Raises MalformedInputError if it is damaged, or larger than the bounds.
    """
    comment = (comment or "").strip()
    if not comment.startswith(PREFIX) or len(comment) < LEAST_LENGTH:
        return None
    if len(comment) > MAXIMUM_CHARACTERS:
        raise MalformedInputError(f"the stored figures have more than {MAXIMUM_CHARACTERS} letters")
    try:
        packed = base64.b64decode(comment[len(PREFIX) :], validate=True)
        found = json.loads(unpacked(packed), parse_constant=refuse)
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise MalformedInputError(f"the stored figures cannot be read: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), dict):
        raise MalformedInputError("the stored figures cannot be read: no nodes in them")
    return found


def unpacked(packed):
    """Return the bytes of one gzip member. Raises ValueError if they are too many or cut off."""
    reader = zlib.decompressobj(GZIP_WINDOW)
    content = reader.decompress(packed, MAXIMUM_BYTES)
    if not reader.eof:
        raise ValueError("cut off, or too large")
    return content


def refuse(constant):
    """Raise ValueError for NaN and Infinity, which are no JSON."""
    raise ValueError(f"{constant} is no number")


def with_statistics(facts, found):
    """Return Facts with the figures of a short form; what the Facts know already stays.

    A value of a wrong kind is unknown.
    """
    nodes = tuple(
        node_of(str(name), values)
        for name, values in found["nodes"].items()
        if isinstance(values, dict)
    )
    known = {
        "nodes": nodes or None,
        "elapsed_seconds": amount(found.get("total_time")),
        "gpus": amount(found.get("gpus")),
        "node_count": len(nodes) or None,
        "cores": figures.total(node.cores for node in nodes),
    }
    return dataclasses.replace(
        facts, **{key: value for key, value in known.items() if getattr(facts, key) is None}
    )


def node_of(name, values):
    """Return the NodeFacts of a node's short form."""
    return NodeFacts(
        name=name,
        cores=amount(values.get("cpus")),
        cpu_seconds=amount(values.get("total_time")),
        memory_used_bytes=amount(values.get("used_memory")),
        memory_total_bytes=amount(values.get("total_memory")),
        gpus=gpus_of(values),
    )


def gpus_of(values):
    """Return the GpuFacts of a node's short form, in the order of their indices."""
    maps = {
        name: values[name] if isinstance(values.get(name), dict) else {}
        for name in ("gpu_utilization", "gpu_used_memory", "gpu_total_memory")
    }
    indices = sorted({index for one in maps.values() for index in one}, key=lambda i: (len(i), i))
    return tuple(
        GpuFacts(
            index=index,
            utilization_percent=amount(maps["gpu_utilization"].get(index)),
            memory_used_bytes=amount(maps["gpu_used_memory"].get(index)),
            memory_total_bytes=amount(maps["gpu_total_memory"].get(index)),
        )
        for index in indices
    )


def amount(value):
    """Return a number that is 0 or more, None for anything else."""
    return value if figures.is_number(value) and value >= 0 else None
