"""Write the configuration of the demo's portal, and the plain files that it names."""

import configparser

from usagedb.files import write_whole
from userportal.demo import moduledata, siteseries
from userportal.demo.cluster import NAME
from userportal.demo.storage import DEFAULTS, FILE_SYSTEMS, PROJECT_FILES
from userportal.units import GIBIBYTE

PRIVATE, READABLE = 0o600, 0o644
CONFIGURATION = "portal.conf"
DATABASES = {"slurm": "slurm", "lmod": "usage", "xalt": "usage", "epmt": "usage"}
INTRO = """<p><strong>This is a demonstration.</strong> The cluster, its people, jobs and numbers
are all made up.</p>
"""


def database_conf(name):
    """Return the name of the configuration file of a database."""
    return f"{name}_db.conf"


def write_configuration(directory, cluster, sizes, staff, helper):
    """Write portal.conf and the files that it names into a directory."""
    for name in ("slurm", "usage", "robinhood"):
        text = ini({"SQLITE": {"DB": f"{name}.db"}})
        write_whole(directory / database_conf(name), text, PRIVATE)
    write_whole(directory / "intro.html", INTRO, READABLE)
    write_whole(directory / "passwd", passwd(cluster), READABLE)
    write_whole(directory / "accounts.conf", ini(allocations(cluster)), READABLE)
    write_whole(directory / "cloud.conf", ini(clouds(cluster)), READABLE)
    paths = "\n".join(moduledata.module_path(one) for one in moduledata.all_modules())
    write_whole(directory / "modules.txt", paths + "\n", READABLE)
    write_whole(directory / CONFIGURATION, ini(portal(sizes, staff, helper)), READABLE)


def ini(sections):
    """Return sections {name: {key: value}} as the text of an INI file."""
    blocks = [
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for name, values in sections.items()
    ]
    text = "# Made by the portal's demo, and made anew with it.\n" + "\n".join(blocks)
    configparser.RawConfigParser(strict=True).read_string(text)
    return text


def portal(sizes, staff, helper):
    """Return the sections of portal.conf."""
    step = sizes.step_seconds
    exporters = (
        "slurm_job_exporter", "node_exporter", "redfish_exporter", "lustre_exporter",
        "slurm_exporter", "pcm_sensor_server", "libvirtd_exporter", "lfs_quota", "gpfs_exporter",
        "nvidia_gpu_exporter",
    )  # fmt: skip
    return {
        "portal": {
            "cluster": NAME, "title": "Demonstration cluster", "intro": "intro.html",
            "https": "no", "state": ".", "demo": "yes",
        },
        **{name: {"conf_file": database_conf(file)} for name, file in DATABASES.items()},
        "prometheus": {"history": "metrics.db"},
        "exporters": dict.fromkeys(exporters, step),
        "access": {"methods": "password", "staff": staff, "helpers": helper},
        "accounts": {"source": "file", "file": "accounts.conf", "users_file": "passwd"},
        "files": {"cloud_projects": "cloud.conf", "module_list": "modules.txt"},
        "systems": {
            "lustre": "scratch, project, home",
            "logins": ", ".join(map(":".join, siteseries.LOGINS)),
            "transfers": ", ".join(map(":".join, siteseries.TRANSFERS)),
        },
        **storage(),
    }  # fmt: skip


def storage():
    """Return the sections of the places with quotas."""
    defaults = {
        kind: {"default_gib": size // GIBIBYTE, "default_files": files}
        for kind, (size, files) in DEFAULTS.items()
    }
    robinhood = {"robinhood": database_conf("robinhood")}
    return {
        "storage home": {"kind": "gpfs", "file_system": FILE_SYSTEMS["home"], "label": "user",
                         **defaults["home"]},
        "storage scratch": {"file_system": FILE_SYSTEMS["scratch"], "label": "user",
                            **defaults["scratch"]},
        "storage project": {"file_system": FILE_SYSTEMS["project"], "label": "project",
                            **robinhood},
        "storage nearline": {"file_system": "/nearline/", "label": "project", **robinhood},
    }  # fmt: skip


def passwd(cluster):
    """Return the people as lines of passwd(5)."""
    return "".join(
        f"{user.name}:x:{user.uid}:{user.gid}:{user.full_name}:/home/{user.name}:/bin/bash\n"
        for user in cluster.users
    )


def allocations(cluster):
    """Return the sections of the account file."""
    found = {}
    for one in cluster.allocations:
        values: dict = {
            "members": ", ".join(one.members), "managers": one.manager, "status": "active",
            "gid": one.gid, "description": one.description,
            "project_gib": one.storage_tib * 1024,
            "project_files": one.storage_tib * PROJECT_FILES,
            "nearline_gib": one.storage_tib * 5 * 1024,
        }  # fmt: skip
        granted = {"cpu": one.cores, "gpu": one.gpus}
        values.update({key: amount for key, amount in granted.items() if amount})
        found[one.name] = values
    return found


def clouds(cluster):
    """Return the sections of the file of cloud projects."""
    return {
        project: {"pi": project.removesuffix("-cloud"), "members": ", ".join(members)}
        for project, members in siteseries.cloud_projects(cluster).items()
    }
