"""Records as XALT writes them, made for the tests."""

import binascii
import copy
import json

from xaltload.checksum import NEUTRAL

RUN = {
    "crc": "0xFFFF",
    "cmdlineA": ["./prog", "--n", "4"],
    "hash_id": "0123456789abcdef0123456789abcdef01234567",
    "libA": [["/lib64/libc-2.28.so", "0"], ["/apps/fftw3/3.3.10/lib/libfftw3.so.3", "0"]],
    "ptA": [{"cmd_name": "bash", "cmd_path": "/bin/bash", "pid": 12, "cmdlineA": ["-bash"]}],
    "envT": {"PATH": "/usr/bin", "LOADEDMODULES": "gcc/13.2.0:fftw3/3.3.10"},
    "userT": {
        "syshost": "aurora", "run_uuid": "0188a2f0-0000-7000-8000-000000000001",
        "exec_path": "/home/otter/prog", "exec_type": "binary", "cwd": "/home/otter",
        "currentEpoch": "1767225600.123400", "start_date": "Thu Jan  1 00:00:00 2026",
        "user": "otter", "execModify": "Thu Jan  1 00:00:00 2026", "scheduler": "SLURM",
        "account": "chem01", "job_id": "4711", "queue": "normal", "submit_host": "login1",
    },
    "userDT": {
        "start_time": 1767225600.1234, "end_time": 1767225660.5, "run_time": 60.3766,
        "probability": 1.0, "num_tasks": 16.0, "num_gpus": 0.0, "exec_epoch": 1767225000.0,
        "num_threads": 2.0, "num_cores": 16.0, "num_nodes": 1.0,
    },
    "xaltLinkT": {"Build_UUID": "0188a2f0-0000-7000-8000-00000000000b"},
    "XALT_measureT": {}, "XALT_qaT": {},
}  # fmt: skip
LINK = {
    "crc": "0xFFFF",
    "resultT": {
        "uuid": "0188a2f0-0000-7000-8000-00000000000b", "link_program": "gcc",
        "link_path": "/apps/gcc/13.2.0/bin/gcc", "build_user": "otter",
        "build_epoch": "1767225000.2500", "exec_path": "/home/otter/prog",
        "hash_id": "0123456789abcdef0123456789abcdef01234567", "wd": "/home/otter",
        "build_syshost": "aurora",
    },
    "linkA": [["/usr/lib/libm.a", "0"], ["/usr/lib/libm.a", "0"]],
    "function": ["fftw_execute", "dgemm_"],
    "link_line": ["gcc", "-o", "prog", "prog.c", "-lm"],
}  # fmt: skip
PACKAGE = {
    "crc": "0xFFFF", "program": "python", "xalt_run_uuid": RUN["userT"]["run_uuid"],
    "package_version": "3.11.2", "package_name": "numpy",
    "package_path": "/apps/py/numpy/__init__.py",
}  # fmt: skip


def changed(record, **changes):
    """Return a copy of a record with values set; userT__user names one inside a table."""
    record = copy.deepcopy(record)
    for key, value in changes.items():
        place = record
        *tables, last = key.split("__")
        for name in tables:
            place = place[name]
        place[last] = value
    return record


def with_crc(text):
    """Return a record (bytes that begin with a neutral crc) with its crc, as XALT writes it."""
    crc = b"%04X" % binascii.crc_hqx(text, 0xFFFF)
    return NEUTRAL.replace(b"FFFF", crc) + text[len(NEUTRAL) :]


def written(record):
    """Return a record as XALT writes it: one line, without blanks, with its crc."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return (with_crc(text) if "crc" in record else text) + b"\n"
