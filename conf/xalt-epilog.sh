#!/bin/bash
# Slurm epilog: save the package records of XALT that the ending job left in the node's memory.
#
# XALT keeps the pkg records of a running program in <XALT_TMPDIR>/XALT_pkg_<run_uuid>/ and moves
# them when the program ends by itself. After a time limit, a crash or a kill they are still there:
# this script moves them to <XALT_PREFIX>/<YYYYMM>/XALT_pkg_<run_uuid>/, where loaders find them.
#
# Where it goes: on every compute node, for instance as /etc/slurm/xalt-epilog.sh (owner root, mode
#   0755), named by Epilog in slurm.conf or called by the site's own epilog, in any case BEFORE what
#   cleans /dev/shm.
# What to change: nothing here. The settings below are taken from XALT_EPILOG_CONF, else from the
#   environment; that file holds lines such as XALT_PREFIX=/data/xalt/json
# Needs: bash 4.4, coreutils, findutils, util-linux (setpriv), grep, sed; squeue if it is there.
#   Not for jobs that have a /dev/shm of their own (job_container/tmpfs): it is gone by now. There
#   xalt-ood-traps.sh, inside the job, is the way.
# Check it, as root: SLURM_JOB_ID=1 SLURM_JOB_UID=<uid> /etc/slurm/xalt-epilog.sh
#   It says nothing on a terminal: journalctl -t xalt-epilog
#
# Which directories are the ending job's? A name holds no job, only a program's uuid. If the user
# has no other job on this node, all of that user's are. Otherwise those are whose start record
# (run.*.aaa.<run_uuid>.json, see XALT_ALWAYS_CREATE_START in xalt.lua) names this job. What cannot
# be told stays until a job of the user ends that is the last one on the node; of two jobs that end
# at the same moment neither may be that.
#
# All of this may have been prepared by a user, so with root's rights nothing is done but asking and
# making the month's directory: the rest runs as the job's owner. Links and FIFOs are passed over.

# Whatever happens: another status than 0 would drain the node.
trap 'exit 0' EXIT

PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin # Slurm gives none
export PATH LC_ALL=C
umask 022
cd / || exit

# Settings -------------------------------------------------------------------

: "${XALT_EPILOG_CONF:=/etc/hpcusage/xalt-epilog.conf}"
# shellcheck source=/dev/null
[[ ! -r $XALT_EPILOG_CONF ]] || . "$XALT_EPILOG_CONF"

# Where the directories of the months are: XALT_FILE_PREFIX of xalt.lua without the month.
: "${XALT_PREFIX:=/data/xalt/json}"

# Where XALT was built to keep records of running programs (--with-tmpdir).
: "${XALT_TMPDIR:=/dev/shm}"

# How to learn of the user's other jobs on this node: squeue (asked only if there is something to
# save); processes (are any of the user's left?), for sites that want no Slurm command in an epilog;
# records (not at all: start records only, which is also what happens if squeue does not answer).
: "${XALT_OTHER_JOBS:=squeue}"
: "${XALT_SQUEUE:=squeue}"

# Bounds: directories and files of one epilog, bytes of a file, and seconds (some 300 files each).
: "${XALT_MAX_DIRECTORIES:=1000}"
: "${XALT_MAX_FILES:=20000}"
: "${XALT_MAX_BYTES:=65536}"
: "${XALT_MAX_SECONDS:=60}"
: "${XALT_SQUEUE_SECONDS:=15}"

# What the system log gets: tag, priority, and at most so many lines.
: "${XALT_LOG_TAG:=xalt-epilog}"
: "${XALT_LOG_PRIORITY:=daemon.warning}"
: "${XALT_LOG_LINES:=20}"

# ----------------------------------------------------------------------------

readonly UUID='[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

# Say what went wrong, on stderr, which leads to the system log.
say() {
  printf 'job %s: %s\n' "$JOB_ID" "$*" >&2
}

# With the rights of the job's owner -------------------------------------------

