"""What is known of models of GPUs: conf/portal-gpus.conf, and the site's file on top.

A model that is not listed is no fault: all that is asked of it is None, or what was measured.
"""

import dataclasses
import re
from typing import Optional

from usagedb import errors
from userportal.analysis import lexer, patterns, settings_file

SHIPPED_NAME = "portal-gpus.conf"
KEYS = ("memory", "full_power", "idle_power", "short", "pattern")
MEMORY_GROUP = "memory"
MAXIMUM_LABEL = 200  # of names that metrics give


@dataclasses.dataclass(frozen=True)
class GpuModel:
    """What is known of a model; None is not known."""

    label: str
    short_name: str
    memory_bytes: Optional[int] = None
    full_power_watts: Optional[float] = None
    idle_power_watts: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class GpuModels:
    """All models of the files: those with a name, and those that a pattern fits."""

    named: dict  # plain label -> GpuModel
    fitting: tuple  # (compiled pattern, GpuModel)

    def find(self, label, measured_memory_bytes=None):
        """Return the GpuModel of a label of the metrics or of Slurm; never None.

        measured_memory_bytes (slurm_job_memory_total_gpu) stands in for memory that no file tells.
        """
        label = str(label or "")[:MAXIMUM_LABEL]
        found = self.named.get(plain(label)) or self.fitted(label) or GpuModel(label, label)
        if found.memory_bytes is None and measured_memory_bytes:
            return dataclasses.replace(found, memory_bytes=int(measured_memory_bytes))
        return found

    def fitted(self, label):
        """Return the GpuModel of the first pattern that fits, None if none does."""
        for pattern, model in self.fitting:
            match = pattern.search(label)
            if match:
                gigabytes = match.groupdict().get(MEMORY_GROUP)
                memory_bytes = int(gigabytes) * 2**30 if gigabytes else model.memory_bytes
                return dataclasses.replace(
                    model, label=label, short_name=match[0], memory_bytes=memory_bytes
                )
        return None

    def names(self):
        """Return the labels of the models with a name, in the order of the files."""
        return [model.label for model in self.named.values()]

    def short_name(self, label):
        """Return the name for pages; the label itself if the model is not known."""
        return self.find(label).short_name

    def memory_bytes(self, label, measured_memory_bytes=None):
        """Return the memory of one GPU, else what was measured, else None."""
        return self.find(label, measured_memory_bytes).memory_bytes

    def full_power_watts(self, label):
        """Return the power at full load, or None."""
        return self.find(label).full_power_watts

    def idle_power_watts(self, label):
        """Return the power when idle, or None."""
        return self.find(label).idle_power_watts


def plain(label):
    """Return a label without what spellings differ in: case, blanks, - and _."""
    return re.sub(r"[\s_-]+", "", label).lower()


def read(path=None):
    """Return the GpuModels of our file, with those of the site's on top if one is named.

    Raises ConfigurationError naming file and section, or RefusedError. Read-only.
    """
    named, fitting = {}, []
    for name, (values, source) in settings_file.read_merged(SHIPPED_NAME, path).items():
        try:
            model, pattern = model_of(name, values)
        except (ValueError, lexer.ConditionFault, patterns.PatternFault) as fault:
            raise errors.ConfigurationError(f"{source}: [{name}] {fault}") from None
        if pattern is None:
            named[plain(name)] = model
        else:
            fitting.append((pattern, model))
    return GpuModels(named, tuple(fitting))


def model_of(name, values):
    """Return (GpuModel, pattern or None) of a section. Raises ValueError or a fault."""
    for key in values:
        if key not in KEYS:
            raise ValueError(f"has no setting {key}; there are {', '.join(KEYS)}")
    pattern = patterns.compile_pattern(values["pattern"]) if values.get("pattern") else None
    model = GpuModel(
        label=name,
        short_name=values.get("short", "").strip() or name,
        memory_bytes=size_of(values.get("memory", "").strip()),
        full_power_watts=watts_of(values, "full_power"),
        idle_power_watts=watts_of(values, "idle_power"),
    )
    return model, pattern


def size_of(text):
    """Return bytes of 40GB, None of nothing. Raises ValueError or ConditionFault."""
    if not text:
        return None
    first, *rest = lexer.tokens_of(text)
    if first.what != lexer.NUMBER or len(rest) != 1 or first.content[1] != lexer.BYTES:
        raise ValueError(f"memory = {text}: write a size such as 40GB")
    return int(first.content[0])


def watts_of(values, key):
    """Return a number of watts, None of nothing. Raises ValueError."""
    text = values.get(key, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text, re.ASCII):
        raise ValueError(f"{key} = {text}: write a number of watts")
    return float(text)
