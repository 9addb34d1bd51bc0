"""What slurmdbd holds about jobs, accounts and nodes: parsers, rows and queries; read-only.

`userportal.slurm.database.SlurmDatabase` asks; `userportal.slurm.model` is what it answers with.
"""
