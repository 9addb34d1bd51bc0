"""Parsers of what strangers write: how each is called, what it may raise, and good inputs."""

import base64
import configparser
import io
import json
import tarfile
import zlib
from typing import Any

from afcollect import condor, endpoint, slurm
from afcollect.failures import PartFailed
from epmtlite import database_url, filters
from epmtlite.collect import errors as collect_errors
from epmtlite.collect import metaformat, papiex, pickles, tags, tarball
from epmtlite.query_words import instant
from lmodtrack import clusters, record
from tests.soak import fuzz_more_parsers
from tests.soak.parser import Parser, answered, consumed, native, of_text, text
from usagedb import config, dates, redact, site
from usagedb import errors as usage_errors
from usagedb.days import Calendar
from userportal import ini_file
from userportal.jobscripts import portal as jobscripts
from userportal.metrics import answers
from userportal.slurm import arrays, dependencies, hostlist, script, tres
from xaltload import names as xalt_names
from xaltload import record as xalt_record
from xaltload import syslog as xalt_syslog

EXPECTED = (
    collect_errors.CollectError, usage_errors.UsageDBError, record.Rejected, record.Ignored,
    xalt_record.Rejected,
)  # fmt: skip
MOST_NAMES = 1000
UUID = "0188a2f0-0000-7000-8000-000000000001"


CONTEXT = record.Context(1_800_000_000.0, Calendar(None), "c1")
REDACTOR = redact.read_redactor()


def assemble(raw: bytes) -> None:
    """Read the lines of XALT's syslog as the loader does."""
    assembler = xalt_syslog.Assembler(1 << 20)
    for line in raw.split(b"\n"):
        block = xalt_syslog.parse_line(line)
        if block is not None:
            assembler.add(block)


def database_configuration(raw: bytes) -> Any:
    """Read the file of --confFn."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(native(raw))
    except configparser.Error as error:
        return config.reason_of(error)
    return config.shown(config.config_from(parser, "/etc/hpcusage/x.conf"))


def members(raw: bytes) -> None:
    """Read all of an archive of EPMT."""
    for member in tarball.members(io.BytesIO(raw), "x.tgz"):
        while member.read(1 << 16):
            pass


class Response:
    """An answer with a header."""

    def __init__(self, value: str) -> None:
        """Keep the value of Retry-After."""
        self.headers = {"Retry-After": value}


def promql_answer(raw: bytes) -> Any:
    """Read an answer of Prometheus."""
    return answers.series_of(answers.data_of(raw), MOST_NAMES)


def pattern(raw: bytes) -> Any:
    """Match a pattern of LIKE."""
    return filters.Pattern(text(raw)).matches(text(raw))


def row_of_squeue(raw: bytes) -> Any:
    """Read a line of squeue to the end."""
    row = slurm.row_of(text(raw))
    return row and (slurm.queued_jobs([row]), slurm.queues([row], {}))


def archive(member: bytes) -> bytes:
    """Return a tar with one member."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for name in ("./job_metadata", "./n1-papiex.tsv"):
            header = tarfile.TarInfo(name)
            header.size = len(member)
            made.addfile(header, io.BytesIO(member))
    return stream.getvalue()


