"""Whose a job is: the number of a user who has left may be given to the next one.

Slurm stores the number with each job, and the name that it knew with the job's association.
"""

from collections import Counter


def names_in_slurm(slurm, people, username, user_id):
    """Return the names under which Slurm has the jobs of a user and a uid: the own one, and others.

    The others are those with jobs of the user's number which the directory, too, says to have it;
    and "", for jobs without a name. Who left has none of them: they are the next one's. Raises
    what People raises.
    """
    if people.uid_of(username) != user_id:
        return (username,)
    others = [name for name in slurm.users_of_number(user_id) if name != username]
    return ("", username, *(name for name in others if people.uid_of(name) == user_id))


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


def usages_by_owner(people, usages):
    """Return UserUsages, the largest first: one of each owner, whatever names Slurm has of a uid.

    Raises what People raises; asks it about uids with several names alone.
    """
    names_of_uid = Counter(one.user_id for one in usages)
    found: dict = {}
    for one in usages:
        has_others = names_of_uid[one.user_id] > 1
        whose = one.user_id, owner(people, one.name, one.user_id) if has_others else one.name
        found[whose] = found[whose].plus(one) if whose in found else one
    return sorted(found.values(), key=lambda one: (-one.core_seconds, one.user_id, one.name))
