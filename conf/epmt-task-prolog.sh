#!/bin/sh
# Slurm task prolog: begin what epmt records of a job, and hand papiex to its tasks where a site
# has it.
#
# Where it goes: on every compute node, for instance as /etc/slurm/epmt-task-prolog.sh (owner root,
#   mode 0755), named by TaskProlog in slurm.conf; epmt-task-epilog.sh belongs to it.
# What to change: nothing, or the settings below. Variables of a job override them; a job that has
#   EPMT=none is left alone.
# Needs: a POSIX shell. Uses timeout and logger where they are.
# Check it, as any user: SLURM_JOB_ID=1 SLURM_LOCALID=0 /etc/slurm/epmt-task-prolog.sh
#   It says nothing but lines for Slurm: epmt dump --jobid 1; journalctl -t epmt-task-prolog
#
# Slurm runs it as the job's owner before each task: the batch script, and each task of each step.
# The batch script begins the job; in a job without one (srun, salloc) the first step does.

# Whatever happens: another status than 0 would make the task fail.
trap 'exit 0' EXIT

PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin # a job may come without one
export PATH

# Settings -------------------------------------------------------------------

: "${EPMT:=$(command -v epmt || echo /usr/local/bin/epmt)}"

# Its settings are those of /etc/hpcusage/epmt.ini, unless EPMT_SETTINGS names another file.
# export EPMT_SETTINGS=/opt/epmt/epmt.ini

# How long epmt may take, each time; the task waits for it.
: "${EPMT_PROLOG_SECONDS:=20}"

# ----------------------------------------------------------------------------

# Run epmt, for a time.
epmt() {
  if command -v timeout >/dev/null; then
    timeout -k 2 "$EPMT_PROLOG_SECONDS" "$EPMT" "$@" </dev/null
  else
    "$EPMT" "$@" </dev/null
  fi
}

# Print the step: batch, interactive, or its number.
step() {
  # The name of the process that runs this comes first: a job that was submitted within a step of
  # another one has the variables of that step.
  title=$(tr '\000' ' ' 2>/dev/null <"/proc/$PPID/cmdline")
  case $title in
    "slurmstepd: ["*.*]*)
      title=${title%%]*}
      echo "${title##*.}"
      ;;
    *)
      case ${SLURM_STEP_ID:=${SLURM_STEPID:-4294967291}} in
        4294967291) echo batch ;;
        4294967290) echo interactive ;;
        *) echo "$SLURM_STEP_ID" ;;
      esac
      ;;
  esac
}

# Tell whether it is for this task to begin the job: once, for a job that was staged before its end
# must not begin anew.
begins_job() {
  [ "$SLURM_LOCALID" = 0 ] && [ "$EPMT_BEGUN" != "$SLURM_JOB_ID" ] || return
  case $(step) in
    batch | interactive | 0) ;;
    *) return 1 ;;
  esac
}

main() {
  [ -f "$EPMT" ] && [ -x "$EPMT" ] || return
  if begins_job; then
    epmt start >&2 || return
    echo "export EPMT_BEGUN=$SLURM_JOB_ID" # for the steps that the task may start
  fi
  # Without papiex it prints nothing, and on stderr a hint that is meant for people.
  lines=$(epmt source --slurm 2>/dev/null) || return
  printf '%s\n' "$lines" | sed -n '/^export [A-Za-z_][A-Za-z0-9_]*=/p'
}

log() {
  sed -n "1,20s/^/job $SLURM_JOB_ID: /p" | { logger -t epmt-task-prolog -p user.notice; cat; }
}

# stdout is Slurm's alone.
{ main 2>&1 >&3 3>&- | log >/dev/null 2>&1 3>&-; } 3>&1
