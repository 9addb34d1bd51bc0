"""Who runs notebooks: the pods of a namespace, asked from Kubernetes."""

import contextlib
import os
import re
import tempfile

from afcollect.children import NoAnswer, Question
from afcollect.failures import PartFailed

COFFEA_NAMESPACE = "coffea-casa"
DEFAULT_CONFIGURATION = "~/.kube/config"
PAGE_PODS = 500
TIMEOUT_SECONDS = 30.0
TOTAL_SECONDS = 60.0  # for all pages, however they come
LONGEST_REASON = 200


def kind_of(namespace):
    """Return the kind of document for a namespace."""
    return "jupyter-coffea" if namespace == COFFEA_NAMESPACE else "jupyter-ml"


def owners(namespace, label, left_seconds=TOTAL_SECONDS):
    """Return the distinct values of a label on the pods of a namespace, asked for no longer than
    left_seconds. Raises PartFailed.

    The cluster is that of KUBECONFIG (or ~/.kube/config), or the one this process runs in. It is
    asked in a process of its own: the client keeps time limits and signals to itself, and what a
    configuration has it run may hang.
    """
    wait_seconds = min(TOTAL_SECONDS, left_seconds)
    try:
        # The client writes keys into files, which must not outlive it, however it ends.
        with tempfile.TemporaryDirectory() as scratch:
            found = Question(answer_of, [namespace, label, scratch]).answer(wait_seconds)
    except NoAnswer:
        raise PartFailed(f"Kubernetes: no answer within {wait_seconds:g} s") from None
    if found is None or "error" in found:
        raise PartFailed(found["error"] if found else "Kubernetes: nobody answered")
    return set(found["owners"])


def answer_of(question):
    """Return the owners, or the error, of a namespace and a label, asked with a scratch directory.
    It may never return."""
    namespace, label, tempfile.tempdir = question
    try:
        return {"owners": sorted(asked(namespace, label))}
    except PartFailed as error:
        return {"error": str(error)}


def asked(namespace, label):
    """Return the distinct values of a label on the pods of a namespace. Raises PartFailed."""
    try:
        from kubernetes import client, config
    except ImportError:
        raise PartFailed(
            "the Kubernetes client is missing: pip install 'hpcusage[jupyter]'"
        ) from None
    with failing_as("no Kubernetes configuration"):
        configuration = client.Configuration()
        configuration.retries = False  # each would be a warning, and another half minute
        load_configuration(config, configuration)
    with failing_as("Kubernetes"), client.ApiClient(configuration) as api:
        found = labels_of_pods(client.CoreV1Api(api), namespace, label)
        return {labels[label] for labels in found}


@contextlib.contextmanager
def failing_as(what):
    """Turn whatever the client and its libraries raise in the block into a PartFailed."""
    try:
        yield
    except Exception as error:
        raise PartFailed(f"{what}: {first_line(error)}") from None


def load_configuration(config, loaded):
    """Load what the Kubernetes client is to use: its own way of choosing would print."""
    named = os.environ.get("KUBECONFIG")
    if named or os.path.exists(os.path.expanduser(DEFAULT_CONFIGURATION)):  # noqa: PTH110, PTH111
        config.load_kube_config(named, client_configuration=loaded)
    else:
        config.load_incluster_config(client_configuration=loaded)


def labels_of_pods(api, namespace, label):
    """Yield the labels of all pods that have a label, page by page."""
    following = None
    while True:
        page = api.list_namespaced_pod(
            namespace, label_selector=label, limit=PAGE_PODS, _continue=following,
            _request_timeout=(TIMEOUT_SECONDS, TIMEOUT_SECONDS),  # one float is passed over by some
        )  # fmt: skip
        for pod in page.items:
            labels = pod.metadata.labels or {}
            if labels.get(label):
                yield labels
        following = page.metadata._continue
        if not following:
            return


def first_line(error):
    """Return an error of the client in one short line."""
    reason, status = getattr(error, "reason", None), getattr(error, "status", None)
    text = f"{status} {reason}" if status else str(reason or error)
    text = re.sub(r"<[\w.]+ object at 0x\w+>: ", "", text)
    return " ".join(text.split())[:LONGEST_REASON] or type(error).__name__
