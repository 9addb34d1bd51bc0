"""Give all parsers inputs that nobody meant: millions of changed good ones, and made-up ones.

A parser may refuse an input by its own error and do nothing else. HPCUSAGE_FUZZ_INPUTS says how
many inputs there are together, HPCUSAGE_FUZZ_SEED from which number they are made,
HPCUSAGE_FUZZ_PROCESSES how many processes work.
"""

import concurrent.futures
import logging
import multiprocessing
import os
import random
import time
import traceback
import warnings
from typing import NamedTuple

from tests.soak.fuzz_parsers import EXPECTED, PARSERS

INPUTS = 12_000_000
PIECE = 20_000  # inputs that one process makes at a time
MOST_SECONDS = 2.0  # for one input, on any machine: parsers are linear
MOST_SHOWN = 20
LONGEST_BYTES = 20_000
TOKENS = (
    b"", b"\0", b"\n", b"\r\n", b"\t", b" ", b"\xff", b"\xc3\xa9", b"\xed\xa0\x80", b"\xe2\x80\xae",
    b"\x1b[31m", b"'", b'"', b"\\", b"%", b"%s", b"{}", b"{", b"}", b"[", b"]", b"(", b")", b",",
    b";", b":", b"=", b"|", b"-", b"--", b"#", b"/", b"../", b"null", b"true", b"NaN", b"Infinity",
    b"-1", b"0", b"1e400", b"1" * 40, b"9" * 5000, b"0x", b"1.2.3", b".", b"..", b"\xd9\xa1",
    b"\xc2\xb2", b"\xef\xbc\x91", b"[0-999999999]", b"x" * 300, b"[" * 200, b'{"a":' * 100,
)  # fmt: skip


class Count(NamedTuple):
    """What one parser was given: inputs, those it refused, seconds, and faults as texts."""

    name: str
    inputs: int
    refused: int
    seconds: float
    faults: "list[str]"


def changed(generator: random.Random, seeds: "tuple[bytes, ...]") -> bytes:
    """Return an input: a good one with some changes, rarely one of chance alone."""
    choice = generator.random()
    if choice < 0.02:
        return generator.randbytes(generator.randrange(200))
    raw = bytearray(generator.choice(seeds))
    for _change in range(generator.choice((1, 1, 1, 2, 2, 3, 5, 9))):
        place = generator.randrange(len(raw) + 1)
        end = min(len(raw), place + generator.choice((0, 1, 1, 2, 4, 8, 30)))
        kind = generator.randrange(6)
        if kind == 0:
            raw[place:end] = generator.choice(TOKENS)
        elif kind == 1:
            raw[place:end] = bytes([generator.randrange(256)]) * (end - place)
        elif kind == 2:
            raw[place:place] = raw[generator.randrange(len(raw) + 1) : end]
        elif kind == 3:
            del raw[place:end]
        elif kind == 4 and place < len(raw):
            raw[place] ^= 1 << generator.randrange(8)
        elif generator.random() < 0.1:
            del raw[place:]
        else:
            other = generator.choice(seeds)
            raw[place:end] = other[generator.randrange(len(other) + 1) :][:40]
    return bytes(raw[:LONGEST_BYTES])


def work(name: str, seed: int, inputs: int) -> Count:
    """Give one parser some inputs."""
    parser, generator = PARSERS[name], random.Random(f"{name} {seed}")
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for raw in parser.seeds:  # some import what they need when they are called
        parser.read(raw)
    allowed, faults, refused, start = EXPECTED + parser.raises, [], 0, time.perf_counter()
    for _number in range(inputs):
        raw = changed(generator, parser.seeds)
        before = time.thread_time()
        try:
            parser.read(raw)
        except allowed:
            refused += 1
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            faults.append(f"{name}: {error!r} in {place.name}:{place.lineno}: {raw[:300]!r}")
        if time.thread_time() - before > MOST_SECONDS:
            faults.append(f"{name}: more than {MOST_SECONDS} s: {raw[:300]!r}")
    return Count(name, inputs, refused, time.perf_counter() - start, faults[:MOST_SHOWN])


def fuzz(inputs: int, seed: int, processes: int, piece: int = PIECE) -> "list[Count]":
    """Give all parsers together so many inputs; return one Count for each."""
    each = -(-inputs // len(PARSERS))
    jobs = [
        (name, seed * 1_000_000 + number, min(piece, each - number * piece))
        for number in range(-(-each // piece))
        for name in PARSERS
    ]
    context = multiprocessing.get_context("spawn")
    totals = {name: Count(name, 0, 0, 0.0, []) for name in PARSERS}
    with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
        for one in pool.map(work, *zip(*jobs)):
            old = totals[one.name]
            totals[one.name] = Count(
                one.name, old.inputs + one.inputs, old.refused + one.refused,
                old.seconds + one.seconds, (old.faults + one.faults)[:MOST_SHOWN],
            )  # fmt: skip
    return list(totals.values())


def run() -> bool:
    """Fuzz as the environment says, print the counts, and return whether there was no fault."""
    inputs = int(os.environ.get("HPCUSAGE_FUZZ_INPUTS", INPUTS))
    seed = int(os.environ.get("HPCUSAGE_FUZZ_SEED", "1"))
    processes = int(os.environ.get("HPCUSAGE_FUZZ_PROCESSES", os.cpu_count() or 1))
    start = time.monotonic()
    counts = fuzz(inputs, seed, processes)
    for one in counts:
        print(
            f"{one.name:24} {one.inputs:10,} inputs {one.refused:10,} refused {one.seconds:8.1f} s"
        )
        for fault in one.faults:
            print(f"    {fault}")
    faults = sum(len(one.faults) for one in counts)
    total, seconds = sum(one.inputs for one in counts), time.monotonic() - start
    print(f"fuzz: {total:,} inputs, {faults} faults, seed {seed}, {seconds:.0f} s")
    return not faults