# Tell whether a path is a directory of the job's owner, and no link to one.
is_own_directory() {
  [[ -d $1 && ! -L $1 && -O $1 ]]
}

# Print those of some names of directories whose program was started by this job.
# The start records are in the month's directory or, where the job began earlier, in the one before.
names_of_job() {
  local name
  local -a wanted=(-false)
  for name; do
    wanted+=(-o -name "run.*.aaa.${name#XALT_pkg_}.json")
  done
  find "$MONTH" "$PREVIOUS_MONTH" -maxdepth 3 \
    \( -type d -name 'XALT_pkg_*' -prune \) \
    -o \( -type f -uid "$OWNER" \( "${wanted[@]}" \) -print0 \) 2>/dev/null |
    xargs -0 -r grep -l -s -F -e "\"job_id\":\"$JOB_ID\"" -- |
    sed -n -E "s/.*\.aaa\.($UUID)\.json\$/XALT_pkg_\1/p"
}

# Copy one file under a name that no loader takes, then give it its own: none sees half a file.
copy_file() {
  local file=$1 target=$2 name=${1##*/}
  if cp --no-dereference --preserve=timestamps -- "$file" "$target/.$name.new" &&
    mv -f -T -- "$target/.$name.new" "$target/$name"; then
    return 0
  fi
  rm -f -- "$target/.$name.new"
  return 1
} 2>/dev/null

# Move the records of one program; of the originals only those go whose copies are complete.
save_directory() {
  local source=$1 target=$2 file
  local -a files copied=()
  [[ -e $source || -L $source ]] || return 0 # its program was quicker
  is_own_directory "$source" || return 1
  mapfile -d '' -t -n "$FILES_LEFT" files < <(
    find "$source" -maxdepth 1 -type f -uid "$OWNER" -name 'pkg.*.json' \
      -size "-$((MAX_BYTES + 1))c" -print0
  )
  if ((${#files[@]})); then
    mkdir -m 0755 -- "$target" 2>/dev/null
    is_own_directory "$target" || return 1
  fi
  for file in "${files[@]}"; do
    copy_file "$file" "$target" || break
    copied+=("$file")
  done
  FILES_LEFT=$((FILES_LEFT - ${#copied[@]}))
  ((${#copied[@]} == 0)) || printf '%s\0' "${copied[@]}" | xargs -0 rm -f --
  rmdir -- "$source"
} 2>/dev/null

# Move the records of some programs, named by their directories.
save_directories() {
  local name
  for name; do
    # 0 would be no bound at all for mapfile.
    ((FILES_LEFT > 0)) || { say "more than $XALT_MAX_FILES files: the rest stays"; return; }
    save_directory "$XALT_TMPDIR/$name" "$MONTH/$name" || say "$name: not all of it could be saved"
  done
}

# Run one of the functions above as the job's owner, bounded in time, with nothing of root's
# environment. It is handed over as text, so that the owner need not be able to read this file.
as_owner() {
  local -a drop=() settings
  ((EUID != 0)) ||
    drop=(setpriv --reuid "$OWNER" --regid "$GROUP" --clear-groups --inh-caps=-all --)
  settings=(
    PATH="$PATH" LC_ALL=C UUID="$UUID" OWNER="$OWNER" JOB_ID="$JOB_ID" MONTH="$MONTH"
    PREVIOUS_MONTH="$PREVIOUS_MONTH" MAX_BYTES="$XALT_MAX_BYTES" FILES_LEFT="$XALT_MAX_FILES"
    XALT_MAX_FILES="$XALT_MAX_FILES" XALT_TMPDIR="$XALT_TMPDIR"
  )
  timeout --kill-after=5 "$XALT_MAX_SECONDS" "${drop[@]}" env -i "${settings[@]}" bash -c \
    "$(declare -f say is_own_directory names_of_job copy_file save_directory save_directories)
    \"\$@\"" "$XALT_LOG_TAG" "$@"
}

# With root's rights -----------------------------------------------------------

# Find out whose job ends, into JOB_ID, OWNER and GROUP.
read_job() {
  JOB_ID=${SLURM_JOB_ID:-} OWNER=${SLURM_JOB_UID:-} GROUP=${SLURM_JOB_GID:-}
  [[ $JOB_ID =~ ^[0-9]+$ && $OWNER =~ ^[0-9]+$ ]] ||
    { say "SLURM_JOB_ID and SLURM_JOB_UID are not set: no epilog of Slurm"; return 1; }
  # Root's own programs are none of a user's, and root may not be tricked into writing.
  ((OWNER != 0)) || return 1
  ((EUID == 0 || EUID == OWNER)) || { say "neither root nor the owner of the job"; return 1; }
  [[ $GROUP =~ ^[0-9]+$ ]] || GROUP=$(id -g -- "$OWNER") ||
    { say "uid $OWNER has no group"; return 1; }
}

# Print the names of the user's staged directories, as they look, without going into them.
staged_names() {
  find "$XALT_TMPDIR/" -mindepth 1 -maxdepth 1 -type d -uid "$OWNER" \
    -regextype posix-extended -regex ".*/XALT_pkg_$UUID" -printf '%f\n'
}

# Name this month's directory and that of the one before, in MONTH and PREVIOUS_MONTH.
name_months() {
  MONTH=$XALT_PREFIX/$(date +%Y%m)
  # From the middle of the month: the 31st less a month may be no day of the month before.
  PREVIOUS_MONTH=$XALT_PREFIX/$(date -d "$(date +%Y-%m-15) 1 month ago" +%Y%m)
}

# Make the month's directory if it is missing; refuse one that a user has put there.
make_month_directory() {
  local owner
  [[ -d $XALT_PREFIX ]] || { say "$XALT_PREFIX is no directory"; return 1; }
  mkdir -m 1777 -- "$MONTH" 2>/dev/null
  [[ -d $MONTH && ! -L $MONTH ]] || { say "cannot make $MONTH"; return 1; }
  owner=$(stat -c %u -- "$MONTH")
  [[ $owner == 0 || $owner == "$(stat -L -c %u -- "$XALT_PREFIX")" ]] ||
    { say "$MONTH belongs to uid $owner, not to the owner of $XALT_PREFIX"; return 1; }
}

# Tell whether the user has no other job on this node; no, if that cannot be told.
is_only_job() {
  local jobs
  case $XALT_OTHER_JOBS in
    squeue)
      jobs=$(timeout "$XALT_SQUEUE_SECONDS" "$XALT_SQUEUE" --noheader --format=%A --user="$OWNER" \
        --nodelist="${SLURMD_NODENAME:-$(hostname -s)}" \
        --states=running,suspended,stopped,completing 2>/dev/null) || return 1
      ! grep -q -v -E -e "^ *($JOB_ID)? *\$" <<<"$jobs"
      ;;
    processes) ! pgrep -U "$OWNER" >/dev/null ;;
    *) return 1 ;;
  esac
}

main() {
  local -a staged chosen
  read_job || return
  # The list comes before the question: what a job that starts after it stages is not in it.
  mapfile -t -n "$XALT_MAX_DIRECTORIES" staged < <(staged_names)
  ((${#staged[@]})) || return
  name_months
  make_month_directory || return
  if is_only_job; then
    chosen=("${staged[@]}")
  else
    # A user may have given a record any name: only what was listed counts.
    mapfile -t chosen < <(
      as_owner names_of_job "${staged[@]}" | grep -x -F -f <(printf '%s\n' "${staged[@]}") | sort -u
    )
  fi
  ((${#chosen[@]})) || return
  as_owner save_directories "${chosen[@]}" || say "stopped before all was saved (status $?)"
}

main 2>&1 >/dev/null </dev/null |
  { head -n "$XALT_LOG_LINES"; cat >/dev/null; } |
  logger -t "$XALT_LOG_TAG" -p "$XALT_LOG_PRIORITY"
