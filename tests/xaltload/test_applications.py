"""An executable has the code of the first pattern that its name matches, in any spelling."""

import importlib.util
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CHECKOUT
from usagedb import errors
from xaltload.applications import (
    NameMap,
    has_branches,
    read_entries,
    read_name_map,
    shipped_map_path,
)

APPLICATIONS = CHECKOUT.parent / "shared" / "reference" / "xalt-applications.txt"
SHIPPED = read_name_map(shipped_map_path())
ENTRIES = read_entries(shipped_map_path())

# What the executables of these codes are called. Every pattern that does not match the code's own
# name has at least one here.
EXECUTABLES = {
    "a.out*": "a.out A.OUT",
    "number.sh@": "7.sh 0042.sh",
    "Unknown_number_pair.sh@": "12_3.sh",
    "Python*": "python python2.7 python3 python3.9 python3.6m python3.13t pythonw",
    "Rstats*": "R Rscript",
    "Matlab*": "MATLAB matlab",
    "Mathematica*": "Mathematica MathKernel WolframKernel wolfram wolframscript",
    "ncl_ncarg*": "ncl",
    "Paraview*": "paraview pvserver pvbatch pvpython",
    "Splotch*": "Splotch5-generic Splotch6-cuda",
    "Amber*": "pmemd pmemd.MPI pmemd.cuda_SPFP.MPI sander sander.LES gem.pmemd cpptraj.OMP",
    "CHARMM*": "charmm charmm.exe",
    "CoMD*": "CoMD-mpi CoMD-openmp",
    "DL_POLY*": "DLPOLY.Z dl_poly.z DL_POLY_4",
    "Gromacs*": "gmx gmx_mpi gmx_mpi_d mdrun mdrun_mpi mdrun_d grompp",
    "LAMMPS*": "lmp lmp_mpi lmp_birch LMP_intel_cpu lammps lammps-daily",
    "NAMD*": "namd2 namd3 NAMD_2.14",
    "Abinit*": "abinit abinit-9.4 anaddb mrgddb",
    "ADF*": "adf.exe ams.exe band.exe",
    "BerkeleyGW*": "epsilon.cplx.x sigma.real.x kernel.cplx.x absorption.real.x",
    "cp2k*": "cp2k_shell.psmp",
    "CP2K*": "cp2k cp2k.popt cp2k.psmp cp2k.ssmp",
    "CPMD*": "cpmd.x",
    "Gaussian*": "g09 g16 g03 l502.exe l9999.exe l1002.exel",
    "NWChem*": "nwchem nwchem_openib",
    "Octopus*": "octopus octopus_mpi oct-propagation_spectrum",
    "OPENMX*": "openmx",
    "PARSEC*": "parsec.mpi",
    "QCHEM*": "qchem qcprog.exe_s",
    "QE*": "pw.x ph.x cp.x neb.x projwfc.x pw2wannier90.x turbo_lanczos.x",
    "Siesta*": "siesta transiesta tbtrans",
    "VASP*": "vasp vasp_std vasp_gam vasp_ncl vasp.5.4.4 vasp5 vaspstd VASP_gpu",
    "MEME*": "meme meme-chip",
    "mpiblast*": "mpiblast mpiformatdb",
    "Relion*": "relion_refine_mpi",
    "Rosetta*": "rosetta_scripts.mpi.linuxgccrelease AbinitioRelax.linuxiccrelease",
    "ADCIRC*": "adcirc padcirc padcswan adcprep",
    "ARPS*": "arps arps_mpi arpsenkf",
    "CAMx*": "CAMx.v7.10.MPICH3.NCF4.ifort",
    "CESM*": "cesm.exe ccsm.exe cesm1_2",
    "CMAQ_CCTM*": "CCTM_v533.exe CCTM_D502a_Linux2_x86_64intel",
    "run.cctm@": "run.cctm run.cctm.v5",
    "run.ddm@": "run.ddm",
    "coawst*": "coawstM coawstG",
    "EnKF*": "enkf.x enkf_wrf.x",
    "FVCOM*": "fvcom fvcom_v4.3",
    "MITGCM*": "mitgcmuv",
    "ocean*": "oceanM oceanS",
    "SAM_ADV*": "SAM_ADV_MPDATA_SGS_TKE_RAD_CAM_MICRO_SAM1MOM",
    "WPS*": "geogrid.exe metgrid.exe ungrib.exe",
    "WRF*": "wrf.exe real.exe ndown.exe wrf_4.5",
    "CitcomS*": "CitcomSFull CitcomSRegional",
    "citcom*": "citcom.mpi",
    "SeisSol*": "SeisSol_Release_dhsw_4_elastic",
    "SpecFEM3D*": "xspecfem3D xmeshfem3D xgenerate_databases",
    "AHF-v1.0*": "AHF AHF-v1.0-084",
    "athena*": "athena athena++",
    "Cactus*": "cactus_sim",
    "CHIMERA*": "chimera",
    "ENZO*": "enzo enzo.exe",
    "epoch*": "epoch1d epoch2d epoch3d",
    "Flash3*": "flash3",
    "Flash4*": "flash4 flash4_sedov",
    "Gadget*": "Gadget2 P-Gadget3 MP-Gadget lgadget2",
    "ramses*": "ramses3d ramses1d",
    "vlpl*": "vlpl3d",
    "ks_spectrum*": "ks_spectrum_hisq",
    "MILC*": "su3_rhmd_hisq ks_imp_rhmc",
    "ablDyM*": "windABLDyM ablDyMFoam",
    "buoyantBoussines*": "buoyantBoussinesqPimpleFoam",
    "fdtd-engine*": "fdtd-engine-mpich2nem fdtd-engine-ompi-lcl",
    "laminarSMOKE*": "laminarSMOKE laminarPimpleSMOKE",
    "MEEP*": "meep meep-mpi",
    "NEKTAR*": "nektar IncNavierStokesSolver ADRSolver-rg",
    "OpenSees*": "OpenSees OpenSeesMP OpenSeesSP",
    "Uintah*": "sus",
    "OpenFOAM*": "simpleFoam icoFoam rhoCentralFoam my_pimpleFoam foamRun foamToVTK"
    " blockMesh snappyHexMesh decomposePar reconstructPar",
    "Graph500*": "graph500_reference_bfs",
    "himeno*": "himenoBMTxps",
    "HOPSPACK*": "HOPSPACK_main_mpi",
    "HPCG*": "xhpcg xhpcg_skx",
    "hpctoolkit*": "hpcrun hpcstruct hpcprof-mpi",
    "HPL*": "xhpl xhpl_intel64_static",
    "IMB*": "IMB-MPI1 IMB-NBC",
    "LULESH*": "lulesh2.0",
    "sp-mz*": "sp-mz.C.16",
}
PAIRS = [(name, code) for code, names in EXECUTABLES.items() for name in names.split()]


