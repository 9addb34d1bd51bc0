"""Annotations are added to jobs that run, that are stopped, and that are packed."""

import fcntl
import os
import pickle
import unittest
from unittest import mock

from epmtlite.collect import annotate, errors, metadata, metaformat, tags
from tests.epmtlite.collect import jobs
from tests.epmtlite.collect.jobs import JobTest, files_v1, files_v2, members_of, write_archive


class Parsing(unittest.TestCase):
    def test_values_get_their_kind(self):
        found = annotate.parse(
            ["a=1", "b=-2", "c=+3", "d=TRUE", "e=false", "f=None", "g=1.5", "h=x y", "i=1e5"]
        )
        self.assertEqual(
            found,
            {"a": 1, "b": -2, "c": 3, "d": True, "e": False, "f": None, "g": "1.5", "h": "x y",
             "i": "1e5"},
        )  # fmt: skip
        self.assertIs(found["e"], False)

    def test_all_behind_the_first_equals_sign_is_the_value(self):
        self.assertEqual(annotate.parse(["a=b=c", "u=x?y=1"]), {"a": "b=c", "u": "x?y=1"})

    def test_what_is_left_out_is_told(self):
        with self.assertLogs("epmtlite", "WARNING") as logs:
            self.assertEqual(annotate.parse(["x=", "a=1", " =y", "="]), {"a": 1})
        self.assertEqual(
            [record.getMessage() for record in logs.records],
            ["x= is left out: it has no value", " =y is left out: it has no key",
             "= is left out: it has no key"],
        )  # fmt: skip

    def test_tags_stay_a_text_as_in_their_variable(self):
        found = annotate.parse(["EPMT_JOB_TAGS=5", "EPMT_JOB_TAGS =none", "a=none"])
        self.assertEqual(found, {"EPMT_JOB_TAGS": "none", "a": None})

    def test_a_number_of_too_many_digits_stays_a_text(self):
        self.assertEqual(annotate.parse(["a=" + "9" * 30]), {"a": "9" * 30})

    def test_without_key_or_value_nothing_is_left(self):
        self.assertEqual(annotate.parse(["x=", "=y", "a=1"]), {"a": 1})
        for words in ([], ["x="], ["=y", "="]):
            with self.assertRaises(errors.UsageError) as caught:
                annotate.parse(words)
            self.assertIn("No annotations found", str(caught.exception))

    def test_a_word_without_equals_sign_is_an_error(self):
        with self.assertRaises(errors.UsageError) as caught:
            annotate.parse(["a=1", "b"])
        self.assertIn("Annotations must be of the form <key>=<value>", str(caught.exception))


class OfAnother(JobTest):
    @unittest.skipIf(os.geteuid(), "only root can give a file away")
    def test_what_root_annotates_or_converts_stays_that_of_its_owner(self):
        """Else it would be taken for what root says."""
        write_archive("1.tgz", files_v1().items())
        os.chown("1.tgz", 65534, 65533)
        os.chmod("1.tgz", 0o640)
        self.assertEqual(self.epmt("annotate", "1.tgz", "note=x"), (0, "", ""))
        self.assertEqual(self.epmt("convert", "1.tgz", "2.tgz"), (0, "", ""))
        self.assertEqual(self.epmt("convert", "1.tgz"), (0, "", ""))
        os.mkdir("3")
        metadata.write("3/job_metadata", {"job_pl_id": "3"})
        os.chown("3/job_metadata", 65534, 65533)
        os.chmod("3/job_metadata", 0o640)
        self.assertEqual(self.epmt("annotate", "3", "note=x"), (0, "", ""))
        self.assertEqual(self.epmt("annotate", "3/job_metadata", "more=x"), (0, "", ""))
        for path in ("1.tgz", "2.tgz", "3/job_metadata"):
            status = os.stat(path)
            found = (status.st_uid, status.st_gid, status.st_mode & 0o777)
            self.assertEqual(found, (65534, 65533, 0o640), path)


