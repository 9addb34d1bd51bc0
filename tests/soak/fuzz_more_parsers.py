"""Parsers of what users give to Slurm and to the portal, and of what programs say of them."""

import base64
import functools
import gzip
import io
from typing import Any

from afcollect import jupyter, logins
from afcollect.failures import PartFailed
from epmtlite import selection
from epmtlite.collect import tags
from epmtlite.gui.guard import Guard
from epmtlite.gui.job_queries import parsed_tags
from epmtlite.tagtext import json_text
from tests.soak.parser import Parser, answered, native, of_text, text
from userportal.access import addresses
from userportal.analysis import submitted
from userportal.report import stored
from userportal.slurm import jobset

NOW = 1_800_000_000.0


class NotParsed(Exception):
    """The API's refusal of what was sent."""


@functools.lru_cache(1)
def api_parsers() -> "tuple[Any, Any, type[Exception]]":
    """Return the API's parsers of JSON and of forms, and their error; sets Django up."""
    from tests.userportal.django_site import set_up

    set_up()
    from rest_framework.exceptions import APIException

    from userportal.api import parsers

    return parsers.BoundedJSONParser(), parsers.BoundedFormParser(), APIException


def sent(raw: bytes, kind: int) -> Any:
    """Read what is sent to the API as JSON (0) or as a form (1)."""
    parser, refusal = api_parsers()[kind], api_parsers()[2]
    try:
        found = parser.parse(io.BytesIO(raw))
    except refusal as error:
        raise NotParsed from error
    return found if kind == 0 else found.dict()


def stored_tags(raw: bytes) -> bool:
    """Read the tags of a job, store them, and read what the pages of epmt make of them."""
    found = tags.parse(native(raw)) or {}
    again = parsed_tags(json_text(found))
    assert again == found
    return selection.matches(again, found)


def directives(raw: bytes) -> Any:
    """Read the options in a script."""
    return submitted.options_of_script(text(raw))


def who_is_there(raw: bytes) -> Any:
    """Read what last(1) and who(1) print."""
    return logins.recent(NOW, answered(raw)), logins.names_in(text(raw))


class Refused(Exception):
    """What the client of Kubernetes raises: the server's own words are in it."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.status, _blank, self.reason = text(raw).partition(" ")


def words_of_kubernetes(raw: bytes) -> None:
    """Make one line of what Kubernetes says."""
    line = jupyter.first_line(Refused(raw))
    assert len(line.splitlines()) == 1 and len(line) <= jupyter.LONGEST_REASON


def report(raw: bytes) -> Any:
    """Read the figures in the comment of a job, or those that a comment could hold."""
    comment = text(raw)
    if not comment.startswith(stored.PREFIX):
        packed = base64.b64encode(gzip.compress(raw, mtime=0))
        comment = stored.PREFIX + packed.decode("ascii")
    found = stored.decode(comment)
    return found and [
        stored.node_of(str(name), values)
        for name, values in found["nodes"].items()
        if isinstance(values, dict)
    ]


REPORT = (
    b'{"nodes":{"n1":{"total_memory":1000,"used_memory":900,"total_time":7.5,"cpus":4,'
    b'"gpu_total_memory":{"0":9},"gpu_used_memory":{"0":8},"gpu_utilization":{"0":99}}},'
    b'"total_time":9,"gpus":1}'
)
GUARD = Guard("127.0.0.1", False)


def address(raw: bytes) -> Any:
    """Read the target of a request to the pages of epmt, and its cookies."""
    return GUARD.split(text(raw)), GUARD.has_cookie(text(raw))


PARSERS = {
    "submit line": Parser(
        of_text(submitted.options_of_line),
        (b"sbatch -N2 --time=1:00:00 -J 'a b' --gres gpu:2 x.sh -n 4", b"srun -Hn4 : -c 2 ./a",
         b"salloc --wait-all-nodes 1 --mem 4G -I30"),
    ),
    "options in a script": Parser(
        directives,
        (b"#!/bin/bash\n#SBATCH -N 2 --time=1:00\n#SBATCH --job-name='a b' # why\n\n./run\n",),
    ),
    "job numbers": Parser(of_text(jobset.parse), (b"100-105,107", b"7, 9 ,12-14")),
    "first job numbers": Parser(of_text(jobset.first_of), (b"1-4294967293,7,9-12", b"5,4,3-9")),
    "array tasks": Parser(of_text(jobset.tasks), (b"123_4", b"123_[1,3-5,10-20:5%2]")),
    "stored tags": Parser(stored_tags, (b"a:b;c:d", b"exp_name:x y;\xc3\xa9")),
    "JSON of the API": Parser(
        functools.partial(sent, kind=0),
        (b'{"id_job": 4711, "submit_script": "#!/bin/bash\\nhostname\\n"}', b'[1, 2.5e3, null]'),
        (NotParsed,),
    ),
    "form of the API": Parser(
        functools.partial(sent, kind=1), (b"id_job=4711&submit_script=%23%21+x&a=&b", b"a=1&a=2"),
        (NotParsed,),
    ),
    "report in a comment": Parser(
        report, (REPORT, b"JS1:Short", b"JS1:" + base64.b64encode(gzip.compress(REPORT, mtime=0)))
    ),
    "address of a client": Parser(
        of_text(addresses.parsed_address), (b" ::ffff:10.0.0.1%eth0", b"2001:db8::7", b"10.0.0.1")
    ),
    "address of epmt's pages": Parser(
        address, (b"/job/c/7?token=abc&x=%20", b"//[::1]/a?token=1", b"portal=1; epmt_gui=abc"),
        (ValueError,),
    ),
    "logins": Parser(
        who_is_there,
        (b"ann pts/0 10.0.0.1 2027-01-15T07:58:00+0000 - still logged in\n"
         b"reboot system boot 6.1 2027-01-15T07:00:00+01:00\n", b"ann pts/0 Jan 1 (:0)\n"),
        (PartFailed,),
    ),
    "words of Kubernetes": Parser(
        words_of_kubernetes, (b"403 Forbidden", b"None HTTP(<urllib3.x object at 0x1>: no")
    ),
}  # fmt: skip
