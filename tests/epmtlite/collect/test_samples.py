"""Real jobs of EPMT are read with the figures that EPMT has for them."""

import shutil

from epmtlite.collect import metadata
from epmtlite.collect.settings import Settings
from tests.epmtlite.collect.jobs import SAMPLES, JobTest, open_job, with_samples

# Of the reference: processes, threads, microseconds of CPU time.
FIGURES = {
    "685000.tgz": (3480, 3668, 113135329),
    "804280.tgz": (6039, None, None),
    "collated-tsv-2220.tgz": (2, 2, None),
    "12340": (18, 18, None),
    "3455": (1, 1, None),
    "kern-6656-20190614-190245.tgz": (10600, 10600, None),
}
NOT_SUMMED = ("num_threads", "starttime", "tid", "start", "end")


def figures(path):
    """Return (processes, threads, {metric: sum}, [process], metadata) of a job."""
    sums, found, threads = {}, [], 0
    with open_job(str(path)) as job:
        for _name, _kind, _host, rows in job.files():
            for record in rows:
                found.append(record[:15])
                threads += len(record.threads)
                for at, name in enumerate(record.names):
                    if name not in NOT_SUMMED:
                        total = sum(thread[at] for thread in record.threads)
                        sums[name] = sums.get(name, 0) + total
        return len(found), threads, sums, found, job.metadata


@with_samples
class Samples(JobTest):
    def test_processes_threads_and_cpu_time_are_those_of_the_reference(self):
        for name, (processes, threads, cpu_time) in FIGURES.items():
            with self.subTest(name=name):
                found, all_threads, sums, _records, _metadata = figures(SAMPLES / name)
                self.assertEqual(found, processes)
                if threads:
                    self.assertEqual(all_threads, threads)
                if cpu_time:
                    self.assertEqual(sums["usertime"] + sums["systemtime"], cpu_time)

    def test_every_sum_of_the_first_job(self):
        _count, _threads, sums, _records, _metadata = figures(SAMPLES / "685000.tgz")
        self.assertEqual((sums["usertime"], sums["systemtime"]), (71155254, 41980075))
        self.assertEqual(sums["rssmax"], 31621528)

    def test_metadata_of_every_sample_are_complete(self):
        for path in sorted(SAMPLES.iterdir()):
            with open_job(str(path)) as job:
                found = metadata.checked(job.metadata, Settings())
            self.assertIn(found["job_pl_id"], path.name + " 2 corrupted")
            self.assertLess(found["job_pl_start_ts"], found["job_el_stop_ts"])
            self.assertTrue(found["job_pl_username"])

    def test_a_converted_job_is_the_same_job(self):
        for name in ("685000.tgz", "804280.tgz"):
            target = str(self.folder / name)
            self.assertEqual(self.epmt("convert", SAMPLES / name, target), (0, "", ""))
            self.assertEqual(figures(target), figures(SAMPLES / name))

    def test_a_staged_job_is_the_same_job(self):
        self.write_settings(stage_command_dest=self.folder / "dest")
        (self.folder / "dest").mkdir()
        for name in ("12340", "3455"):
            expected = figures(SAMPLES / name)
            shutil.copytree(str(SAMPLES / name), name)
            status, out, _err = self.epmt("stage", name)
            self.assertEqual(status, 0)
            self.assertEqual(figures(out.strip()), expected)
