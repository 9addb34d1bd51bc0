"""Models of GPUs: those of the file, those of the site, and those that nobody knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import ConfigurationError
from userportal.analysis import gpus

GIB = 2**30
SHIPPED = gpus.read()


def test_a_model_is_known_by_the_label_of_the_metrics():
    assert SHIPPED.find("NVIDIA H100 80GB HBM3") == gpus.GpuModel(
        "NVIDIA H100 80GB HBM3", "H100", 80 * GIB, 700, 70
    )


def test_a_model_is_known_by_the_name_that_slurm_has_for_it():
    assert SHIPPED.find("nvidia_a100-sxm4-40gb").short_name == "A100"


def test_a_virtual_part_has_memory_and_no_power():
    model = SHIPPED.find("GRID V100D-8C")
    assert (model.memory_bytes, model.full_power_watts, model.idle_power_watts) == (
        8 * GIB, None, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("label", "gibibytes"),
    [("1g.5gb", 5), ("1g.10gb", 10), ("2g.10gb", 10), ("2g.20gb", 20), ("3g.20gb", 20),
     ("3g.40gb", 40), ("4g.20gb", 20), ("4g.40gb", 40), ("7g.40gb", 40), ("7g.80gb", 80),
     ("NVIDIA H200 MIG 1g.18gb", 18), ("nvidia_a100_3g.20gb", 20)],
)  # fmt: skip
def test_a_part_of_a_divided_gpu_tells_its_memory_itself(label, gibibytes):
    model = SHIPPED.find(label)
    assert model.memory_bytes == gibibytes * GIB
    assert (model.full_power_watts, model.idle_power_watts) == (400, 55)
    assert model.short_name in label and model.short_name.endswith("gb")


def test_an_unknown_model_is_what_was_measured_of_it():
    assert SHIPPED.find("Space GPU 9", 7 * GIB) == gpus.GpuModel(
        "Space GPU 9", "Space GPU 9", 7 * GIB
    )
    assert SHIPPED.memory_bytes("Space GPU 9") is None
    assert SHIPPED.full_power_watts("Space GPU 9") is None
    assert SHIPPED.idle_power_watts(None) is None
    assert SHIPPED.memory_bytes("NVIDIA A30", 7 * GIB) == 24 * GIB


@given(st.none() | st.text() | st.integers())
def test_no_label_is_an_error(label):
    assert isinstance(SHIPPED.find(label), gpus.GpuModel)


def test_a_site_adds_and_changes_models(tmp_path):
    path = tmp_path / "gpus.conf"
    path.write_text("[Space GPU 9]\nmemory = 1TB\n[NVIDIA A30]\nfull_power = 150.5\n")
    models = gpus.read(path)
    assert models.memory_bytes("space gpu 9") == 2**40
    assert models.find("NVIDIA A30") == gpus.GpuModel("NVIDIA A30", "A30", 24 * GIB, 150.5, 32)
    assert models.names() == [*SHIPPED.names(), "Space GPU 9"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[X]\nmemory = lots\n", "[X] memory = lots: write a size such as 40GB"),
        ("[X]\nmemory = 40\n", "[X] memory = 40: write a size"),
        ("[X]\nmemory = 4x\n", "[X] character 1: x is no unit"),
        ("[X]\nfull_power = -3\n", "[X] full_power = -3: write a number of watts"),
        ("[X]\ncolour = green\n", "[X] has no setting colour"),
        ("[X]\npattern = (a+)+\n", "[X] character 5: repeats"),
        ("x", "no section headers"),
    ],
)
def test_a_wrong_file_is_told_with_its_section(tmp_path, text, complaint):
    path = tmp_path / "gpus.conf"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        gpus.read(path)
    assert str(path) in str(error.value) and complaint in str(error.value)
