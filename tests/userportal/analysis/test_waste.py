"""The flags of users and jobs that do not use what they have."""

import pytest

from userportal.analysis import waste
from userportal.analysis.waste import Use
from userportal.sections import Limits

GIB = 2**30
LIMITS = Limits()


def cores(used, **fields):
    return waste.compute_flags(Use("ann", cores_allocated=100, cores_used=used, **fields), LIMITS)


@pytest.mark.parametrize(
    ("used", "flag"),
    [(74, "critical"), (75, "warning"), (89, "warning"), (90, ""), (130, ""), (None, "")],
)
def test_cores_are_flagged_below_three_quarters_and_nine_tenths(used, flag):
    assert cores(used)["cores"] == flag


@pytest.mark.parametrize(
    ("part", "flag"), [(0.09, "critical"), (0.1, "warning"), (0.49, "warning"), (0.5, "")]
)
def test_memory_is_flagged_only_beyond_what_is_normal_for_the_cores(part, flag):
    much, normal = 441 * GIB, 440 * GIB
    assert cores(90, memory_allocated_bytes=much, memory_peak_bytes=part * much)["memory"] == flag
    assert cores(90, memory_allocated_bytes=normal, memory_peak_bytes=part * normal)["memory"] == ""


@pytest.mark.parametrize(
    ("used", "not_idle", "flag"),
    [(0, 0, "critical"), (3, 0, "critical"), (0.9, 5, "critical"), (1, 5, "warning"),
     (1.9, 5, "warning"), (2, 5, ""), (None, None, "")],
)  # fmt: skip
def test_gpus_are_flagged_when_all_are_idle_or_little_used(used, not_idle, flag):
    use = Use("ann", gpus_allocated=10, gpus_used=used, gpus_not_idle=not_idle)
    assert waste.gpu_flags(use, LIMITS)["gpus"] == flag


def test_cores_and_memory_of_gpu_users_are_measured_by_their_gpus():
    use = Use("ann", gpus_allocated=10, cores_allocated=133, cores_used=10,
              memory_allocated_bytes=1409 * GIB, memory_peak_bytes=1)  # fmt: skip
    assert waste.gpu_flags(use, LIMITS) == {
        "gpus": "", "cores": "critical", "memory": "critical",
    }  # fmt: skip
    use = Use("ann", gpus_allocated=10, cores_allocated=132, cores_used=10,
              memory_allocated_bytes=1408 * GIB, memory_peak_bytes=1)  # fmt: skip
    assert waste.gpu_flags(use, LIMITS) == {"gpus": "", "cores": "", "memory": ""}
