"""Whose a job is: the number of a user who has left may be given to the next one.

Slurm stores the number with each job, and the name that it knew with the job's association.
"""


def names_in_slurm(slurm, people, username, user_id):
    """Return the names under which Slurm has the jobs of a user of People: the own one, and others.

    The others are those with jobs of the user's number which the directory, too, says to have it.
    The name of somebody who left has it no more. Raises what People raises.
    """
    others = [name for name in slurm.users_of_number(user_id) if name != username]
    return (username, *(name for name in others if people.uid_of(name) == user_id))


def owners_of(slurm, people, jobs):
    """Return {row's number: name of the owner, or None} of jobs. Raises what People raises.

    It is the name that the job's association has, even if nobody is called so any more; and that
    of the uid where Slurm has none, or another one for the same person.
    """
    users = slurm.users_of_jobs(jobs)
    pairs = {job.db_index: (users.get(job.association_id, ""), job.user_id) for job in jobs}
    found = {pair: owner(people, *pair) for pair in set(pairs.values())}
    return {index: found[pair] for index, pair in pairs.items()}


def owner(people, name, user_id):
    """Return who owns a job of an association's user, "" without one, and of a uid; or None."""
    current = people.username_of(user_id)
    if not name or name == current:
        return current
    is_same = current and (name.lower() == current.lower() or people.uid_of(name) == user_id)
    return current if is_same else name
