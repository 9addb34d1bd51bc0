"""The command afmetrics_collector: collect metrics of an analysis facility and send them."""

import click

import usagedb
from afcollect import log
from afcollect.names import HASHES, HOST_TEMPLATE, is_template
from usagedb import cli, errors

DEFAULT_URL = "https://af.atlas-ml.org/"
OUTBOX_MOST_DOCUMENTS = 200_000
WORDS = ((), ("outbox",), ("outbox", "flush"), ("outbox", "drop"))


def queue_of(_context, _parameter, texts):
    """Return (name, constraint) for each NAME:CONSTRAINT."""
    pairs = [text.partition(":")[::2] for text in texts]
    for text, (name, constraint) in zip(texts, pairs):
        if not (name and constraint):
            raise click.BadParameter(f"{text!r} is not NAME:CONSTRAINT")
    return tuple(pairs)


def template_of(_context, _parameter, text):
    """Return a template of host names."""
    if not is_template(text):
        raise click.BadParameter("it may have {digits}, {host} and {domain}")
    return text


def part_options(function):
    """Add the options that say what is collected."""
    for option in reversed(
        (
            click.option("-s", "--ssh", is_flag=True, help="Who is logged in."),
            click.option(
                "-S", "--ssh-history", is_flag=True, help="Who logged in in the last five minutes."
            ),
            click.option("--host", is_flag=True, help="Load, memory, network and disks."),
            click.option("-b", "--batch", is_flag=True, help="Jobs of HTCondor and Slurm."),
            click.option("-j", "--jupyter", is_flag=True, help="Who runs notebooks."),
            click.option(
                "-q", "--queue", "queues", multiple=True, metavar="NAME:CONSTRAINT",
                callback=queue_of,
                help="Sum up the jobs of a constraint (HTCondor) or of partitions (Slurm).",
            ),
            click.option(
                "--batch-system", type=click.Choice(("condor", "slurm", "auto")), default="auto",
                show_default=True, help="Whose jobs; auto: of what is installed.",
            ),
            click.option(
                "--mount", "mounts", multiple=True, metavar="DIR",
                help="Report this disk.  [default: /home, /data and /scratch, if they exist]",
            ),
            click.option(
                "-n", "--namespace", default="af-jupyter", show_default=True,
                help="Kubernetes namespace of the notebooks.",
            ),
            click.option(
                "-l", "--label", default="owner", show_default=True,
                help="Label of a pod that names its user.",
            ),
            click.option("-g", "--group", default="", help="Only members of this group."),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def name_options(function):
    """Add the options that say under which names people and machines are sent."""
    for option in reversed(
        (
            click.option(
                "-c", "--cluster", default="UC-AF", show_default=True, help="Name of the facility."
            ),
            click.option("-o", "--obfuscate-users", is_flag=True, help="Send hashes of users."),
            click.option("-z", "--salt", help="Secret for -o; better in --salt-file."),
            click.option("--salt-file", metavar="FILE", help="File that holds the salt."),
            click.option(
                "--hash", "hash_name", type=click.Choice(HASHES), default=HASHES[0],
                show_default=True, help="How -o makes hashes.",
            ),
            click.option(
                "-O", "--obfuscate-hosts", default="", metavar="DOMAIN",
                help="Send this machine as atlas<digits of its name>.DOMAIN.",
            ),
            click.option(
                "--host-template", default=HOST_TEMPLATE, metavar="TEMPLATE", callback=template_of,
                help="How it is called instead; {digits}, {domain} and {host} are replaced."
                f"  [default: {HOST_TEMPLATE}, with -O]",
            ),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def sending_options(function):
    """Add the options that say where documents go."""
    for option in reversed(
        (
            click.option("-t", "--token", help="Token of the site; better in --token-file."),
            click.option("--token-file", metavar="FILE", help="File that holds the token."),
            click.option("-u", "--url", default=DEFAULT_URL, show_default=True, help="Endpoint."),
            click.option("--ca-file", metavar="FILE", help="Authorities to trust instead."),
            click.option("--insecure-http", is_flag=True, help="Allow a URL without TLS."),
            click.option(
                "--batch-posts", type=click.Choice(("array", "ndjson")),
                help="Send many documents of a kind in one post.",
            ),
            click.option("--state-dir", metavar="DIR", help="Directory of the outbox."),
            click.option(
                "--outbox-max", type=click.IntRange(min=1), default=OUTBOX_MOST_DOCUMENTS,
                show_default=True, metavar="N", help="Keep so many documents; drop the oldest.",
            ),
            click.option(
                "-d", "--debug", is_flag=True, help="Write files here, and send nothing."
            ),
            click.option(
                "--print", "to_stdout", is_flag=True,
                help="Write documents to stdout, and send nothing.",
            ),
        )
    ):  # fmt: skip
        function = option(function)
    return function


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("words", nargs=-1, metavar="[outbox [flush|drop]]")
@part_options
@name_options
@sending_options
@click.option("--yes", is_flag=True, help="outbox drop: without asking.")
@click.option("--again", is_flag=True, help="outbox flush: also what was set aside.")
@cli.format_option
@cli.wait_option
@click.option("-v", "--verbose", count=True, help="Say what was done (-vv: and how).")
@click.version_option(usagedb.__version__, prog_name="hpcusage")
def command(words, verbose, debug, to_stdout, **options):
    """Collect metrics of users, hosts and batch systems, and send them to one HTTPS endpoint.

    Documents go through an outbox: while the endpoint is away they wait there for the next run.
    `outbox` shows what waits, `outbox flush` sends it, `outbox drop` empties it. The token also
    comes from $AFMETRICS_TOKEN, the salt from $AFMETRICS_SALT.

    \b
    Examples:
      afmetrics_collector -v -sjb --host --token-file /etc/hpcusage/afmetrics.token -c MY-AF
      afmetrics_collector -d -vv -sb --host
      afmetrics_collector --print -s -o -z salt -O example.org
      afmetrics_collector outbox
    """
    log.set_up(verbose or int(debug), debug)
    if words not in WORDS:
        # What stands there may be the rest of a secret with a blank in it: it is not repeated.
        raise errors.UsageError("besides options only outbox, outbox flush and outbox drop")
    if words:
        from afcollect import outbox_command

        return outbox_command.run(words[1:], options)
    from afcollect import run

    return run.run(debug, to_stdout, options)


def main():
    """Run the command."""
    cli.run(command)
