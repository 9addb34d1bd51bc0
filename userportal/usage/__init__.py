"""Who uses most of the cluster now, and how much of it is wasted: for pages and the shell."""
