"""The made-up cluster: nodes, partitions, people, groups and what Slurm calls them."""

import dataclasses
import random
from typing import Optional

from userportal.demo.sizes import Sizes

NAME = "demo"  # of the cluster, in Slurm and in the metrics
FIRST_UID = 3001
FIRST_GID = 5001
GROUP_MEMBERS = 5
MIB_PER_GIB = 1024
# What Slurm's tres_table holds: id, type, name.
TRES = (
    (1, "cpu", ""),
    (2, "mem", ""),
    (3, "energy", ""),
    (4, "node", ""),
    (5, "billing", ""),
    (6, "fs", "disk"),
    (7, "vmem", ""),
    (8, "pages", ""),
    (1001, "gres", "gpu"),
    (1002, "gres", "gpu:a100"),
    (1003, "gres", "gpu:h100"),
)
QOS = ((1, "normal", "Normal QOS default"), (2, "high", "Shorter queue, for deadlines"))
FIRST_NAMES = (
    "Adele", "Bela", "Cosmo", "Dilara", "Edwin", "Farah", "Gideon", "Hanna", "Ivo", "Jolanda",
    "Kasimir", "Leontine", "Milo", "Nadia", "Oskar", "Petra", "Quentin", "Rosalie", "Silvan",
    "Tamar",
)  # fmt: skip
LAST_NAMES = (
    "Alder", "Beech", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper",
    "Katsura", "Larch",
)  # fmt: skip
SUBJECTS = (
    "oceans", "proteins", "galaxies", "alloys", "glaciers", "genomes", "turbines", "languages",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class GpuModel:
    """A model of GPU, with the names that Slurm and the metrics have for it."""

    gres: str
    label: str  # gpu_type of the exporter
    tres_id: int
    memory_gib: int
    full_watts: int
    idle_watts: int


A100 = GpuModel("a100", "NVIDIA A100-SXM4-40GB", 1002, 40, 400, 55)
H100 = GpuModel("h100", "NVIDIA H100 80GB HBM3", 1003, 80, 700, 70)


@dataclasses.dataclass(frozen=True)
class Node:
    """A compute node."""

    name: str
    partition: str
    cores: int
    memory_mib: int
    gpu_count: int = 0
    gpu_model: Optional[GpuModel] = None


@dataclasses.dataclass(frozen=True)
class User:
    """A person; `group` is the research group's name, that of its manager."""

    name: str
    full_name: str
    uid: int
    gid: int
    group: str
    is_manager: bool


@dataclasses.dataclass(frozen=True)
class Allocation:
    """What a group was given: `def-…` everyone has, `rrg-…` was granted; 0: not limited."""

    name: str
    gid: int
    description: str
    manager: str
    members: tuple
    cores: int = 0
    gpus: int = 0
    storage_tib: int = 1

    def accounts(self):
        """Return the names of its Slurm accounts."""
        kinds = ("cpu", "gpu") if self.name.startswith("def-") or self.gpus else ("cpu",)
        return [f"{self.name}_{kind}" for kind in kinds]


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All that stands still."""

    nodes: tuple
    users: tuple
    allocations: tuple

    def user(self, name):
        """Return the User of that name. Raises KeyError."""
        return {user.name: user for user in self.users}[name]

    def accounts(self):
        """Return {name of a Slurm account: Allocation}."""
        return {name: one for one in self.allocations for name in one.accounts()}

    def accounts_of(self, user_name, kind):
        """Return the Slurm accounts of a user: kind is cpu or gpu; the granted one first."""
        found = [
            name
            for name, allocation in self.accounts().items()
            if user_name in allocation.members and name.endswith("_" + kind)
        ]
        return sorted(found, key=lambda name: (not name.startswith("rrg-"), name))

    def partitions(self):
        """Return {partition: [Node]}."""
        found: dict = {}
        for node in self.nodes:
            found.setdefault(node.partition, []).append(node)
        return found


def make_cluster(sizes=Sizes(), seed=1):  # noqa: B008 - frozen
    """Return the Cluster of some Sizes; the same for the same seed."""
    source = random.Random(f"{seed}:cluster")
    users = make_users(sizes.users, source)
    return Cluster(make_nodes(sizes), users, make_allocations(users, source))


def make_nodes(sizes):
    """Return the nodes: c001 … with cores only, g001 … with GPUs, m001 … with large memory."""
    cpu = [
        Node(f"c{number:03}", "cpu", sizes.cores, 125 * MIB_PER_GIB)
        for number in range(1, sizes.cpu_nodes + 1)
    ]
    gpu = [
        Node(
            f"g{number:03}", "gpu", sizes.cores, 500 * MIB_PER_GIB, 4,
            A100 if number <= (sizes.gpu_nodes + 1) // 2 else H100,
        )
        for number in range(1, sizes.gpu_nodes + 1)
    ]  # fmt: skip
    large = [
        Node(f"m{number:03}", "largemem", sizes.cores, 2000 * MIB_PER_GIB)
        for number in range(1, sizes.large_nodes + 1)
    ]
    return (*cpu, *gpu, *large)


def make_users(count, source):
    """Return invented people in groups of GROUP_MEMBERS; the first of a group manages it."""
    full_names = [f"{first} {last}" for last in LAST_NAMES for first in FIRST_NAMES]
    source.shuffle(full_names)
    users: list = []
    taken: set = set()
    for full_name in full_names:
        first, last = full_name.lower().split()
        name = first[0] + last
        if name in taken or len(users) == count:
            continue
        taken.add(name)
        place = len(users) // GROUP_MEMBERS
        is_manager = len(users) % GROUP_MEMBERS == 0
        group = name if is_manager else users[place * GROUP_MEMBERS].name
        number = len(users)
        users.append(
            User(name, full_name, FIRST_UID + number, FIRST_UID + number, group, is_manager)
        )
    return tuple(users)


def make_allocations(users, source):
    """Return the allocations: each group has def-MANAGER, every second one rrg-MANAGER too."""
    found = []
    managers = [user for user in users if user.is_manager]
    for number, manager in enumerate(managers):
        members = tuple(user.name for user in users if user.group == manager.name)
        subject = SUBJECTS[number % len(SUBJECTS)]
        found.append(
            Allocation(
                f"def-{manager.name}", FIRST_GID + 2 * number, f"Study of {subject}",
                manager.name, members,
            )
        )  # fmt: skip
        if number % 2 == 0:
            found.append(
                Allocation(
                    f"rrg-{manager.name}", FIRST_GID + 2 * number + 1, f"Grant for {subject}",
                    manager.name, members, cores=source.choice((64, 96, 128)),
                    gpus=source.choice((2, 4)), storage_tib=source.choice((10, 20, 40)),
                )
            )  # fmt: skip
    return tuple(found)
