"""The module files of a release, for Lmod and for Tcl modules; and what a shell needs instead."""

from prefix import home_of

HELP = "Commands that tell what the users of this cluster really run: epmt, userportal and others."
LMOD = """\
-- hpcusage {version}; written by its installer.
help([[{help}
man epmt, man store_module_data and so on tell more.]])
whatis("Name: hpcusage")
whatis("Version: {version}")
whatis("Description: {help}")
conflict("hpcusage")
prepend_path("PATH", "{home}/commands")
-- The settings of epmt, where the site has put them beside the installation.
if (isFile("{prefix}/conf/epmt.ini")) then
   setenv("EPMT_SETTINGS", "{prefix}/conf/epmt.ini")
end
"""
TCL = """\
#%Module1.0
# hpcusage {version}; written by its installer.
proc ModulesHelp {{ }} {{
    puts stderr "{help}"
}}
module-whatis "{help}"
conflict hpcusage
prepend-path PATH {home}/commands
# The settings of epmt, where the site has put them beside the installation.
if {{[file exists {prefix}/conf/epmt.ini]}} {{
    setenv EPMT_SETTINGS {prefix}/conf/epmt.ini
}}
"""
FINAL = """\
***********************************************************************
Installation successful.
hpcusage {version} is installed in: {prefix}

Please add {prefix}/bin to PATH:

For bash, sh, zsh:
    export PATH="{prefix}/bin:$PATH"

Or, for csh, tcsh:
    setenv PATH "{prefix}/bin:$PATH"

If you prefer using modules, you can instead do:
    module use {prefix}/modulefiles
    module load hpcusage

Files to copy (Slurm, cron, systemd, Lmod): {prefix}/conf
To remove all of it: {prefix}/bin/hpcusage-uninstall
***********************************************************************
"""


def names(version):
    """Return the paths of the module files of a release, below the install directory."""
    return ["modulefiles/hpcusage/" + version + end for end in ("", ".lua")]


def write(prefix, version):
    """Write the module files of a release."""
    values = {"prefix": prefix, "version": version, "home": home_of(prefix, version),
              "help": HELP}  # fmt: skip
    for name, text in zip(names(version), (TCL, LMOD)):
        path = prefix / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(text.format(**values))
        path.chmod(0o644)


def final_text(prefix, version):
    """Return what the installer says at its end."""
    return FINAL.format(prefix=prefix, version=version)
