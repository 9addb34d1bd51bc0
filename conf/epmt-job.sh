#!/bin/bash
#SBATCH --job-name=epmt-example
#SBATCH --ntasks=4
#SBATCH --time=00:10:00
# A batch job that records itself with epmt: what every process of its two phases did.
#
# Where it goes: a copy is your batch script: sbatch epmt-job.sh. A site that has
#   epmt-task-prolog.sh and epmt-task-epilog.sh in slurm.conf can keep them.
# What to change: the phases, ./prepare and ./model, and what is annotated. Without rights in the
#   database leave out the submit: the site collects what was staged.
# Needs: epmt on PATH, on all nodes of the job. Several nodes: epmt_output_prefix of its settings is
#   a directory that all of them see.
#
# The phases run whether epmt works or not, and the job ends with their status.

epmt=()
if timeout 60 epmt start; then
  epmt=(epmt run --)
fi

PAPIEX_TAGS='op:prepare' "${epmt[@]}" ./prepare
status=$?
if ((status == 0)); then
  PAPIEX_TAGS='op:solve' srun "${epmt[@]}" ./model
  status=$?
fi

if ((${#epmt[@]})); then
  timeout 60 epmt annotate status="$status"
  if timeout 60 epmt stop && file=$(timeout 600 epmt stage) && [[ $file ]]; then
    timeout 600 epmt submit "$file"
  fi
fi
exit "$status"