def name_map(*entries):
    return NameMap([(code, re.compile(pattern)) for code, pattern in entries])


@pytest.fixture
def read(tmp_path):
    """A function that reads a file with this text as a name map."""

    def read(text):
        path = tmp_path / "names"
        path.write_text(text)
        return read_name_map(path)

    return read


def test_the_first_pattern_that_matches_wins(read):
    found = read("exact* ^lmp_mpi$\nfamily* ^lmp\nany* mpi\nnever* ^lmp_\n")
    names = ("lmp_mpi", "lmp_serial", "my_mpi", "other")
    assert [found.code_of(name) for name in names] == ["exact*", "family*", "any*", "other"]


def test_only_the_base_name_counts():
    found = name_map(("A*", "apps"), ("B*", "^b"))
    codes = [found.code_of(path) for path in ("/apps/b1", "/apps/x", "b", "/apps/b/", "")]
    assert codes == ["B*", "x", "B*", "", ""]


def test_a_name_is_matched_in_lower_case_and_kept_in_its_own():
    found = name_map(("VASP*", "^vasp_std$"))
    assert found.code_of("/home/otter/VASP_Std") == "VASP*"
    assert found.code_of("/home/otter/MyVASP_Std") == "MyVASP_Std"


def test_only_ascii_is_lowered():
    assert name_map(("A*", "^ä$"), ("K*", "^k$")).code_of("Ä") == "Ä"
    assert name_map(("A*", "^Ä$"), ("K*", "^k$")).code_of("Ä") == "A*"


def test_comments_blanks_and_tabs_are_no_part_of_an_entry(read):
    found = read("# A* ^a\n\n  \t\n  # B* ^b\n\tC*\t \t^c d$  \r\n")
    assert [found.code_of(name) for name in ("a", "b", "c d", "c")] == ["a", "b", "C*", "c"]


@pytest.mark.parametrize("name, code", PAIRS)
def test_the_shipped_map_knows_the_names_of_executables(name, code):
    assert SHIPPED.code_of(f"/home/otter/bin/{name}") == code


@pytest.mark.parametrize(
    "name",
    [
        "hfss", "hfold", "final.exe", "finite", "sustain", "susc", "realpath", "real.exe.old",
        "gadgetron", "foam", "foamy", "styrofoamer", "vaspkit", "vasprun", "wrfinput", "damask",
        "python3-config", "pythia8", "rsync", "rm", "R.sh", "l502.executable", "linux.exe",
        "g1", "g++", "gmxapi", "oceanographer", "spmvx", "lzma", "mcmcfit", "validate", "charmrun",
        "abinitio", "cp", "cp.xx", "chromatic", "chrome", "octave", "cesmer", "hpcrunner",
        "hplot", "arpspoof", "12.shx", "a12.sh", "a.out.old", "memex", "epochs", "flash", "flash5",
        "matlabel", "namdplot", "lammpsx", "imbalance", "spacings", "v140", "mdrunner", "orca",
    ],
)  # fmt: skip
def test_the_shipped_map_leaves_other_names_alone(name):
    assert SHIPPED.code_of(f"/usr/bin/{name}") == name