class Jobs(JobTest):
    def annotations(self, path):
        return metadata.read(path).metadata.get("annotations")

    def test_directories_and_metadata_files(self):
        job = self.write_job(files_v2())
        self.assertEqual(self.epmt("annotate", job, "a=1", "b=x"), (0, "", ""))
        self.assertEqual(self.epmt("annotate", job + "/job_metadata", "a=2"), (0, "", ""))
        self.assertEqual(self.annotations(job + "/job_metadata"), {"a": 2, "b": "x"})
        self.assertEqual(self.epmt("annotate", "--replace", job, "c=3"), (0, "", ""))
        self.assertEqual(self.annotations(job + "/job_metadata"), {"c": 3})
        self.assertEqual(self.epmt("dump", "-k", "annotations", job)[1], "{'c': 3}\n")

    def test_an_annotation_without_value_beside_others_is_a_warning(self):
        job = self.write_job(files_v2())
        status, out, err = self.epmt("annotate", job, "a=1", "b=")
        self.assertEqual((status, out), (0, ""))
        self.assertEqual(err, "Warning: b= is left out: it has no value\n")
        self.assertEqual(self.annotations(job + "/job_metadata"), {"a": 1})

    def test_the_current_job_running_and_stopped(self):
        self.write_settings()
        os.environ["SLURM_JOB_ID"] = "77"
        status, out, err = self.epmt("annotate", "a=1")
        self.assertEqual((status, out), (66, ""))
        self.epmt("start")
        self.assertEqual(self.epmt("annotate", "a=1"), (0, "", ""))
        self.epmt("stop")
        self.assertEqual(self.epmt("annotate", "b=2"), (0, "", ""))
        self.assertEqual(self.epmt("dump", "-k", "annotations")[1], "{'a': 1, 'b': 2}\n")

    def test_archives_are_written_anew_with_all_else_as_it_was(self):
        for mode in ("w:gz", "w"):
            files = list(files_v2().items())
            path = write_archive("77.tgz", files[::-1], mode)
            before = members_of(path)
            os.chmod(path, 0o640)
            self.assertEqual(self.epmt("annotate", "77.tgz", "a=1"), (0, "", ""))
            after = members_of(path)
            self.assertEqual(list(after), list(before))
            found = metaformat.loads(after.pop("./job_metadata"), "f")
            self.assertEqual(found.pop("annotations"), {"a": 1})
            self.assertEqual(found, metaformat.loads(before.pop("./job_metadata"), "f"))
            self.assertEqual(after, before)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
            with open(path, "rb") as file:
                self.assertEqual(file.read(2) == b"\x1f\x8b", mode == "w:gz")

    def test_of_many_who_annotate_an_archive_at_a_time_no_annotation_is_lost(self):
        write_archive("77.tgz", [*files_v2().items(), ("big", os.urandom(1 << 20))])
        children = []
        with mock.patch("epmtlite.collect.locks.LOCK_SECONDS", 300):
            for number in range(6):
                child = os.fork()
                if not child:
                    os._exit(self.epmt("annotate", "77.tgz", f"a{number}={number}")[0])
                children.append(child)
        self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0] * 6)
        found = metaformat.loads(members_of("77.tgz")["./job_metadata"], "f")
        self.assertEqual(found["annotations"], {f"a{number}": number for number in range(6)})
        self.assertEqual(os.listdir("."), ["77.tgz"])

    def test_without_locks_an_archive_that_changes_meanwhile_keeps_what_is_new(self):
        """As on NFS."""
        changed = annotate.changed_metadata

        def while_another_annotates(*arguments):
            with mock.patch.object(annotate, "changed_metadata", changed):
                self.assertEqual(self.epmt("annotate", "77.tgz", "other=1"), (0, "", ""))
            return changed(*arguments)

        write_archive("77.tgz", [*files_v2().items()])
        with mock.patch("epmtlite.collect.locks.wait_for_lock"), mock.patch.object(
            annotate, "changed_metadata", while_another_annotates
        ):
            status, out, err = self.epmt("annotate", "77.tgz", "own=1")
        self.assertEqual((status, out), (75, ""))
        self.assertEqual(err, "Error: 77.tgz has changed meanwhile: try again\n")
        found = metaformat.loads(members_of("77.tgz")["./job_metadata"], "f")
        self.assertEqual(found["annotations"], {"other": 1})
        self.assertEqual(os.listdir("."), ["77.tgz"])

    def test_an_archive_that_another_process_writes_for_long_is_told(self):
        with open(write_archive("77.tgz", [*files_v2().items()]), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with mock.patch("epmtlite.collect.locks.LOCK_SECONDS", 0.01):
                for words in (("annotate", "77.tgz", "a=1"), ("convert", "77.tgz")):
                    self.assertEqual(self.epmt(*words)[0], 75)

    def test_job_tags_among_them_are_the_tags_of_the_job(self):
        os.environ.update(SLURM_JOB_ID="77", EPMT_JOB_TAGS="exp:one")
        self.write_settings(stage_command_dest=self.folder)
        self.epmt("start")
        self.epmt("annotate", "EPMT_JOB_TAGS=exp:two;x")
        self.epmt("stop")
        (job,) = self.folder.glob("out/*/77")
        self.assertEqual(
            self.tags(metadata.read_current(str(job)).metadata), {"exp": "two", "x": "1"}
        )
        self.epmt("annotate", "EPMT_JOB_TAGS=exp:3")
        self.assertEqual(self.tags(metadata.read_current(str(job)).metadata), {"exp": "3"})
        self.epmt("stage")
        for words, expected in (
            (["EPMT_JOB_TAGS=exp:4"], {"exp": "4"}), (["a=1"], {"exp": "4"}),
            (["--replace", "EPMT_JOB_TAGS=exp:5"], {"exp": "5"}),
        ):  # fmt: skip
            self.assertEqual(self.epmt("annotate", "77.tgz", *words), (0, "", ""))
            raw = members_of("77.tgz")["./job_metadata"]
            self.assertEqual(self.tags(metaformat.loads(raw, "f")), expected)

    def tags(self, found):
        """Return the tags of metadata, after a check that the annotation says the same."""
        self.assertEqual(tags.parse(found["annotations"]["EPMT_JOB_TAGS"]), found["job_tags"])
        return found["job_tags"]

    def test_a_pickle_stays_a_pickle(self):
        raw = metaformat.dumps(jobs.metadata(), as_pickle=True)
        write_archive("77.tgz", [("job_metadata", raw)])
        self.epmt("annotate", "77.tgz", "a=1")
        found = pickle.loads(members_of("77.tgz")["./job_metadata"])
        self.assertEqual(found["annotations"], {"a": 1})

    def test_an_archive_that_cannot_be_read_stays_as_it_is(self):
        whole = write_archive("w.tgz", list(files_v2().items()))
        with open(whole, "rb") as file:
            raw = file.read()[:-20]
        for content in (raw, b"", b"x"):
            path = self.write("77.tgz", content)
            self.assertEqual(self.epmt("annotate", "77.tgz", "a=1")[0], 65)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), content)
        write_archive("no.tgz", [("other", b"x")])
        self.assertEqual(self.epmt("annotate", "no.tgz", "a=1")[0], 65)
        self.assertEqual(sorted(os.listdir(".")), ["77.tgz", "no.tgz", "w.tgz"])

    def test_annotations_that_are_no_dictionary_are_an_error(self):
        job = self.write_job(files_v2(annotations=[1]))
        self.assertEqual(self.epmt("annotate", job, "a=1")[0], 65)

    def test_what_is_not_there_is_told(self):
        for name in ("x.tgz", "a/b", "12345"):
            self.assertEqual(self.epmt("annotate", name, "a=1")[:2], (66, ""))
        self.assertEqual(self.epmt("annotate")[0], 2)
        self.assertEqual(self.epmt("annotate", "12345")[0], 2)
