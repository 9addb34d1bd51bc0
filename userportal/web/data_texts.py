"""Texts of the files in conf/ that readers see, for makemessages alone.

Made by `manage.py data_texts`: change nothing here.
"""

from django.utils.translation import gettext_noop

TEXTS = (
    gettext_noop("This job waits until no other job of the same name and user is running."),
    gettext_noop("This job waits for other jobs: {dependencies}."),
    gettext_noop("Other jobs wait for this one: {dependents}."),
    gettext_noop(
        "The job asked for whole nodes (--exclusive): it may wait longer, and all cores of the "
        "nodes count as used."
    ),
    gettext_noop("The job asked for licenses: it begins only when enough of them are free."),
    gettext_noop(
        "The job asked for certain nodes (--nodelist): it waits until these very nodes are free."
    ),
    gettext_noop("The job begins anew if its node fails or it has to make room (--requeue)."),
    gettext_noop("The job does not begin anew if its node fails (--no-requeue)."),
    gettext_noop("The job runs in a reservation."),
    gettext_noop(
        "The job asked for nodes that are close to each other in the network (--switches): it may "
        "wait longer."
    ),
    gettext_noop(
        "The job leaves out nodes (--exclude), which makes it wait longer. Tell the support team "
        "of nodes that do not work, so that they can be repaired."
    ),
    gettext_noop(
        "The job was stopped since it needed more memory than the {memory_given_bytes} it had. Ask "
        "for more with --mem, --mem-per-cpu or --mem-per-gpu."
    ),
    gettext_noop(
        "A node of this job failed. This is most likely no fault of the job: submit it again."
    ),
    gettext_noop(
        "The job was stopped at its time limit of {time_limit_seconds}. Ask for more time with "
        "--time, or let the program write checkpoints and go on from them in the next job."
    ),
    gettext_noop(
        "The job asked for {time_limit_seconds}, less than {short_job}. Starting a job takes time, "
        "too: put many such tasks into one job, for instance with GNU parallel or GLOST."
    ),
    gettext_noop(
        "The job ran for {elapsed_seconds} only, less than {short_job}. If there are many such "
        "jobs, put several of their tasks into one."
    ),
    gettext_noop(
        "The job asked for {time_limit_seconds} and used {time_efficiency} of it. With a time "
        "limit nearer to what it needs, it would begin earlier."
    ),
    gettext_noop(
        "The job used {time_efficiency} of its time limit of {time_limit_seconds}. A shorter one "
        "may let it begin earlier."
    ),
    gettext_noop("The job used no CPU time at all. Look into its output for what it waits for."),
    gettext_noop(
        "Nodes without any CPU time: {unused_nodes} of {node_count}. Check that the program can "
        "use several nodes, and that it is started on all of them, for instance with srun."
    ),
    gettext_noop(
        "The job has {cores} cores and uses less than one: it looks like a serial program. One "
        "that cannot use several cores needs but one."
    ),
    gettext_noop(
        "Less than {cpu_half} of the CPU time is used: {mean_cores_used} of {cores} cores in the "
        "mean."
    ),
    gettext_noop(
        "The CPU efficiency is {cpu_efficiency}, below {cpu_low}. Try the job with fewer cores, "
        "and take the number with which the program makes good use of all of them."
    ),
    gettext_noop(
        "The one core of the job is busy for {cpu_efficiency} of the time, below {cpu_low}. The "
        "program may be waiting for files, for the network or for another program."
    ),
    gettext_noop(
        "The CPU efficiency is {cpu_efficiency}. From {cpu_somewhat_low} on it would be good."
    ),
    gettext_noop(
        "As much CPU time as one core has was used. If the program is serial, ask for one core."
    ),
    gettext_noop(
        "The job has {node_count} nodes: its program has to be made for more than one, as MPI "
        "programs are."
    ),
    gettext_noop(
        "The {cores} cores would fit on fewer than {node_count} nodes of {cores_per_whole_node} "
        "cores. With fewer nodes the job uses the network less, and leaves whole nodes to others."
    ),
    gettext_noop(
        "The nodes are unequally busy: the least busy one stays {node_imbalance} behind the "
        "busiest. Check how the work is divided."
    ),
    gettext_noop(
        "The nodes need unequal memory: the lowest use stays {memory_imbalance} behind the "
        "highest, and the memory has to be asked for as the fullest node needs it."
    ),
    gettext_noop(
        "{threads_running} threads want to run on {cores} cores. They get in each other's way: set "
        "OMP_NUM_THREADS or the program's own option to the number of cores."
    ),
    gettext_noop(
        "{threads_running} threads run on {cores} cores: some of the cores have nothing to do."
    ),
    gettext_noop(
        "Less than {memory_little} of the memory is used: {memory_used_bytes} of "
        "{memory_given_bytes}. Ask for less, and the job may begin earlier."
    ),
    gettext_noop(
        "{memory_used_bytes} of {memory_given_bytes} memory is used, and each core has "
        "{memory_per_core_bytes}, more than the {memory_per_core_normal} that are there for it. "
        "With a fifth to spare, this would be enough on each node:"
    ),
    gettext_noop(
        "The GPU is not used. Check that the program can use one, and that it was built and "
        "started for it; a program for CPUs alone needs none."
    ),
    gettext_noop(
        "GPUs that are not used: {unused_gpus} of {gpus}. Ask for as many as the program uses."
    ),
    gettext_noop(
        "GPUs that are not used: {unused_gpus} of {gpus}. Check that the program can use more than "
        "one: most need an option, a launcher or changes for that."
    ),
    gettext_noop(
        "The GPU utilization of this interactive job is {gpu_utilization}, for {elapsed_seconds}. "
        "End sessions when nobody works in them, and leave long computations to batch jobs."
    ),
    gettext_noop(
        "The GPU utilization is {gpu_utilization}, not above {gpu_low}. The GPUs may be waiting "
        "for data or for the CPUs: measure the program, and try more work for each step."
    ),
    gettext_noop("The GPU utilization is {gpu_utilization}, which is somewhat low."),
    gettext_noop(
        "The {gpus} GPUs are used to {gpu_utilization} in the mean: fewer of them may do the same "
        "work."
    ),
    gettext_noop(
        "The GPUs are unequally busy: the least busy one stays {gpu_imbalance} behind the busiest. "
        "Check how the work is divided."
    ),
    gettext_noop(
        "The {gpus} GPUs are spread over {node_count} nodes, though a node has "
        "{gpus_per_whole_node}. On fewer nodes they would speak to each other faster."
    ),
    gettext_noop(
        "The memory of a GPU was filled to {fullest_gpu}: with a little more data the job fails. A "
        "smaller batch, or a GPU with more memory, would help."
    ),
    gettext_noop(
        "The job has {cores_per_gpu} cores for each GPU, and {cores_per_gpu_normal} are there for "
        "it: other GPUs of the node may remain without cores."
    ),
    gettext_noop(
        "The job has {memory_per_gpu_bytes} memory for each GPU, and {memory_per_gpu_normal} are "
        "there for it; it uses {memory_efficiency}. Other GPUs of the node may remain without "
        "memory."
    ),
    gettext_noop(
        "The job opens, closes and looks at files {metadata_operations_per_second} times a second, "
        "which slows the file system for everyone. Fewer and larger files, or the node's own disk, "
        "would help."
    ),
    gettext_noop(
        "The script waits with sleep, and the job's resources wait with it. Begin another job with "
        "--begin or --dependency instead."
    ),
    gettext_noop(
        "An environment of conda brings its own programs, not made for this cluster, in many small "
        "files. Modules, and Python's virtual environments, are faster."
    ),
    gettext_noop(
        "GROMACS is started without srun: its processes may end up on one core, or on one node."
    ),
    gettext_noop("GROMACS is told to use {threads} threads (-nt), but the job has {cores} cores."),
    gettext_noop(
        "This program of GROMACS works on one node only, and the job has {node_count}: use gmx_mpi."
    ),
    gettext_noop(
        "grompp prepares the input with one core, while the others of the job wait. Do it "
        "beforehand."
    ),
    gettext_noop("pmemd.MPI does not use the GPUs of this job: use pmemd.cuda."),
    gettext_noop("pmemd.cuda needs a GPU, and the job has none."),
    gettext_noop("pmemd is started without srun: it runs on one of the {node_count} nodes only."),
    gettext_noop("LAMMPS is started without srun: it runs on one core only."),
    gettext_noop("EESSI"),
    gettext_noop("CVMFS"),
    gettext_noop("Home directories"),
    gettext_noop("Project directories"),
    gettext_noop("Scratch"),
    gettext_noop("The operating system"),
)
