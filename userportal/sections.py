"""What can stand in the portal's configuration file: one dataclass a section.

The kinds of values are those of the fields' annotations: str, int, float, bool, Path, tuple
(words separated by commas) and Optional of these. A field's comment is its documentation.
"""

import dataclasses
from pathlib import Path
from typing import Optional

# Those with pages of users and staff, below /secure/, so that a web server can guard them all.
SECURE_MODULES = (
    "jobstats", "accountstats", "cloudstats", "quotas", "usersummary", "top", "search", "nodes",
    "notes", "slurmstats", "suite",
)  # fmt: skip
MODULES = (*SECURE_MODULES, "pages")
STORAGE_LABELS = ("user", "group", "project", "fileset")


@dataclasses.dataclass(frozen=True)
class Portal:
    """[portal]: what the pages are called, and where they are."""

    cluster: str = "cluster"  # the name that Slurm has for it
    title: str = ""  # what the pages are headed with; the cluster's name if empty
    intro: Optional[Path] = None  # a file of HTML for the first page, which the site writes
    icon: Optional[Path] = None  # the pages' icon, SVG or PNG; ours if empty
    hosts: tuple = ("localhost", "127.0.0.1", "[::1]")  # names that the web server answers to
    base_url: str = "/"  # "/portal/" if the site has other things at /
    https: bool = True  # False: cookies are sent without TLS, too
    time_zone: str = "UTC"  # shown where the reader's own is not known
    language: str = "en"  # of readers whose browser asks for none of ours
    state: Optional[Path] = None  # the portal's own files; see configuration.state_directory
    modules: tuple = ()  # those that are shown; empty: all that have their data
    keep_secrets: bool = False  # yes: job scripts are stored and shown with their passwords
    demo: bool = False  # marks every page as a demonstration
    log_level: str = "WARNING"


@dataclasses.dataclass(frozen=True)
class DatabaseFile:
    """[database], [slurm], [lmod], [xalt], [epmt]: a database, named by its configuration file."""

    conf_file: Optional[Path] = None  # as `conf_create` writes it; see usagedb/README.md


@dataclasses.dataclass(frozen=True)
class Prometheus:
    """[prometheus]: where the history of the metrics is."""

    url: str = ""  # http://prometheus.example.org:9090, or what speaks like it
    history: Optional[Path] = None  # instead of a server: an embedded history, as the demo has it
    headers_file: Optional[Path] = None  # lines "Name: value", such as Authorization; mode 0600
    ca_file: Optional[Path] = None
    filter: str = ""  # matchers for every selector: cluster="abc"
    filter_cloud: str = ""  # the same for virtual machines
    timeout_seconds: float = 30.0
    cache_seconds: float = 60.0
    workers: int = 8  # queries at once
    host_label: str = "instance"  # the label that names the node
    node_domain: str = ""  # what follows a node's name in that label: .int.example.org
    oob_suffix: str = "-oob"  # what a node's management address has after its name
    power_metric: str = "redfish_chassis_power_average_consumed_watts"


@dataclasses.dataclass(frozen=True)
class Exporters:
    """[exporters]: which are installed, and the seconds between two of their samples; 0: not."""

    slurm_job_exporter: int = 30
    node_exporter: int = 30
    redfish_exporter: int = 0
    lustre_exporter: int = 0
    slurm_exporter: int = 0
    pcm_sensor_server: int = 0
    libvirtd_exporter: int = 0
    lfs_quota: int = 0
    gpfs_exporter: int = 0
    nvidia_gpu_exporter: int = 0


@dataclasses.dataclass(frozen=True)
class Access:
    """[access]: who people are, and who of them sees more than the own."""

    methods: tuple = ("password",)  # password, ldap, remote_user, headers
    staff: tuple = ()  # user names
    helpers: tuple = ()  # user names: they see all users' jobs and change nothing
    staff_groups: tuple = ()  # groups (LDAP or of the operating system) whose members are staff
    helper_groups: tuple = ()
    # Whose headers are believed: addresses, networks, and unix for a proxy on a Unix socket.
    trusted_proxies: tuple = ("127.0.0.1", "::1")
    user_header: str = "X-Remote-User"  # of SAML or OIDC, set by the web server
    affiliation_header: str = "X-Remote-Affiliation"
    full_name_header: str = ""
    affiliation_variable: str = "affiliation"  # beside REMOTE_USER, from mod_wsgi or the shell
    staff_affiliations: tuple = ("staff",)  # staff@example.org, or staff for any place
    helper_affiliations: tuple = ()
    # REMOTE_USER ann@example.org is believed for these places, and staff@example.org is staff of
    # these; empty: of all places, which a federation must not have.
    user_suffixes: tuple = ()
    logout_url: str = ""  # of the single sign-on
    login_tries: int = 5  # of one name or address, in login_seconds; then it has to wait
    login_seconds: int = 300