RUN = json.dumps({
    "crc": "0x1", "hash_id": "a" * 40, "cmdlineA": ["a.out", "-x"], "envT": {"PATH": "/bin"},
    "libA": [["/lib/libc.so", "b" * 40]],
    "userT": {"syshost": "aurora", "run_uuid": UUID, "exec_path": "/home/a/a.out", "user": "a",
              "exec_type": "binary", "job_id": "7", "cwd": "/home/a"},
    "userDT": {"start_time": 1700000000.5, "end_time": 1700000009.5, "run_time": 9.0,
               "num_cores": 2.0},
    "xaltLinkT": {},
}).encode()  # fmt: skip
LINK = json.dumps({
    "crc": "0x1", "linkA": [["/lib/libm.so", "c" * 40]], "function": ["f", "g"],
    "link_line": ["ld", "-o"], "resultT": {
        "uuid": UUID, "hash_id": "a" * 40, "link_program": "gcc", "build_epoch": 1700000000.0,
        "build_user": "a", "build_syshost": "aurora", "exec_path": "/home/a/a.out",
        "link_path": "/bin/ld", "wd": "/home/a"},
}).encode()  # fmt: skip
PACKAGE = json.dumps({
    "crc": "0x1", "xalt_run_uuid": UUID, "program": "python", "package_name": "numpy",
    "package_version": "1.0", "package_path": "/lib/numpy",
}).encode()  # fmt: skip
METADATA = metaformat.dumps({"job_pl_id": "7", "job_el_exitcode": 0, "job_pl_env": {"A": "1"}})
ANSWER = (
    b'{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"job":"7"},'
    b'"values":[[1700000000,"1"],[1700000060.5,"NaN"]]}]}}'
)
MODULE = (
    b"Jan  1 00:00:00 c1 ModuleUsageTracking: user=ann module=gcc/12 path=/apps/gcc/12.lua"
    b" host=c1.site.example time=1700000000.5 jobid=7"
)

MODULE_JSON = b'{"user":"ann","module":"gcc/12","path":"/a","syshost":"c1.x","date":1700000000.5}'
OF_HOSTS = b"not (exitcode = 1) or hostname in ('a', 'b')"
WHOLE = base64.b64encode(zlib.compress(RUN))
BLOCK = xalt_syslog.Block(4, "run", "aurora", b"run_1", b"0x1", 0, 2, 1.5, WHOLE[:60])

