"""The local pages of epmt gui: tables and pictures of all jobs of a database."""
