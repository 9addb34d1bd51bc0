"""The dimensions of module usage: users, module files, clusters."""

import hashlib

from usagedb.database import fold_ascii
from usagedb.dialects.base import BYTES, TEXT
from usagedb.dimensions import Dimension


def module_digest(module):
    """Return the digest that stands for (module name, path) in the unique key, 32 bytes."""
    name, path = module
    text = f"{name}\0{path}".encode()
    return hashlib.sha256(text, usedforsecurity=False).digest()


class Dimensions:
    """The three dimension tables of one database; values are a user name, a (module name, path)
    pair, and a cluster name.
    """

    def __init__(self):
        self.users = Dimension(
            "lmod_user",
            "user_id",
            (("user_name", TEXT), ("user_folded", TEXT)),
            lambda user: (user, fold_ascii(user)),
        )
        self.modules = Dimension(
            "lmod_module",
            "module_id",
            (("digest", BYTES), ("module_name", TEXT), ("path", TEXT), ("path_folded", TEXT)),
            lambda module: (module_digest(module), *module, fold_ascii(module[1])),
        )
        self.clusters = Dimension(
            "lmod_cluster",
            "cluster_id",
            (("cluster_name", TEXT),),
            lambda cluster: (cluster,),
        )
