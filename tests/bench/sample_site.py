"""The invented site of the sample log: its users, clusters and module files."""

from collections.abc import Sequence
from typing import NamedTuple

# A directory of module files, and the full name of a module in it.
Module = tuple[str, str]

USERS = (
    "otter", "lynx", "heron", "fern", "maple", "badger", "clover", "finch", "thistle", "alder",
    "marten", "sorrel", "wren", "hazel", "beaver", "juniper", "plover", "aspen", "vole",
    "bramble", "osprey", "willow", "stoat", "larch", "egret", "teasel", "ibex", "rowan", "curlew",
    "sedge", "weasel", "linden", "kestrel", "yarrow", "bison", "spruce", "dormouse", "mallow",
    "puffin", "birch", "gecko", "campion", "shrew", "hemlock", "avocet", "nettle", "walrus",
    "cedar", "siskin", "tansy", "moose", "lupin", "dunlin", "elder", "ocelot", "mistletoe",
    "tapir", "hawthorn", "quokka", "acacia",
)  # fmt: skip


class Cluster(NamedTuple):
    """A cluster: its share of the sessions, and what its log lines look like."""

    name: str
    weight: int
    compute_nodes: int
    iso_header: bool
    logs_userload: bool


CLUSTERS = (
    Cluster("aurora", 5, 48, iso_header=False, logs_userload=False),
    Cluster("borealis", 3, 120, iso_header=False, logs_userload=True),
    Cluster("cirrus", 2, 24, iso_header=True, logs_userload=True),
)

# Directories of module files: what a compiler and an MPI library bring into reach.
CORE, GCC, MPI, INTEL = (
    "/apps/modulefiles",
    "/apps/gcc13/modulefiles",
    "/apps/gcc13/openmpi5/modulefiles",
    "/apps/intel24/modulefiles",
)

# What a module of such a directory pulls in before it, and what one more package does.
CHAINS: dict[str, Sequence[str]] = {
    CORE: (),
    GCC: ("gcc/13.2.0",),
    MPI: ("gcc/13.2.0", "openmpi/5.0.3"),
    INTEL: ("intel/2024.1",),
    "pytorch/2.2.0": ("python/3.11.6", "cuda/12.4"),
}

# What users load, the most popular first.
REQUESTED: tuple[Module, ...] = (
    (CORE, "python/3.11.6"), (GCC, "openmpi/5.0.3"), (CORE, "gcc/13.2.0"),
    (CORE, "cmake/3.28.1"), (MPI, "hdf5/1.14.3"), (MPI, "lammps/20230802"),
    (CORE, "intel/2024.1"), (MPI, "gromacs/2024.2"), (CORE, "python/3.8.10"),
    (MPI, "netcdf/4.9.2"), (GCC, "fftw3/3.3.10"), (CORE, "cuda/12.4"), (GCC, "R/4.3.2"),
    (MPI, "petsc/3.20.4"), (GCC, "boost/1.84.0"), (CORE, "git/2.43.0"),
    (INTEL, "mkl/2024.1"), (MPI, "openfoam/11"), (CORE, "python/3.12.1"),
    (CORE, "matlab/2023b"), (INTEL, "fftw3/3.3.10"), (MPI, "fftw3/3.3.10"),
    (CORE, "gcc/12.3.0"), (GCC, "samtools/1.19"), (MPI, "quantum-espresso/7.3"),
    (CORE, "cuda/11.8"), (GCC, "gsl/2.7.1"), (INTEL, "hdf5/1.14.3"), (GCC, "blast/2.15.0"),
    (MPI, "namd/3.0"), (CORE, "julia/1.10.0"), (GCC, "openblas/0.3.26"),
    (MPI, "wrf/4.5.2"), (CORE, "go/1.21.6"), (MPI, "cp2k/2024.1"), (GCC, "bwa/0.7.17"),
    (MPI, "parallel-netcdf/1.12.3"), (CORE, "nano/7.2"), (INTEL, "netcdf/4.9.2"),
    (MPI, "hypre/2.31.0"), (GCC, "eigen/3.4.0"), (CORE, "valgrind/3.22.0"),
    (MPI, "lammps/20220623"), (GCC, "bedtools/2.31.1"), (MPI, "trilinos/15.0.0"),
    (CORE, "apptainer/1.2.5"), (GCC, "metis/5.1.0"), (MPI, "scotch/7.0.4"),
    (CORE, "rust/1.75.0"), (GCC, "gdal/3.8.3"), (MPI, "elpa/2023.11"),
    (GCC, "bowtie2/2.5.3"), (CORE, "perl/5.38.2"), (MPI, "gromacs/2023.4"),
    (GCC, "R/4.2.3"), (MPI, "paraview/5.12.0"), (CORE, "ffmpeg/6.1"),
    (GCC, "fastqc/0.12.1"), (MPI, "sundials/6.7.0"), (CORE, "gnuplot/5.4.10"),
    (INTEL, "vasp/6.4.2"), (GCC, "proj/9.3.1"), (MPI, "mumps/5.6.2"),
    (CORE, "nodejs/20.11.0"), (GCC, "salmon/1.10.2"), (MPI, "dealii/9.5.2"),
    (CORE, "texlive/2023"), (GCC, "boost/1.76.0"), (MPI, "plumed/2.9.0"),
    (CORE, "tmux/3.4"), (GCC, "gsl/2.6"), (MPI, "ior/4.0.0"), (CORE, "java/17.0.9"),
    (GCC, "fftw2/2.1.5"), (MPI, "fftw2/2.1.5"), (CORE, "matlab/2021a"),
    (CORE, "pytorch/2.2.0"), (CORE, "cuda/10.2"), (GCC, "octave/8.4.0"),
)  # fmt: skip

# Installed, and loaded by nobody.
NEVER_LOADED = (
    (CORE, "gcc/9.5.0"), (CORE, "python/2.7.18"), (GCC, "hdf5/1.8.23"),
    (GCC, "root/6.30.02"), (MPI, "nwchem/7.2.2"), (INTEL, "siesta/4.1.5"),
)  # fmt: skip
