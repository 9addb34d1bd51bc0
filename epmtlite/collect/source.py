"""epmt source: shell code by which what the calling shell starts is collected."""

import logging
import os
import shlex
import sys

from epmtlite.collect import job, papiex_install

logger = logging.getLogger(__name__)

SLURM_HINT = "in a Slurm task collection without papiex begins with: srun epmt run -- COMMAND"
BOURNE = """\
epmt_instrument() {{ EPMT_COLLECTOR=$({attach} $$); }};
epmt_uninstrument() {{ [ -z "$EPMT_COLLECTOR" ] || {detach} "$EPMT_COLLECTOR"; EPMT_COLLECTOR=; }};
epmt_instrument;
"""
C_SHELL = """\
alias epmt_instrument 'set epmt_collector=`{attach} $$`';
alias epmt_uninstrument '{detach} $epmt_collector';
set epmt_collector=`{attach} $$`;
"""
BOURNE_PAPIEX = """\
{assignments}
epmt_push_preload() {{ PAPIEX_OLD_LD_PRELOAD="$LD_PRELOAD"; LD_PRELOAD="$PAPIEX_LD_PRELOAD"; }};
epmt_pop_preload() {{ LD_PRELOAD="$PAPIEX_OLD_LD_PRELOAD"; }};
epmt_instrument() {{ epmt_push_preload; export PAPIEX_OUTPUT PAPIEX_OPTIONS LD_PRELOAD; }};
epmt_uninstrument() {{ epmt_pop_preload; export -n PAPIEX_OUTPUT PAPIEX_OPTIONS; \
[ -n "$LD_PRELOAD" ] || unset LD_PRELOAD; }};
epmt_instrument;
"""
C_SHELL_PAPIEX = """\
{assignments}
alias epmt_instrument '{instrument}';
alias epmt_uninstrument '{uninstrument}';
{instrument};
"""


def source_command(options):
    """Print the code; return the exit status. Raises CollectError if there is no job."""
    settings = options.settings
    identity = job.job_id(settings, options.jobid)
    variables = papiex_install.variables_for(settings, None, identity)
    if options.slurm:
        return print_for_slurm(variables)
    job.make_directory(settings, identity)
    write = of_papiex(variables) if variables else of_collector(identity)
    sys.stdout.write(write)
    return 0


def print_for_slurm(variables):
    """Print what a task prolog has to say."""
    if not variables:
        logger.warning("%s", SLURM_HINT)
    for name, value in variables.items():
        print(f"export {name}={value}")
    return 0


def is_c_shell():
    """Tell whether the calling shell is one of the C shells, as its variables say."""
    return any(os.environ.get(name, "").endswith("csh") for name in ("_", "SHELL"))


def of_collector(identity):
    """Return the code that attaches a collector to the shell."""
    own = " ".join(map(shlex.quote, (sys.executable, os.path.abspath(sys.argv[0]))))
    if sys.argv[0].endswith("__main__.py"):
        own = f"{shlex.quote(sys.executable)} -m epmtlite.collect"
    code = C_SHELL if is_c_shell() else BOURNE
    return code.format(
        attach=f"{own} attach --jobid {shlex.quote(identity)}", detach=f"{own} detach"
    )


def of_papiex(variables):
    """Return the code that preloads papiex."""
    variables = dict(variables, PAPIEX_LD_PRELOAD=variables["LD_PRELOAD"])
    del variables["LD_PRELOAD"]
    words = {name: shlex.quote(value) for name, value in variables.items()}
    if not is_c_shell():
        assignments = " ".join(f"{name}={word};" for name, word in words.items())
        return BOURNE_PAPIEX.format(assignments=assignments)
    instrument = [f"setenv {name} ${name}" for name in ("PAPIEX_OUTPUT", "PAPIEX_OPTIONS")]
    instrument.append("setenv LD_PRELOAD $PAPIEX_LD_PRELOAD")
    uninstrument = [f"unsetenv {name}" for name in ("PAPIEX_OUTPUT", "PAPIEX_OPTIONS")]
    before = os.environ.get("LD_PRELOAD")
    uninstrument.append(
        f"setenv LD_PRELOAD {shlex.quote(before)}" if before else "unsetenv LD_PRELOAD"
    )
    return C_SHELL_PAPIEX.format(
        assignments=" ".join(f"set {name}={word};" for name, word in words.items()),
        instrument="; ".join(instrument), uninstrument="; ".join(uninstrument),
    )  # fmt: skip
