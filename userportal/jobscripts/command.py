"""The command `userportal jobscripts`: the collector, and the prolog's form of it."""

import click

from usagedb.cli import common_options
from userportal.jobscripts.settings import DEFAULT_PATH, read_settings


@click.command()
@click.option(
    "--config",
    "conf_path",
    type=click.Path(),
    metavar="FILE",
    help=f"Where the portal and the scripts are.  [default: {DEFAULT_PATH}]",
)
@click.option("--once", "is_once", is_flag=True, help="Send what is there now, and end.")
@click.option(
    "--prolog",
    "is_prolog",
    is_flag=True,
    help="On a compute node: send the script of $SLURM_JOB_ID, and end with 0 within 4 s.",
)
@common_options
def jobscripts(conf_path, is_once, is_prolog, quiet):
    """Send the scripts of new jobs to the portal, on the machine of slurmctld.

    It looks into Slurm's spool every few seconds, and keeps each script until the portal has it,
    also when the portal is away, the job ends or the collector is started again. SIGTERM ends it.

    \b
    Examples:
      userportal jobscripts --verbose
      userportal jobscripts --config ./jobscripts.ini --once
      SLURM_JOB_ID=4711 userportal jobscripts --prolog

    With --once it ends with 75 if scripts wait for a portal that is away, and with 77 if the portal
    refuses the token.
    """
    if is_prolog:
        from userportal.jobscripts.prolog import send_script

        send_script(conf_path)
        return
    from userportal.jobscripts import daemon

    settings = read_settings(conf_path or DEFAULT_PATH)
    daemon.run(daemon.once(settings) if is_once else settings)
