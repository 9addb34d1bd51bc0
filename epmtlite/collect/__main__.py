"""python3 -m epmtlite.collect: the collection commands of epmt."""

import sys

from epmtlite.collect.cli import main

if __name__ == "__main__":
    sys.exit(main())
