"""Run a loading command with small batches, so that a stop finds it between two of them.

python small_batches.py store_module_data|xalt_file_to_db|epmt ARGUMENT...
"""

import sys

from epmtlite import command as epmt
from epmtlite import load as epmt_load
from epmtlite import parts as epmt_parts
from lmodtrack import reading as log_reading
from lmodtrack import store
from usagedb import source
from xaltload import load_files
from xaltload import reading as record_reading

COMMANDS = {
    "store_module_data": store.main,
    "xalt_file_to_db": load_files.main,
    "epmt": epmt.main,
}


def main() -> None:
    """Run the command that the first argument names; ends the process."""
    source.BLOCK_BYTES = 16384
    log_reading.PART_ROWS = 60
    record_reading.PART_RECORDS = 20
    # A job of more than 150 processes is stored in steps.
    epmt_parts.ROWS_PER_PART = 50
    epmt_load.MOST_PARTS_AT_ONCE, epmt_load.PARTS_PER_STEP = 6, 2
    COMMANDS[sys.argv.pop(1)]()


if __name__ == "__main__":
    main()
