"""Jobs made up for tests, and the real ones of the samples; the standard library alone."""

import contextlib
import datetime
import io
import os
import shutil
import tarfile
import tempfile
import unittest
from pathlib import Path

from epmtlite.collect import archive, metaformat, names
from epmtlite.collect.cli import main

CHECKOUT = Path(__file__).resolve().parents[3]
SAMPLES = CHECKOUT.parent / "shared" / "samples" / "epmt"
with_samples = unittest.skipUnless(SAMPLES.is_dir(), "the samples are not on this machine")

ZONE = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
START = datetime.datetime(2024, 2, 29, 10, 0, 0, 250, ZONE)
STOP = datetime.datetime(2024, 2, 29, 11, 0, 0, 0, ZONE)

METRICS_V1 = "usertime,systemtime,rssmax,num_threads,starttime,rdtsc_duration"
HEADER_V1 = (
    "tags,hostname,exename,path,args,exitcode,pid,generation,ppid,pgid,sid,numtids,tid,start,end,"
    + METRICS_V1
)
ROW_A = ",n1,sh,/bin/sh,-c a,0,10,0,1,10,10,1,10,1709181000000000,1709181001000000,1,2,3,0,77,5"
ROW_B = (
    "op:x,n1,app,/opt/app,-n 2,3,11,0,10,10,10,2,11,1709181000000001,1709181000900000,4,5,6,0,8,7"
)
ROW_B2 = ",,,,,,,,,,,,12,1709181000000002,1709181000800000,10,20,30,0,9,70"
CSV = "\n".join([HEADER_V1, ROW_A, ROW_B, ROW_B2]) + "\n"

HEADER_V2 = (
    "{usertime,systemtime,rssmax}\ttags\thostname\texename\tpath\texitcode\texitsignal\tpid\t"
    "generation\tppid\tpgid\tsid\tnumtids\tstart\tfinish\targs\n"
)
LINE_A = (
    "{1,2,3}\t\tn2\tsh\t/bin/sh\t0\t0\t10\t0\t1\t10\t10\t1\t1709181000000000\t1709181001000000\t"
)
LINE_B = (
    "{4, 5, 6, 10, 20, 30}\top:x\tn2\tapp\t/opt/app\t3\t9\t11\t0\t10\t10\t10\t2\t"
    '1709181000000001\t1709181000900000\t-d" -f2 \\, é'
)
TSV = LINE_A + "\n" + LINE_B + "\n"


def metadata(**changes):
    """Return the metadata of a job that was started and stopped."""
    found = {
        "job_pl_id": "77",
        "job_pl_submit_ts": START,
        "job_pl_start_ts": START,
        "job_pl_env": {"A": "1", "B": "2", "USER": "ada"},
        "job_pl_username": "ada",
        "job_pl_hostname": "n1",
        "job_el_stop_ts": STOP,
        "job_el_exitcode": 0,
        "job_el_reason": "none",
        "job_el_env": {"A": "1", "C": "3", "USER": "ada", "EPMT_JOB_TAGS": "k:v"},
    }
    found.update(changes)
    return found


def files_v1(**changes):
    """Return {name: bytes} of a job of version 1."""
    return {
        "job_metadata": metaformat.dumps(metadata(**changes)),
        "n1-collated-papiex-77-0.csv": CSV.encode(),
    }


def files_v2(**changes):
    """Return {name: bytes} of a job of version 2."""
    return {
        "job_metadata": metaformat.dumps(metadata(**changes)),
        "n2-papiex-header.tsv": HEADER_V2.encode(),
        "n2-papiex.tsv": TSV.encode(),
    }


def open_job(path, pattern=names.DATA_PATTERN):
    """Return the job of a directory or an archive, to be used in a with statement."""
    kind = archive.DirectoryJob if os.path.isdir(path) else archive.ArchiveJob
    return kind(path, pattern)


def write_archive(path, members, mode="w:gz"):
    """Write a tar with members: (name, bytes) or a TarInfo."""
    with tarfile.open(str(path), mode) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            header = tarfile.TarInfo("./" + member[0])
            header.size = len(member[1])
            tar.addfile(header, io.BytesIO(member[1]))
    return str(path)


def members_of(path):
    """Return {name: bytes} of an archive, in its order."""
    with tarfile.open(str(path)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isreg()}


class JobTest(unittest.TestCase):
    """A test in a directory of its own, which is also the current one."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="epmt-test-"))
        self.addCleanup(shutil.rmtree, str(self.folder), True)
        before = os.getcwd()
        os.chdir(str(self.folder))
        self.addCleanup(os.chdir, before)
        self.keep_environment()

    def keep_environment(self):
        """Let the test change the environment, which has no job and no settings."""
        kept = dict(os.environ)
        self.addCleanup(os.environ.update, kept)
        self.addCleanup(os.environ.clear)
        for name in list(os.environ):
            if name.startswith(("SLURM_", "PBS_", "EPMT_")):
                del os.environ[name]
        os.environ["XDG_CONFIG_HOME"] = str(self.folder / "config")

    def write(self, name, content):
        """Write a file, a text or bytes; return its path as a text."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def write_settings(self, **values):
        """Write a settings file that epmt finds here."""
        values = dict(
            {"epmt_output_prefix": self.folder / "out", "error_dest": self.folder}, **values
        )
        lines = [f"{key} = {value}" for key, value in values.items()]
        self.write("epmt.ini", "[EPMT]\n" + "\n".join(lines) + "\n")

    def write_job(self, files, name="job"):
        """Write the directory of a job; return its path as a text."""
        for base, content in files.items():
            self.write(name + "/" + base, content)
        return str(self.folder / name)

    def epmt(self, *arguments):
        """Run a command in this process; return (status, stdout, stderr)."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(one) for one in arguments])
        return status, out.getvalue(), err.getvalue()
