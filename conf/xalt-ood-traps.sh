# shellcheck shell=bash
# For batch scripts of Open OnDemand: when the job's time is over, let the service (Jupyter, RStudio
# ...) end in order, so that XALT writes its end record, and save the package records.
#
# Without it the service is killed, only the start record exists, and the pkg records that XALT
# keeps in the node's memory go with the job.
#
# Where it goes: on every compute node, for instance as /etc/hpcusage/xalt-ood-traps.sh (mode 0644).
# What to change: nothing here. The settings below can be set before this file is sourced.
# Needs: bash 4.4, coreutils, pgrep.
#
# Open OnDemand: one minute before the end the batch shell gets a signal (submit.yml.erb), and reads
# this file first (the cluster's file in clusters.d, or header in submit.yml.erb):
#     script:
#       native: ["--signal=B:TERM@60"]
#     batch_connect:
#       basic:
#         script_wrapper: |
#           source /etc/hpcusage/xalt-ood-traps.sh
#           %s
#
# Any other batch script (with the service in the foreground bash would not handle the signal):
#     #SBATCH --signal=B:TERM@60
#     source /etc/hpcusage/xalt-ood-traps.sh
#     xalt_run_service jupyter-server --no-browser
#
# It replaces traps for TERM and USR2 that were set before. It sees the user's own files only.

# Settings -------------------------------------------------------------------

# The signal that the service gets: TERM, at which services end in order (XALT_SIGNAL_HANDLER=yes is
# for those that do not), or USR2 for an XALT that handles that one.
: "${XALT_FORWARD_SIGNAL:=TERM}"

# How long to wait for the service to end: well under the time of --signal.
: "${XALT_FORWARD_SECONDS:=40}"

# Where XALT was built to keep records of running programs (--with-tmpdir).
: "${XALT_TMPDIR:=/dev/shm}"

# Where the records go: where the job's other records go, which is the month's directory if the
# module of xalt.lua is loaded; else this directory and the month.
: "${XALT_PREFIX:=/data/xalt/json}"

: "${XALT_MAX_FILES:=20000}"
: "${XALT_MAX_BYTES:=65536}"

# ----------------------------------------------------------------------------

# Tell whether a path is a directory of this user, and no link to one.
xalt_is_own_directory() {
  [[ -d $1 && ! -L $1 && -O $1 ]]
}

# Tell whether a process runs; one that has ended and was not asked for its status does not.
xalt_is_running() {
  local stat=""
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null
  stat=${stat##*) }
  [[ -n $stat && $stat != [ZX]* ]]
}

# Print the processes below one that are services: the first in each branch that is no shell.
# What a service started itself (Jupyter its kernels), it ends itself.
xalt_services_below() {
  local child program
  for child in $(pgrep -P "$1"); do
    ((child != BASHPID)) || continue # the shell that asks
    program=$(readlink "/proc/$child/exe") # none is told of a set-user-id program: a service
    case ${program##*/} in
      bash | sh | dash | ksh* | mksh | zsh* | tcsh | csh | busybox) xalt_services_below "$child" ;;
      *) printf '%s\n' "$child" ;;
    esac
  done
}

# Send the signal on to the service, and wait for its end.
xalt_forward_signal() {
  local pid end=$((SECONDS + XALT_FORWARD_SECONDS))
  local -a services=()
  mapfile -t services < <(xalt_services_below "${xalt_service_pid:-$$}")
  [[ -z ${xalt_service_pid:-} ]] || services+=("$xalt_service_pid")
  ((${#services[@]})) || return 0
  kill -s "$XALT_FORWARD_SIGNAL" -- "${services[@]}" 2>/dev/null || :
  for pid in "${services[@]}"; do
    while ((SECONDS < end)) && xalt_is_running "$pid"; do
      sleep 0.2
    done
  done
  return 0
}

# Copy the records of one program; half a file never has a name that a loader takes. The originals
# stay: a program that still runs moves them itself, and records that come twice are known.
xalt_copy_directory() {
  local source=$1 target=$2 file name
  local -a files=()
  mapfile -d '' -t -n "$XALT_MAX_FILES" files < <(
    find "$source" -maxdepth 1 -type f -uid "$UID" -name 'pkg.*.json' \
      -size "-$((XALT_MAX_BYTES + 1))c" -print0
  )
  ((${#files[@]})) || return 0
  mkdir -- "$target" 2>/dev/null
  xalt_is_own_directory "$target" || return 1
  for file in "${files[@]}"; do
    name=${file##*/}
    cp --no-dereference --preserve=timestamps -- "$file" "$target/.$name.new" &&
      mv -f -T -- "$target/.$name.new" "$target/$name" || return 1
  done
} 2>/dev/null

# Copy this job's staged records, of programs that were not there before, to the month's directory.
xalt_save_records() {
  local source target=${XALT_FILE_PREFIX:-$XALT_PREFIX/$(date +%Y%m)}
  for source in "$XALT_TMPDIR"/XALT_pkg_*; do
    [[ -z ${xalt_staged_before[$source]:-} ]] || continue
    xalt_is_own_directory "$source" || continue
    xalt_copy_directory "$source" "$target/${source##*/}" ||
      printf 'xalt: cannot save all of %s in %s\n' "$source" "$target" >&2
  done
  return 0
}

xalt_on_signal() {
  xalt_signalled=yes
  xalt_forward_signal
  xalt_save_records
}

# Run a command so that signals reach it, and return its exit code.
xalt_run_service() {
  local status
  "$@" &
  xalt_service_pid=$!
  # A signal ends `wait` early; the exit code of the service comes from the next one.
  while :; do
    status=0 xalt_signalled=""
    wait "$xalt_service_pid" || status=$?
    [[ -n $xalt_signalled ]] || xalt_is_running "$xalt_service_pid" || break
  done
  xalt_service_pid=""
  return "$status"
}

# Mark what other jobs of the user have staged already.
declare -gA xalt_staged_before=()
for xalt_path in "$XALT_TMPDIR"/XALT_pkg_*; do
  xalt_staged_before[$xalt_path]=yes
done
unset xalt_path

trap xalt_on_signal TERM USR2
