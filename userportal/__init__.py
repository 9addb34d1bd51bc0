"""The portal where every user of a cluster sees the own jobs, and staff see the waste."""
