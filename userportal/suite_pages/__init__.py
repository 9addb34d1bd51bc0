"""What the other tools of the suite know, on the pages of jobs, of users, and of staff."""
