"""What staff write down about jobs, users and accounts."""
