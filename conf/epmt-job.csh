#!/bin/csh -f
#SBATCH --job-name=epmt-example
#SBATCH --ntasks=4
#SBATCH --time=00:10:00
# A batch job that records itself with epmt: what every process of its two phases did.
#
# Where it goes: a copy is your batch script: sbatch epmt-job.csh. A site that has
#   epmt-task-prolog.sh and epmt-task-epilog.sh in slurm.conf can keep them.
# What to change: the phases, ./prepare and ./model, and what is annotated. Without rights in the
#   database leave out the submit: the site collects what was staged.
# Needs: epmt on PATH, on all nodes of the job. Several nodes: epmt_output_prefix of its settings is
#   a directory that all of them see.
#
# The phases run whether epmt works or not, and the job ends with their status.

set epmt = ()
timeout 60 epmt start
if ($status == 0) set epmt = (epmt run --)

setenv PAPIEX_TAGS 'op:prepare'
$epmt ./prepare
set code = $status
if ($code == 0) then
  setenv PAPIEX_TAGS 'op:solve'
  srun $epmt ./model
  set code = $status
endif
unsetenv PAPIEX_TAGS

if ($#epmt) then
  timeout 60 epmt annotate "status=$code"
  timeout 60 epmt stop
  if ($status == 0) then
    set file = "`timeout 600 epmt stage`"
    if ("$file" != "") timeout 600 epmt submit "$file"
  endif
endif
exit $code
