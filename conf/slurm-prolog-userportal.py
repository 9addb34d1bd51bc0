#!/usr/bin/env python3
# Send the script of the job that begins on this node to the portal: for sites
# whose slurm.conf has slurm_prolog_userportal.py as a prolog. Others rather run
# the collector (userportal-jobscripts.service), which needs nothing on the nodes.
#
# Where it goes: on compute nodes, as /etc/slurm/slurm_prolog_userportal.py (mode
#   0755), and into slurm.conf: Prolog=/etc/slurm/slurm_prolog_userportal.py
# What to change: the first line, where the suite is installed for another Python.
# Needs: /etc/slurm/slurm_jobscripts.ini (slurm-jobscripts.ini), or api_config.ini
#   in slurmd's directory; the token there is readable by root alone.
# Check it: SLURM_JOB_ID=JOBID /etc/slurm/slurm_prolog_userportal.py; echo $?
#
# It takes 4 seconds at the most, whatever the portal does. By that name it ends
# with 1 if SLURM_JOB_ID is missing, and with 2 if slurmd has no script for the
# job, as it is for salloc and srun: and SLURM DRAINS A NODE WHOSE PROLOG FAILS.
# By any other name, such as 50-userportal, it always ends with 0: prefer that.
# Try it first: where slurmd has not written the script yet when the prolog runs,
# nothing is sent, and the collector is what to use.
from userportal.jobscripts.prolog import main

main()
