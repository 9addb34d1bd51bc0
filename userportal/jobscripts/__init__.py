"""Bring the scripts of Slurm's batch jobs to the portal; without Django."""
