"""Give all parsers inputs that atheris makes: it looks which code an input reaches, and goes on
from those that reach something new.

HPCUSAGE_GUIDED_INPUTS says how many inputs each parser gets. Needs atheris, which `make soak`
installs.
"""

import concurrent.futures
import importlib
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NoReturn

INPUTS = 100_000
LONGEST_BYTES = 4096
SECONDS_PER_INPUT = 5  # of wall time; then atheris tells it as a fault
PACKAGES = ("afcollect", "epmtlite", "lmodtrack", "usagedb", "userportal", "xaltload")
MOST_SHOWN_CHARACTERS = 2000


def run() -> bool:
    """Fuzz each parser in a process of its own; return whether there was no fault."""
    if importlib.util.find_spec("atheris") is None:
        print("guided: atheris is missing: pip install atheris")
        return False
    from tests.soak.fuzz_parsers import PARSERS

    inputs = int(os.environ.get("HPCUSAGE_GUIDED_INPUTS", INPUTS))
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = sum(pool.map(lambda name: fuzz(name, inputs), PARSERS))
    seconds = time.monotonic() - start
    print(
        f"guided: {len(PARSERS)} parsers, {inputs:,} inputs each, {faults} faults, {seconds:.0f} s"
    )
    return not faults


def fuzz(name: str, inputs: int) -> int:
    """Fuzz one parser from its good inputs on, and print what happened; return 1 for a fault."""
    from tests.soak.fuzz_parsers import PARSERS

    with tempfile.TemporaryDirectory(prefix="hpcusage-guided-") as directory:
        for number, seed in enumerate(PARSERS[name].seeds):
            Path(directory, f"seed{number}").write_bytes(seed)
        done = subprocess.run(
            [sys.executable, "-m", "tests.soak.guided", name, directory, f"-runs={inputs}",
             f"-max_len={LONGEST_BYTES}", f"-timeout={SECONDS_PER_INPUT}", "-seed=1",
             "-print_final_stats=1", f"-artifact_prefix={directory}/"],
            check=False, capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        reached = len(list(Path(directory).iterdir()))
    print(f"{name:24} {inputs:10,} inputs {reached:6,} kept {'FAULT' if done.returncode else ''}")
    if done.returncode:
        print(done.stderr[-MOST_SHOWN_CHARACTERS:])
    return int(done.returncode != 0)


def main(name: str, *options: str) -> NoReturn:
    """Fuzz one parser here; options are those of libFuzzer. Ends with another status than 0 at the
    first input that a parser neither takes nor refuses by its own error."""
    import atheris

    with atheris.instrument_imports(include=list(PACKAGES)):
        parsers = importlib.import_module("tests.soak.fuzz_parsers")
        parser = parsers.PARSERS[name]
        for seed in parser.seeds:  # some import what they need when they are called
            parser.read(seed)
    allowed = parsers.EXPECTED + parser.raises
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")

    def read(raw: bytes) -> None:
        try:
            parser.read(raw)
        except allowed:
            pass

    atheris.Setup([sys.argv[0], *options], read)
    atheris.Fuzz()
    sys.exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
