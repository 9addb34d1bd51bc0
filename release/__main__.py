"""Make a release: `make release`, or python -m release --help."""

import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from release import archive, facts, needs, share, tree

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHONS = "3.9 3.10 3.11 3.12 3.13"
EXTRAS = "mysql8 portal postgresql"
PARALLEL = 3


@click.command(context_settings={"show_default": True})
@click.option("--output", type=click.Path(path_type=Path), default="dist", help="Where it goes.")
@click.option("--pythons", default=PYTHONS, help="Versions of Python that it serves.")
@click.option("--extras", default=EXTRAS, help="Extras whose wheels are put in.")
@click.option(
    "--glibc-minor", type=click.IntRange(5), default=needs.OLDEST_GLIBC_MINOR, metavar="N",
    help="The oldest machines have the C library 2.N.",
)  # fmt: skip
@click.option(
    "--share", "share_directory", type=click.Path(path_type=Path), metavar="DIR",
    help="Write the manual pages and completion there anew, and nothing else.",
)  # fmt: skip
def command(output, pythons, extras, glibc_minor, share_directory):
    """Make the source archive, the wheel, the archive for machines without network, its installer
    and SHA256SUMS. What is in the output directory under those names is replaced.
    """
    if share_directory:
        shutil.rmtree(share_directory, ignore_errors=True)
        share.write_all(CHECKOUT, share_directory)
        return
    with tempfile.TemporaryDirectory(prefix="hpcusage-release-") as name:
        scratch = Path(name)
        sources = scratch / "tree"
        tree.copy_sources(CHECKOUT, sources)
        try:
            made = make(sources, scratch, pythons.split(), extras.split(), glibc_minor)
        except needs.NeedError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        deliver(made, output)


def make(sources, scratch, pythons, extras, glibc_minor):
    """Make a release of copied sources. Returns the paths of its files."""
    share.write_all(sources, sources / "share")
    source_archive, wheel = needs.build(sources, scratch / "built")
    version = facts.version(sources)
    content = scratch / f"hpcusage-{version}"
    wheels = content / "wheels"
    wheels.mkdir(parents=True)
    shutil.copy2(wheel, wheels)
    targets = gather(sources, wheel, wheels, pythons, extras, glibc_minor)
    archive.write_facts(
        content,
        {
            "version": version,
            "commands": facts.command_names(sources),
            "machine": needs.MACHINE,
            "glibc": f"2.{glibc_minor}",
            "pythons": targets,
        },
    )
    installer = content / archive.INSTALLER
    archive.write_installer(sources / "release" / "installer", installer)
    archive.write_checksums(content)
    packed = scratch / f"hpcusage-{version}.tgz"
    archive.pack(content, packed)
    return [source_archive, wheel, packed, installer]


def gather(sources, wheel, directory, pythons, extras, glibc_minor):
    """Download what every Python needs beside the wheel.

    Returns {Python version: {"extras": its extras, "pins": lines NAME==VERSION}}.
    """

    def gather_one(python):
        own = facts.extras_on(sources, extras, python)
        wanted = [f"hpcusage[{','.join(own)}] @ {wheel.as_uri()}" if own else str(wheel), "pip"]
        found = needs.resolve(wanted, python, glibc_minor)
        pins = [pin for pin in found if "==" in pin]  # the wheel itself stands with its place
        needs.fetch(pins, python, directory, glibc_minor)
        return {"extras": own, "pins": pins}

    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(zip(pythons, pool.map(gather_one, pythons)))


def deliver(made, output):
    """Copy the files of a release to the output directory, with their checksums."""
    output.mkdir(parents=True, exist_ok=True)
    for path in made:
        shutil.copy2(path, output)
    archive.write_checksums(output, [path.name for path in made])
    for path in made:
        click.echo(f"{(output / path.name).stat().st_size:>12,}  {output / path.name}")


if __name__ == "__main__":
    command()