@dataclasses.dataclass(frozen=True)
class Accounts:
    """[accounts]: who belongs to which account, and what each account was given."""

    source: str = "slurm"  # slurm (associations), ldap, or file
    file: Optional[Path] = None  # sections [NAME]: members, managers, cpu, gpu, storage, status
    users_file: Optional[Path] = None  # passwd(5) lines instead of the machine's own accounts


@dataclasses.dataclass(frozen=True)
class Ldap:
    """[ldap]: the directory of people and allocations."""

    url: str = ""  # ldaps://ldap.example.org; several are tried in their order
    base_dn: str = ""
    bind_dn: str = ""  # empty: anonymous
    password_file: Optional[Path] = None
    ca_file: Optional[Path] = None
    start_tls: bool = False
    timeout_seconds: float = 5.0
    cache_seconds: float = 300.0
    user_class: str = "posixAccount"
    allocation_class: str = "ccAllocation"
    group_class: str = "posixGroup"
    storage_name: str = ""  # names of the resources in an allocation
    compute_name: str = ""


@dataclasses.dataclass(frozen=True)
class Costs:
    """[costs]: constants of energy and money; "none" hides what is made of one."""

    electric_car_range_km_per_kwh: Optional[float] = 1 / 0.151
    electricity_cost_per_kwh: Optional[float] = 0.04158
    cooling_cost_per_kwh: Optional[float] = 0.010395  # a quarter of the electricity
    co2_kg_per_mwh: Optional[float] = 0.5  # of hydroelectric power; coal has 1,000
    amortization_years: Optional[float] = 5.0
    # A node's price over its cores (or GPUs) and hours, and a tenth for what is around it:
    # 7,500 for 64 cores, 50,000 for 4 GPUs, five years.
    cpu_core_cost_per_hour: Optional[float] = 0.0029431
    gpu_cost_per_hour: Optional[float] = 0.31393
    # What a cloud asks for by the hour, in the currency of the others.
    cloud_cpu_core_cost_per_hour: Optional[float] = 0.0478125
    cloud_gpu_cost_per_hour: Optional[float] = 1.7725
    currency: str = "$"


@dataclasses.dataclass(frozen=True)
class Limits:
    """[limits]: what is normal here, for the pages of waste."""

    memory_gib_per_core: float = 4.0
    memory_gib_per_gpu: float = 128.0
    cores_per_gpu: float = 12.0
    large_memory_partitions: tuple = ("large",)  # parts of their names
    search_results: int = 50
    script_characters: int = 100_000


@dataclasses.dataclass(frozen=True)
class Files:
    """[files]: data of the site; ours where none is named."""

    rules: Optional[Path] = None  # rules of the job analysis, beside ours
    gpus: Optional[Path] = None  # GPU models, beside ours
    software: Optional[Path] = None  # what a program's path or name says of the software
    cloud_projects: Optional[Path] = None  # sections [PROJECT]: members, pi
    module_list: Optional[Path] = None  # paths of all module files, for those that nobody uses
    redact: Optional[Path] = None  # what is a secret in job scripts, instead of ours
    module_tree: Optional[Path] = None  # or the directory that they are in


@dataclasses.dataclass(frozen=True)
class Storage:
    """[storage NAME], NAME one of home, scratch, project, nearline …: a place with quotas."""

    file_system: str = ""  # as the exporter or Robinhood calls it: /lustre06/project/
    label: str = "user"  # what the quota's metric is labelled with: user, group, project, fileset
    kind: str = "lustre"  # lustre (lfs_quota), gpfs
    robinhood: Optional[Path] = None  # the configuration file of its Robinhood database
    default_gib: float = 0.0  # of every user: for home and scratch alone; 0: unknown
    default_files: int = 0


@dataclasses.dataclass(frozen=True)
class Systems:
    """[systems]: file systems and machines of the public pages."""

    lustre: tuple = ()  # names of the file systems
    logins: tuple = ()  # node, or node:interface
    transfers: tuple = ()  # data transfer nodes
    local_scratch: str = "/localscratch"  # the mount point on compute nodes


SECTIONS = {
    "portal": Portal,
    "database": DatabaseFile,
    "slurm": DatabaseFile,
    "lmod": DatabaseFile,
    "xalt": DatabaseFile,
    "epmt": DatabaseFile,
    "prometheus": Prometheus,
    "exporters": Exporters,
    "access": Access,
    "accounts": Accounts,
    "ldap": Ldap,
    "costs": Costs,
    "limits": Limits,
    "files": Files,
    "systems": Systems,
}
# Sections with a name after the word: any number of them.
NAMED_SECTIONS = {"storage": Storage}
# Sections whose keys the site chooses: links = name, url; portals of other clusters.
FREE_SECTIONS = ("links", "other portals")
