--------------------------------------------------------------------------
-- Module of XALT for Lmod: what is linked and run is recorded from here on.
--
-- Where it goes: in a directory of MODULEPATH, named by XALT's version, for
-- instance /apps/modulefiles/xalt/3.2.lua; for everyone, in the modules that
-- a login loads (LMOD_SYSTEM_DEFAULT_MODULES).
-- What to change: the settings below.
-- Check it: module load xalt; module show xalt; ls <the month's directory>
--
-- The records go to a directory of each month, which must be there before
-- the month begins, writable for everyone (mode 1777): cron.d-xaltload makes
-- it. XALT's own filters (its site configuration) say which nodes and which
-- programs are recorded.
--------------------------------------------------------------------------

-- Settings --------------------------------------------------------------

-- Where XALT is installed: the directory that holds bin, lib64, etc.
local base     = "/apps/xalt/xalt"

-- Where records go; the same as XALT_PREFIX in xalt-epilog.sh.
local records  = "/data/xalt/json"

-- The part of the installation for programs of 64 bit.
local library  = "lib64/libxalt_init.so"

--------------------------------------------------------------------------

local programs = pathJoin(base, "bin")
local preload  = pathJoin(base, library)

help([[XALT records which executables and libraries are used on this machine.

No output of a program is recorded, nor its input. The module is sticky:
   module --force unload xalt
turns it off.]])

whatis("Name: XALT")
whatis("Category: tools")
whatis("Description: records which executables and libraries are used")

-- `module purge` leaves it loaded.
add_property("lmod", "sticky")

-- A library that is named but missing makes every program complain: a node
-- without it is left alone.
if (mode() == "load" and not isFile(preload)) then
   LmodMessage("xalt: ", preload, " is missing on this node: nothing is recorded.")
   return
end

setenv("XALT_DIR", base)
setenv("XALT_ETC_DIR", pathJoin(base, "etc"))

-- Executables -----------------------------------------------------------

setenv("XALT_EXECUTABLE_TRACKING", "yes")
prepend_path("LD_PRELOAD", preload)

-- A shell that lives over the end of a month goes on in the old directory.
setenv("XALT_FILE_PREFIX", pathJoin(records, os.date("%Y%m")))

-- Links -----------------------------------------------------------------

-- XALT's ld comes before the real one in PATH, whatever is loaded later, and
-- for compilers that look elsewhere first.
prepend_path{"PATH", programs, priority = 100}
prepend_path("COMPILER_PATH", programs)

-- Imports of Python (sitecustomize.py) ----------------------------------

prepend_path("PYTHONPATH", pathJoin(base, "site_packages"))

-- Programs in containers ------------------------------------------------

-- prepend_path{"SINGULARITY_BINDPATH", base, delim = ","}
-- prepend_path("SINGULARITYENV_LD_PRELOAD", preload)
-- prepend_path{"APPTAINER_BINDPATH", base, delim = ","}
-- prepend_path("APPTAINERENV_LD_PRELOAD", preload)

-- Options ---------------------------------------------------------------

-- A record at the start of every program, not of large MPI programs only: a
-- program that is killed is then known too, and xalt-epilog.sh can tell its
-- job. Twice the records. (NCSA's version of XALT.)
-- setenv("XALT_ALWAYS_CREATE_START", "yes")

-- The end record is also written when a signal (TERM at a time limit) ends
-- the program. See also xalt-ood-traps.sh.
-- setenv("XALT_SIGNAL_HANDLER", "yes")

-- Short programs are kept by chance only, by the intervals of the site
-- configuration; without it all are.
-- setenv("XALT_SAMPLING", "yes")

-- What XALT does, told on stderr: to look for faults, by hand.
-- setenv("XALT_TRACING", "yes")
