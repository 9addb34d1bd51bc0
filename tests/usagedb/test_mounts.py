"""The file system of a path is found by what the kernel says."""

import pytest

from usagedb.mounts import mount_of

MOUNTS = "\n".join(
    f"{number} 1 0:1 / {point} rw,relatime {optional}- {kind} server:/x rw"
    for number, (point, optional, kind) in enumerate(
        [
            ("/", "shared:1 ", "ext4"),
            ("/net", "", "nfs4"),
            ("/net/local", "shared:1 master:2 ", "xfs"),
            ("/with\\040blank\\011tab", "", "lustre"),
            ("/netto", "", "tmpfs"),
            ("/twice", "", "nfs"),
            ("/twice", "", "ext4"),
        ]
    )
)


@pytest.mark.parametrize(
    "path, kind",
    [
        ("/usage.db", "ext4"),
        ("/net/usage.db", "nfs4"),
        ("/net", "nfs4"),
        ("/net/local/a/usage.db", "xfs"),
        ("/netto/usage.db", "tmpfs"),
        ("/network/usage.db", "ext4"),
        ("/with blank\ttab/usage.db", "lustre"),
        ("/twice/usage.db", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_and_last_mount(path, kind):
    assert mount_of(path, MOUNTS).kind == kind


def test_a_link_is_followed_to_its_file_system(tmp_path):
    (tmp_path / "link").symlink_to("/net")
    assert mount_of(tmp_path / "link" / "usage.db", MOUNTS).kind == "nfs4"


def test_the_real_mounts_can_be_read(tmp_path):
    found = mount_of(tmp_path)
    assert found.kind and found.device and str(tmp_path).startswith(found.point)
