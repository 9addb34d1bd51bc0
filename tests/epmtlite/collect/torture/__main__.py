"""The torture job: python -m torture DIRECTORY COUNT [PART...]."""

import sys

from .job import main

sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