PARSERS = {
    "Lmod syslog": Parser(
        lambda raw: record.parse_line(raw, CONTEXT),
        (MODULE, b"2026-01-01T00:00:00+00:00 c1 message repeated 3 times: [ " + MODULE + b"]",
         b"Jan  1 00:00:00 c1 lmod: username=ann, module=gcc/12, fn=/apps/gcc.lua, userload=yes",
         b"ann,2026_01_01_00_00_00,gcc/12:/apps/gcc.lua", MODULE_JSON),
    ),
    "XALT syslog": Parser(
        assemble,
        (b"x XALT_LOGGING_aurora V:2 kind:run idx:00 nb:01 syshost:aurora key:run_1 value:eJw=",
         b"x " + xalt_syslog.format_block(BLOCK),
         b"x " + xalt_syslog.format_block(BLOCK) + b"\nx "
         + xalt_syslog.format_block(BLOCK._replace(place=1, payload=WHOLE[60:]))),
    ),
    "XALT record": Parser(xalt_record.parse_record, (RUN, LINK, PACKAGE)),
    "XALT file name": Parser(
        lambda raw: xalt_names.parse_name(native(raw)),
        (f"run.aurora.2026_01_01_00_00_00_1234.otter.zzz.{UUID}.json".encode(),
         f"link.aurora.2026_01_01_00_00_00_1234.otter.{UUID}.json".encode()),
    ),
    "papiex CSV": Parser(
        consumed(lambda raw: papiex.read_v1(papiex.text_lines(io.BytesIO(raw), "f"), "f")),
        (b"# tags\ntags,hostname,exename,path,args,exitcode,exitsignal,pid,generation,ppid,pgid,"
         b"sid,numtids,tid,start,end,usertime\na:b,n1,ls,/bin/ls,-l,0,0,7,0,1,7,7,1,7,1,2,3\n",),
    ),
    "papiex TSV": Parser(
        consumed(
            lambda raw: papiex.read_v2(
                papiex.text_lines(io.BytesIO(raw.partition(b"\n")[2]), "f"),
                native(raw.partition(b"\n")[0]), "f",
            )
        ),
        (b"{rssmax,usertime}\ttags\n{100,5}\ta:b\tn1\tls\t/bin/ls\t0\t0\t7\t0\t1\t7\t7\t1\t1700000000"
         b"\t1700000001\t-l x\n",),
    ),
    "EPMT metadata": Parser(
        lambda raw: metaformat.loads(raw, "f"),
        (METADATA, metaformat.dumps({"a": [1, 2.5, None, True, "x"]}, as_pickle=True)),
    ),
    "EPMT pickle": Parser(pickles.loads, (pickles.dumps({"a": [1, "b", 2.5, {"c": None}]}),)),
    "EPMT archive": Parser(members, (archive(b"x" * 600),)),
    "EPMT tags": Parser(lambda raw: tags.parse(native(raw)), (b"a:b;c:d", b"x")),
    "EPMT filter": Parser(
        of_text(filters.parsed), (b"duration > 10 and exename like 'a%'", OF_HOSTS),
        (filters.BadArgument,),
    ),
    "EPMT time": Parser(of_text(instant), (b"2026-01-01T00:00:00", b"-7"), (ValueError,)),
    "EPMT database URL": Parser(
        lambda raw: database_url.config_of_url(text(raw), "f"),
        (b"postgresql://u:p@h:5432/name", b"sqlite:////a/b.db"),
    ),
    "LIKE pattern": Parser(pattern, (b"a%b_c\\%", b"%%%")),
    "configuration": Parser(
        database_configuration,
        (b"[MYSQL]\nHOST = a,b\nUSER = u\nPASSWD = cHc=\nDB = x\nPORT = 3306\n[SITE]\nTIMEZONE=UTC",
         b"[SQLITE]\nDB = x.db\n[RETENTION]\nlmod = 12\n"),
    ),
    "portal configuration": Parser(
        lambda raw: ini_file.sections_of(native(raw), "f"), (b"[portal]\nhttps = no\n# x\n",)
    ),
    "clusters of a site": Parser(
        lambda raw: site.parse_cluster(text(raw), "f"),
        (b"aurora: lmod=a,b xalt=c slurm=d timezone=UTC",),
    ),
    "syshost map": Parser(
        lambda raw: clusters.parse_rule(text(raw), "f"), (b"login*.x.example aurora", b"^n\\d+$ b")
    ),
    "date": Parser(of_text(dates.parse_date), (b"2026-01-01", b"2024-02-29")),
    "redaction": Parser(
        of_text(REDACTOR.text),
        (b"export API_TOKEN=abc\ncurl -u me:secret https://a:b@h/", b"mysql -pxyz --password=q"),
    ),
    "host list": Parser(
        of_text(lambda value: hostlist.expand(value, MOST_NAMES)), (b"n[1-3,07-09]-[1,2],m7",)
    ),
    "TRES": Parser(of_text(tres.parse), (b"1=2,2=4000,4=1,1001=8",)),
    "job array": Parser(of_text(arrays.pending_tasks), (b"0x3F", b"1-5,7,9-20:2%3")),
    "dependency": Parser(of_text(dependencies.parse), (b"sbatch -d afterok:7:8?after:9+5 x.sh",)),
    "modules in a script": Parser(
        of_text(script.modules), (b"#!/bin/sh\nmodule load gcc/12 \\\n  b; ml c\n",)
    ),
    "PromQL answer": Parser(
        promql_answer, (ANSWER,)
    ),
    "Retry-After": Parser(
        lambda raw: endpoint.retry_after(Response(text(raw))),
        (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"),
    ),
    "Retry-After of scripts": Parser(
        of_text(jobscripts.retry_seconds), (b"120", b"Wed, 21 Oct 2026 07:28:00 GMT")
    ),
    "squeue": Parser(
        row_of_squeue, (b"7|ann|RUNNING|None|1-02:03:04|a,b|cpu=4,mem=1.50G,node=1|",
                        b"8|bob|PENDING|JobHeldUser|0:00|a|cpu=4|"),
    ),
    "sacct": Parser(of_text(slurm.ended_job), (b"7|ann|99|COMPLETED", b"8|b|1|CANCELLED by 7")),
    "condor_q -json": Parser(
        lambda raw: [condor.whole(one.get("a")) for one in condor.read_json(answered(raw), ["q"])],
        (b'[{"a": 7}, {"a": 1e3}]', b'{"a": true}'), (PartFailed,),
    ),
    "condor_q": Parser(of_text(condor.job_of), (b"ann 7.0 100 2", b"bob 8.1 0 5")),
    **fuzz_more_parsers.PARSERS,
}  # fmt: skip
