"""What all jobs together do on each made-up node, sample by sample."""

from userportal.demo import jobseries


class NodeLoad:
    """The load of one node; all lists are as long as the Grid."""

    def __init__(self, node, grid):
        """Begin with an idle node."""
        self.node = node
        count = len(grid)
        self.busy = [0.0] * count  # cores in use
        self.allocated = [0] * count  # cores that jobs have
        self.rss = [0] * count  # bytes
        self.cache = [0] * count
        self.writes = [0.0] * count  # bytes a second, to the parallel file system
        self.gpu_watts = [[0] * count for _gpu in range(node.gpu_count)]
        self.allocated_gpus = [0] * count


class Loads:
    """The loads of all nodes."""

    def __init__(self, cluster, grid):
        """Begin with idle nodes."""
        self.grid = grid
        self.by_node = {node.name: NodeLoad(node, grid) for node in cluster.nodes}

    def add_job(self, use):
        """Add what a JobUse does to the loads of its nodes."""
        number = 0
        for place in use.places:
            load = self.by_node[place.place.node.name]
            writes = jobseries.write_bytes_per_second(use) / len(use.places)
            for index, work in enumerate(use.work, use.first + 1):
                load.busy[index] += work * place.cores
                load.writes[index] += work * writes
            cores, gpus = len(place.place.cores), len(place.place.gpus)
            for index, rss, cache in zip(range(use.first, use.after), place.rss, place.cache):
                load.allocated[index] += cores
                load.allocated_gpus[index] += gpus
                load.rss[index] += rss
                load.cache[index] += cache
            for gpu in place.place.gpus:
                percent = use.gpu_percent[number]
                model = load.node.gpu_model
                load.gpu_watts[gpu][use.first : use.after] = [
                    jobseries.gpu_watts(model, value) for value in percent
                ]
                number += 1

    def finish(self):
        """Give the GPUs that no job has their idle power."""
        for load in self.by_node.values():
            if load.node.gpu_model:
                idle = load.node.gpu_model.idle_watts
                load.gpu_watts = [[watts or idle for watts in one] for one in load.gpu_watts]
