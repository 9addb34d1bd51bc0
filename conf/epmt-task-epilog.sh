#!/bin/sh
# Slurm task epilog: complete what epmt has recorded of a job, and stage it.
#
# Where it goes: on every compute node, for instance as /etc/slurm/epmt-task-epilog.sh (owner root,
#   mode 0755), named by TaskEpilog in slurm.conf; epmt-task-prolog.sh belongs to it.
# What to change: nothing, or the settings below. Variables of a job override them; a job that has
#   EPMT=none is left alone.
# Needs: a POSIX shell, ps and awk. Uses timeout and logger where they are.
# Check it, as any user, after the prolog:
#   SLURM_JOB_ID=1 SLURM_LOCALID=0 /etc/slurm/epmt-task-epilog.sh
#   It says nothing: journalctl -t epmt-task-epilog
#
# Slurm runs it as the job's owner after each task: the batch script, and each task of each step.
# The job ends with its batch script. One without (srun, salloc) ends with its first step, if it has
# one node: from one node nobody sees whether tasks of another one still run.

# Whatever happens: a status other than 0 is an error message in the output of the job.
trap 'exit 0' EXIT

PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin # a job may come without one
export PATH

# Settings -------------------------------------------------------------------

: "${EPMT:=$(command -v epmt || echo /usr/local/bin/epmt)}"

# Its settings are those of /etc/hpcusage/epmt.ini, unless EPMT_SETTINGS names another file.
# export EPMT_SETTINGS=/opt/epmt/epmt.ini

# How long epmt may take, each time; the job waits for it. What is not staged then stays.
: "${EPMT_EPILOG_SECONDS:=120}"

# How long steps may take that end together with the batch script: the whole job was cancelled.
: "${EPMT_STEP_SECONDS:=10}"

# ----------------------------------------------------------------------------

unset LD_PRELOAD # of papiex

# Run epmt, for a time.
epmt() {
  if command -v timeout >/dev/null; then
    timeout -k 2 "$EPMT_EPILOG_SECONDS" "$EPMT" "$@" </dev/null
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

# Tell whether there is a step of the job on this node whose name matches a pattern.
has_step() {
  { cat /proc/[0-9]*/cmdline | tr '\000' '\n'; } 2>/dev/null |
    grep -E -q "^slurmstepd: \[$SLURM_JOB_ID\.($1)\]"
}

# Tell whether other tasks of this step still run on this node; yes if that cannot be told.
has_tasks() {
  ! ps -e -o ppid= -o pid= -o stat= | awk -v parent="$PPID" -v own=$$ '
    $2 == own { is_seen = 1; next }
    $1 == parent && $3 !~ /^[ZX]/ { others++ }
    END { exit !is_seen || others }'
}

# Wait for the other steps, for a time.
wait_for_steps() {
  seconds=0
  while [ "$seconds" -lt "$EPMT_STEP_SECONDS" ] && has_step '[0-9]+'; do
    sleep 1
    seconds=$((seconds + 1))
  done
}

# Tell whether the job ends with this task.
ends_job() {
  case $(step) in
    batch | interactive) wait_for_steps ;;
    0)
      [ "$SLURM_JOB_NUM_NODES" = 1 ] && [ "$EPMT_BEGUN" != "$SLURM_JOB_ID" ] &&
        ! has_step 'batch|interactive' && ! has_tasks
      ;;
    *) return 1 ;;
  esac
}

main() {
  [ -f "$EPMT" ] && [ -x "$EPMT" ] && ends_job || return
  epmt stop || return # a job that was staged before its end has nothing left
  epmt stage
  # 75: its files have changed meanwhile.
  [ $? != 75 ] || epmt stage
}

log() {
  sed -n "1,20s/^/job $SLURM_JOB_ID: /p" | { logger -t epmt-task-epilog -p user.notice; cat; }
}

main 2>&1 >/dev/null | log >/dev/null 2>&1
