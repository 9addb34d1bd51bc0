"""Write share/: manual pages and completion of every command, and of the installer."""

import re

from release import bash, facts, manual, of_installer, zsh
from release.describe import describe, walk

ALIAS_END = ".py"
EXAMPLES_AT_MOST = 3
# Of commands that neither their help nor a README shows as they are typed.
EXAMPLES = {
    "epmt attach": ["epmt attach $$"],
    "epmt concat": ["epmt concat /tmp/epmt/ann/4711", "epmt concat -o all.csv one.csv two.csv"],
    "epmt convert": ["epmt convert 4711.tgz 4711-tsv.tgz"],
    "epmt detach": ["epmt detach WORD"],
    "epmt help": ["epmt help run", "epmt help api"],
    "epmt schema": ["epmt schema --confFn /etc/hpcusage/epmt_db.conf"],
    "epmt source": ['eval "$(epmt source)"'],
    "epmt stage": ["epmt stage", "epmt submit $(epmt stage)"],
    "userportal changepassword": ["userportal changepassword ann"],
    "userportal collectstatic": ["userportal collectstatic --noinput"],
    "userportal createsuperuser": ["userportal createsuperuser --username ann"],
    "userportal demo": ["userportal demo --directory /tmp/portal-demo"],
    "userportal migrate": ["userportal migrate", "userportal migrate --check"],
    "userportal runserver": ["userportal runserver 127.0.0.1:8000"],
    "userportal serve": ["userportal serve --workers 2 --threads 8"],
}


def write_all(tree, directory):
    """Write man/man1, bash-completion and zsh of the commands of a tree into a new directory."""
    places = {
        "man": directory / "man" / "man1",
        "bash": directory / "bash-completion" / "completions",
        "zsh": directory / "zsh" / "site-functions",
    }
    for place in places.values():
        place.mkdir(parents=True)
    version, names = facts.version(tree), facts.command_names(tree)
    readmes = [path.read_text() for path in sorted(tree.glob("*/README.md"))]
    codes = manual.exit_codes((tree / "README.md").read_text())
    whole = [name for name in names if not is_alias(name, names)]
    packages = {name: package_of(tree, name) for name in whole}
    for name in names:
        command = describe(name, tree)
        write_completion(places, command)
        if name not in whole:
            page = manual.alias(name[: -len(ALIAS_END)])
            (places["man"] / f"{name}.1").write_text(page)
            continue
        add_examples(command, readmes)
        related = [one for one in whole if packages[one] in (packages[name], "usagedb")]
        for file_name, page in manual.pages(command, version, codes, related):
            (places["man"] / file_name).write_text(page)
    for command in of_installer.describe_all():
        write_completion(places, command)
        for file_name, page in manual.pages(command, version, codes, of_installer.NAMES):
            (places["man"] / file_name).write_text(page)


def write_completion(places, command):
    """Write the completion of a command for both shells."""
    (places["bash"] / command.name).write_text(bash.script(command))
    (places["zsh"] / f"_{command.name}").write_text(zsh.script(command))


def is_alias(name, names):
    """Tell whether a name is the documented one of a command that has a shorter one."""
    return name.endswith(ALIAS_END) and name[: -len(ALIAS_END)] in names


def package_of(tree, name):
    """Return the package of a command."""
    return re.findall(r"^from (\w+)", (tree / "bin" / name).read_text(), re.MULTILINE)[0]


def add_examples(command, readmes):
    """Give a command whose help has no examples those that the READMEs show."""
    for one in walk(command):
        pattern = re.compile(rf"^ {{4}}(?:\$ )?({re.escape(one.name)}(?: .*)?)$", re.MULTILINE)
        if not one.examples:
            found = [line for text in readmes for line in pattern.findall(text)]
            found = list(dict.fromkeys(found))[:EXAMPLES_AT_MOST]
            one.examples = found or EXAMPLES.get(one.name, [])
