"""Compare what bandit finds with what SECURITY.md answers: each place must have been looked at.

Usage, as `make audit` does it: python -m tests.bandit_counts OUTPUT_OF_BANDIT.json
"""

import collections
import json
import re
import sys
from pathlib import Path

SECURITY = Path(__file__).resolve().parent.parent / "SECURITY.md"
ANSWERED = re.compile(r"\b(B\d{3}) \((\d+)\)")


def answered(text: str) -> "dict[str, int]":
    """Return {id of a finding: number of places} of a text that names them as B101 (2)."""
    return {name: int(number) for name, number in ANSWERED.findall(text)}


def differences(found: "list[dict]", text: str) -> "list[str]":
    """Return a line for each id of which bandit finds another number of places than a text says."""
    counts = collections.Counter(one["test_id"] for one in found)
    known = answered(text)
    return [
        f"{name}: SECURITY.md answers {known.get(name, 0)} places, bandit finds {counts[name]}:"
        f" {', '.join(places(found, name)) or 'none'}"
        for name in sorted(counts.keys() | known)
        if counts[name] != known.get(name, 0)
    ]


def places(found: "list[dict]", name: str) -> "list[str]":
    """Return FILE:LINE of the findings of an id."""
    return [f"{one['filename']}:{one['line_number']}" for one in found if one["test_id"] == name]


def main(path: str) -> int:
    """Print the differences to the output of bandit; return 1 if there are any."""
    lines = differences(json.loads(Path(path).read_text())["results"], SECURITY.read_text())
    print("".join(f"{line}\n" for line in lines), end="")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