def first_entry(name):
    """Return the number of the first entry that matches, without any of the map's short cuts."""
    lowered = name.lower()
    numbers = (number for number, (_, found) in enumerate(ENTRIES) if found.search(lowered))
    return next(numbers, None)


def test_every_entry_of_the_shipped_map_is_reached():
    examples = [name for name, _code in PAIRS] + [code[:-1] for code, _pattern in ENTRIES]
    reached = {first_entry(name) for name in examples}
    hidden = [entry for number, entry in enumerate(ENTRIES) if number not in reached]
    assert hidden == []


def test_every_code_of_the_shipped_map_tells_that_it_was_mapped():
    codes = {code for code, _pattern in ENTRIES}
    assert {code[-1] for code in codes} == {"*", "@"}
    assert {"number.sh@", "Unknown_number_pair.sh@"} <= codes


def test_the_shipped_map_has_all_applications_that_sites_recognise():
    if not APPLICATIONS.exists():
        pytest.skip("the list of applications is not beside the checkout")
    lines = APPLICATIONS.read_text(encoding="utf-8").splitlines()
    wanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    assert wanted == {code[:-1] for code, _pattern in ENTRIES}


def test_the_shipped_map_is_found_installed_and_in_a_bare_clone(monkeypatch):
    assert shipped_map_path().is_file()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert shipped_map_path() == CHECKOUT / "conf" / "xalt-applications.conf"


@pytest.mark.parametrize(
    "line, reason",
    [
        ("LAMMPS*", "'LAMMPS*' has no pattern"),
        ("LAMMPS* *lmp", "'*lmp' is no regular expression"),
        ("LAMMPS* ^lmp(", "'^lmp(' is no regular expression"),
        ("LAMMPS* a{99999999999999999999}", "is no regular expression"),
        ("LAMMPS* ^LMP", "'^LMP' has a capital"),
        ("LAMMPS* ^lmp[A-Z]", "has a capital"),
        ("LAMMPS* ^lmp\\\\S", "has a capital"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_line(read, line, reason):
    with pytest.raises(errors.ConfigurationError, match=r"names:3: ") as caught:
        read(f"# codes\nA* ^a\n{line}\n")
    assert reason in str(caught.value)


def test_capitals_that_are_escapes_or_names_of_groups_are_allowed(read):
    found = read("A* ^a\\S\\D\\W\\Z\nB* ^(?P<Twice>b)(?P=Twice)$\n")
    assert [found.code_of(name) for name in ("AB-+", "bb", "b")] == ["A*", "B*", "b"]


def test_a_file_that_cannot_be_read_is_missing_input(tmp_path):
    (tmp_path / "latin").write_bytes(b"caf\xe9* ^caf\n")
    for name in ("none", "", "latin"):
        with pytest.raises(errors.MissingInputError, match="cannot read"):
            read_name_map(tmp_path / name)


def test_a_map_without_entries_knows_no_code(read):
    assert read("# nothing\n").code_of("/bin/lmp") == "lmp"


@given(st.text() | st.text(alphabet=st.characters(), max_size=20))
def test_any_text_has_a_code(text):
    assert isinstance(SHIPPED.code_of(text), str)


@pytest.mark.parametrize(
    "pattern, branches",
    [
        ("^a|b", True), ("^(a|b)", False), ("^a(b|(c|d))e|f", True), (r"^a\|b", False),
        ("^a[|]b", False), ("^a[]|]b", False), ("^a[^]|]b", False), (r"^a[\]|]b", False),
        (r"^a\(b|c\)", True), ("^a[(]b|c[)]", True), ("^((a|b)|(c|d))$", False),
    ],
)  # fmt: skip
def test_a_branch_is_seen_outside_of_groups_only(pattern, branches):
    assert has_branches(pattern) is branches


PIECES = st.sampled_from(["^", "a", "b", "_", "?", "*", "|", "(a|b)", "[ab|]", r"\|", "$", "{2}"])


def is_pattern(text):
    try:
        return bool(re.compile(text))
    except re.error:
        return False


@given(
    st.lists(st.lists(PIECES, min_size=1).map("".join).filter(is_pattern), max_size=5),
    st.lists(st.text(alphabet="abAB_|", max_size=6), max_size=10),
)
def test_no_short_cut_changes_the_first_match(patterns, names):
    found = name_map(*((f"{number}*", pattern) for number, pattern in enumerate(patterns)))
    for name in names:
        matching = (
            f"{number}*"
            for number, pattern in enumerate(patterns)
            if re.search(pattern, name.lower())
        )
        assert found.code_of(name) == next(matching, name)
