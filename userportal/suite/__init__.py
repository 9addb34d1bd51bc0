"""What the other tools of the suite know about a job, a user, the cluster."""
