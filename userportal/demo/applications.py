"""The programs that the made-up people run: paths, modules, libraries, and lines of a script."""

import dataclasses

SOFTWARE = "/cvmfs/soft.example.org/x86-64-v3"


@dataclasses.dataclass(frozen=True)
class Application:
    """A program as a job runs it."""

    name: str
    executable: str
    modules: tuple
    command: str  # the line of the script; {cores} is replaced
    before: tuple = ()  # lines before it
    libraries: tuple = ()
    packages: tuple = ()  # (name, version) that the interpreter imports
    helper: str = ""  # a second executable, which takes a small share of the time


def _application(name, program, modules, command, **more):
    path = program if program.startswith("/") else f"{SOFTWARE}/{modules[-1]}/bin/{program}"
    return Application(name, path, modules, command, **more)


MPI = ("gcc/12.3", "openmpi/4.1.5")
BLAS = f"{SOFTWARE}/flexiblas/3.3.1/lib/libflexiblas.so.3"
LIBMPI = f"{SOFTWARE}/openmpi/4.1.5/lib/libmpi.so.40"
CUDART = f"{SOFTWARE}/cuda/12.2/lib64/libcudart.so.12"
APPLICATIONS = {
    one.name: one
    for one in (
        _application(
            "gromacs", "gmx_mpi", (*MPI, "gromacs/2024.4"),
            "srun gmx_mpi mdrun -deffnm md -maxh 20", libraries=(LIBMPI, BLAS),
        ),
        _application(
            "gromacs_by_hand", "gmx", ("gcc/12.3", "gromacs/2024.4"),
            "gmx mdrun -nt 4 -deffnm md", before=("gmx grompp -f md.mdp -o md.tpr",),
            libraries=(BLAS,),
        ),
        _application(
            "lammps", "lmp", (*MPI, "lammps-omp/20240829"), "srun lmp -in melt.in",
            libraries=(LIBMPI,),
        ),
        _application(
            "lammps_without_srun", "lmp", (*MPI, "lammps-omp/20240829"), "lmp -in melt.in",
            libraries=(LIBMPI,),
        ),
        _application(
            "ocean", "/home/shared/models/ocean-5.2/bin/ocean.exe", (*MPI, "netcdf/4.9.2"),
            "srun ./ocean.exe namelist.nml", libraries=(LIBMPI,),
        ),
        _application(
            "r", "Rscript", ("gcc/12.3", "r/4.4.0"), "Rscript fit_models.R", libraries=(BLAS,),
            packages=(("Matrix", "1.7-0"), ("data.table", "1.15.4")),
        ),
        _application(
            "python", "python3.11", ("gcc/12.3", "python/3.11.5"),
            "python analyse.py --jobs {cores}", before=("source env/bin/activate",),
            libraries=(BLAS,),
            packages=(("numpy", "1.26.4"), ("pandas", "2.2.1"), ("scipy", "1.12.0")),
        ),
        _application(
            "python_conda", "/home/shared/miniforge/bin/python3.11", ("gcc/12.3",),
            "python analyse.py", before=("conda activate work", "sleep 60"),
            packages=(("numpy", "2.0.1"), ("polars", "1.4.0")),
        ),
        _application(
            "blast", "blastp", ("gcc/12.3", "blast+/2.14.1"),
            "blastp -query part_${{SLURM_ARRAY_TASK_ID}}.fa -db nr -num_threads {cores}",
        ),
        _application(
            "assembly", "spades-core", ("gcc/12.3", "spades/4.0.0"),
            "spades.py -t {cores} -o out reads.fq.gz", helper="/usr/bin/gzip",
        ),
        _application(
            "pytorch", "python3.11", ("cuda/12.2", "python/3.11.5"),
            "srun python train.py --epochs 90", before=("source env/bin/activate",),
            libraries=(CUDART,), packages=(("torch", "2.3.0"), ("numpy", "1.26.4")),
        ),
        _application(
            "amber", "pmemd.cuda", ("cuda/12.2", "ambertools/23.5", "amber/22.5"),
            "pmemd.cuda -O -i prod.in -o prod.out", libraries=(CUDART,),
        ),
        _application(
            "amber_on_cores", "pmemd.MPI", ("cuda/12.2", "ambertools/23.5", "amber/22.5"),
            "srun pmemd.MPI -O -i prod.in -o prod.out", libraries=(LIBMPI,),
        ),
    )
}  # fmt: skip
# Modules that a person loads at a login node, and others that nobody ever does.
LOGIN_MODULES = ("gcc/12.3", "cmake/3.27.7", "git-annex/10.20231129", "python/3.11.5")
UNUSED_MODULES = ("perl/5.16.3", "octave/6.1.0")
