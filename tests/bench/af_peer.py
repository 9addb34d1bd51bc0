"""Stand in for the collector that sites use today: a new connection for each document.

Usage: af_peer.py URL CA_FILE COUNT
"""

import sys

import requests

from tests.bench.af_send import document


def main() -> None:
    """Post so many documents, one after the other."""
    url, ca_file, count = sys.argv[1:]
    for number in range(int(count)):
        answer = requests.post(url, json={"token": "x", **document(number)}, verify=ca_file)  # noqa: S113
        answer.raise_for_status()


if __name__ == "__main__":
    main()
