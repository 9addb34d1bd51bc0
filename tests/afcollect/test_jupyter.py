"""Who runs notebooks, asked from a TLS server that answers as Kubernetes does."""

import base64
import contextlib
import grp
import hashlib
import itertools
import json
import os
import pwd
import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

from afcollect import jupyter
from afcollect.children import start_of
from afcollect.failures import PartFailed
from tests import services
from tests.conftest import run_command
from tests.services import require_service

TOKEN = "not-to-be-shown-7b1f"
PODS = re.compile(r"/api/v1/namespaces/([^/]+)/pods")
ME = pwd.getpwuid(os.geteuid()).pw_name
MY_GROUP = grp.getgrgid(os.getegid()).gr_name


class Kubernetes:
    """An API server that knows the pods of some namespaces."""

    def __init__(self, directory):
        """Listen; answer is (status, text) that is given instead of pods."""
        self.directory = directory
        self.pods = {"af-jupyter": [], "coffea-casa": []}
        self.answer = None
        self.page_pods = 500  # the most that the server gives at once
        self.queries = []  # of lists of pods
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._http.daemon_threads = True
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self._http.server_address[1]
        self.configuration = self.write_configuration(authority.cert_pem.bytes())
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def write_configuration(self, certificate):
        """Write the file that KUBECONFIG names, which trusts an authority; return its path."""
        path = self.directory / "kube.config"
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority-data": base64.b64encode(certificate).decode(),
        }
        documents = {
            "apiVersion": "v1", "kind": "Config", "current-context": "facility",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "collector", "user": {"token": TOKEN}}],
            "contexts": [
                {"name": "facility", "context": {"cluster": "here", "user": "collector"}}
            ],
        }  # fmt: skip
        path.write_text(json.dumps(documents))  # which is YAML, too
        return path

    def add(self, *owners, namespace="af-jupyter", label="owner"):
        """Let pods run, one for each owner; None is a pod without the label."""
        for owner in owners:
            labels = {"app": "jupyterhub", **({label: owner} if owner is not None else {})}
            number = len(self.pods[namespace])
            self.pods[namespace].append(pod(f"notebook-{number}", namespace, labels))

    def listed(self, namespace, query):
        """Return status and text of the answer to a list of pods."""
        self.queries.append((namespace, query))
        if self.answer:
            return self.answer
        label = query.get("labelSelector")
        found = [one for one in self.pods[namespace] if label in one["metadata"]["labels"]]
        start = int(query.get("continue", "0"))
        end = start + min(int(query.get("limit", "500")), self.page_pods)
        metadata = {"resourceVersion": "81726354"}
        if end < len(found):
            metadata |= {"continue": str(end), "remainingItemCount": len(found) - end}
        items = found[start:end]
        return 200, json.dumps(
            {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}
        )

    def stop(self):
        """Refuse connections from now on."""
        self._http.shutdown()
        self._http.server_close()


def pod(name, namespace, labels):
    """Return a pod with what the API always says of one."""
    container = {
        "name": "notebook", "image": "jupyter/base-notebook:latest", "resources": {},
        "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
    }  # fmt: skip
    return {
        "metadata": {
            "name": name, "namespace": namespace, "uid": f"00000000-{name}",
            "creationTimestamp": "2026-11-20T08:15:30Z", "labels": labels,
        },
        "spec": {"containers": [container], "nodeName": "node1", "restartPolicy": "OnFailure"},
        "status": {"phase": "Running", "podIP": "10.1.2.3", "qosClass": "BestEffort"},
    }  # fmt: skip


def status_text(code, reason, message):
    """Return what the API says instead of an answer."""
    return json.dumps(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
         "message": message, "reason": reason, "code": code}
    )  # fmt: skip


def handler_of(server):
    """Return the handler class of a Kubernetes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def handle(self):
            with contextlib.suppress(OSError):
                super().handle()

        def do_GET(self):
            url = urlsplit(self.path)
            found = PODS.fullmatch(url.path)
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                status, text = 401, status_text(401, "Unauthorized", "Unauthorized")
            elif not found or found[1] not in server.pods:
                status, text = 404, status_text(404, "NotFound", "not found")
            else:
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                status, text = server.listed(found[1], query)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


@pytest.fixture
def kubernetes(tmp_path, monkeypatch):
    """A Kubernetes that KUBECONFIG names; without the client's package it cannot be asked."""
    require_service(modules=["kubernetes"])
    server = Kubernetes(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(server.configuration))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    yield server
    server.stop()


# Pods -------------------------------------------------------------------


def test_each_owner_of_pods_is_found_once(kubernetes):
    kubernetes.add("ann", "bob", "ann")
    assert jupyter.owners("af-jupyter", "owner") == {"ann", "bob"}


def test_a_namespace_without_pods_has_no_owners(kubernetes):
    assert jupyter.owners("af-jupyter", "owner") == set()


def test_pods_without_the_label_or_without_a_value_belong_to_nobody(kubernetes):
    kubernetes.add("ann", None, "")
    assert jupyter.owners("af-jupyter", "owner") == {"ann"}


def test_only_pods_with_the_label_are_asked_for(kubernetes):
    kubernetes.add("ann", label="hub.jupyter.org/username")
    kubernetes.add("bob")
    assert jupyter.owners("af-jupyter", "hub.jupyter.org/username") == {"ann"}
    ((namespace, query),) = kubernetes.queries
    assert (namespace, query["labelSelector"]) == ("af-jupyter", "hub.jupyter.org/username")


def test_pods_of_other_namespaces_are_not_asked_for(kubernetes):
    kubernetes.add("ann", namespace="coffea-casa")
    assert jupyter.owners("af-jupyter", "owner") == set()


@pytest.mark.parametrize("pods", [1, 2, 3, 4, 7])
def test_owners_of_all_pages_are_found(kubernetes, pods):
    kubernetes.page_pods = 2
    names = [f"user{number}" for number in range(pods)]
    kubernetes.add(*names)
    assert jupyter.owners("af-jupyter", "owner") == set(names)
    assert len(kubernetes.queries) == (pods + 1) // 2


def test_each_page_is_asked_for_with_the_same_label_and_a_limit(kubernetes):
    kubernetes.page_pods = 1
    kubernetes.add("ann", "bob")
    jupyter.owners("af-jupyter", "owner")
    first, second = (query for _namespace, query in kubernetes.queries)
    assert first == {"labelSelector": "owner", "limit": str(jupyter.PAGE_PODS)}
    assert second == {**first, "continue": "1"}


def test_a_namespace_cannot_lead_to_another_place_of_the_api(kubernetes):
    with pytest.raises(PartFailed, match="404"):
        jupyter.owners("coffea-casa/pods?x=", "owner")


# Failures ---------------------------------------------------------------

FORBIDDEN = status_text(403, "Forbidden", 'pods is forbidden: User "system:serviceaccount:af"')
ANSWERS = {
    "403": (403, FORBIDDEN),
    "500": (500, status_text(500, "InternalError", "etcdserver: request timed out")),
    "410": (410, status_text(410, "Expired", "The provided continue parameter is too old")),
    "not JSON": (200, "<html>\n<body>Please log in</body>\n</html>\n" * 1000),
    "another JSON": (200, json.dumps({"kind": "PodList", "items": "none"})),
    "no items": (200, json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}})),
    "nothing": (200, ""),
}


def reason_of(namespace="af-jupyter"):
    """Return why nobody can be found; it must be one short line."""
    with pytest.raises(PartFailed) as caught:
        jupyter.owners(namespace, "owner")
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 300
    assert TOKEN not in text
    assert "object at 0x" not in text
    return text


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_list_of_pods_is_a_failure_of_one_line(kubernetes, answer):
    kubernetes.answer = answer
    assert reason_of().startswith("Kubernetes: ")


@pytest.mark.parametrize(("name", "shown"), [("403", "403 Forbidden"), ("500", "500 Internal")])
def test_an_error_of_the_api_is_told_with_its_number(kubernetes, name, shown):
    kubernetes.answer = ANSWERS[name]
    assert shown in reason_of()


def test_a_cluster_that_refuses_connections_is_asked_once(kubernetes, caplog):
    kubernetes.stop()
    assert "Connection refused" in reason_of()
    assert caplog.records == []


def test_a_cluster_that_does_not_answer_is_given_up(kubernetes, monkeypatch):
    monkeypatch.setattr(jupyter, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = kubernetes.configuration.read_text()
        port = silent.getsockname()[1]
        kubernetes.configuration.write_text(text.replace(f":{kubernetes.port}", f":{port}"))
        assert "timed out" in reason_of()


def test_a_helper_of_the_configuration_that_hangs_is_ended(kubernetes, monkeypatch, tmp_path):
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\ncd {tmp_path}; echo $$ > new; mv new number\nexec sleep 1000\n")
    helper.chmod(0o755)
    found = json.loads(kubernetes.configuration.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(helper),
              "interactiveMode": "Never"}  # fmt: skip
    found["users"][0]["user"] = {"exec": plugin}
    kubernetes.configuration.write_text(json.dumps(found))

    class Question(jupyter.Question):
        def answer(self, wait_seconds):
            services.wait_until((tmp_path / "number").exists, "the helper's begin")
            return super().answer(wait_seconds)

    monkeypatch.setattr(jupyter, "Question", Question)
    monkeypatch.setattr(jupyter, "TOTAL_SECONDS", 0.5)
    assert "no answer within 0.5 s" in reason_of()
    number = int((tmp_path / "number").read_text())
    services.wait_until(lambda: start_of(number) is None, "the helper's end")


def test_pages_without_end_are_given_up(kubernetes, monkeypatch):
    monkeypatch.setattr(jupyter, "TOTAL_SECONDS", 0.5)
    monkeypatch.setattr(
        jupyter, "labels_of_pods", lambda *_arguments: itertools.repeat({"owner": "ann"})
    )
    assert "no answer within 0.5 s" in reason_of()


def test_a_cluster_with_a_certificate_of_somebody_else_is_told_no_token(kubernetes):
    kubernetes.write_configuration(trustme.CA().cert_pem.bytes())
    assert "CERTIFICATE_VERIFY_FAILED" in reason_of()
    assert kubernetes.queries == []


@pytest.mark.parametrize("text", ["", "{", "clusters: []", "\0", "current-context: gone"])
def test_a_configuration_that_cannot_be_used_is_a_failure_of_one_line(kubernetes, text):
    kubernetes.configuration.write_text(text)
    assert reason_of().startswith("no Kubernetes configuration: ")


def test_a_configuration_that_is_missing_is_a_failure_of_one_line(kubernetes):
    kubernetes.configuration.unlink()
    assert reason_of().startswith("no Kubernetes configuration: ")


def test_outside_of_a_cluster_and_without_a_configuration_there_is_a_failure(
    kubernetes, monkeypatch, tmp_path
):
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert reason_of().startswith("no Kubernetes configuration: ")


# The command ------------------------------------------------------------


def collect(*options, **environment):
    """Run the command, which prints what it has found; return the CompletedProcess."""
    return run_command(
        "afmetrics_collector", "--print", "-c", "here", *options, env={**os.environ, **environment}
    )


def documents_of(done):
    """Return the documents on stdout, which must hold nothing else."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_owners_of_notebooks_are_a_document(kubernetes):
    kubernetes.add("bob", "ann", "bob", None)
    done = collect("-j")
    assert (done.returncode, done.stderr) == (0, "")
    assert documents_of(done) == [
        {"kind": "jupyter-ml", "cluster": "here", "jupyter_user_count": 2, "users": ["ann", "bob"]}
    ]


def test_a_facility_without_notebooks_has_no_users(kubernetes):
    (document,) = documents_of(collect("-j"))
    assert (document["jupyter_user_count"], document["users"]) == (0, [])


def test_coffea_casa_has_a_kind_of_its_own(kubernetes):
    kubernetes.add("ann", namespace="coffea-casa", label="jhub_user")
    kubernetes.add("bob", namespace="coffea-casa")
    kubernetes.add("eve", label="jhub_user")
    done = collect("-j", "-n", "coffea-casa", "-l", "jhub_user")
    assert (done.returncode, done.stderr) == (0, "")
    assert documents_of(done) == [
        {"kind": "jupyter-coffea", "cluster": "here", "jupyter_user_count": 1, "users": ["ann"]}
    ]


def test_users_can_be_hidden(kubernetes):
    kubernetes.add("ann", "bob")
    (document,) = documents_of(collect("-j", "-o", "-z", "salt"))
    hidden = [hashlib.md5(f"salt{name}".encode()).hexdigest()[-8:] for name in ("ann", "bob")]
    assert document["users"] == sorted(hidden)
    assert document["jupyter_user_count"] == 2


def test_only_members_of_a_group_are_sent(kubernetes):
    kubernetes.add(ME, "no-such-account")
    (document,) = documents_of(collect("-j", "-g", MY_GROUP))
    assert (document["jupyter_user_count"], document["users"]) == (1, [ME])


def test_a_group_that_is_not_there_is_a_failure(kubernetes):
    kubernetes.add(ME)
    done = collect("-j", "-g", "no-such-group")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no-such-group" in done.stderr
    assert kubernetes.queries == []


@pytest.mark.parametrize("verbosity", [(), ("-v",), ("-vv",)])
@pytest.mark.parametrize("answer", [None, ANSWERS["403"], ANSWERS["not JSON"]])
def test_the_token_of_the_cluster_is_shown_nowhere(kubernetes, tmp_path, verbosity, answer):
    kubernetes.add("ann")
    kubernetes.answer = answer
    done = collect("-j", *verbosity)
    assert kubernetes.queries
    assert done.returncode == (3 if answer else 0)
    shown = done.stdout + done.stderr
    for secret in (TOKEN, base64.b64encode(TOKEN.encode()).decode(), "Bearer", "BEGIN CERT"):
        assert secret not in shown
    assert list((tmp_path / "scratch").iterdir()) == []  # the client writes certificates there


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_failure_is_one_warning_and_keeps_nothing_else_back(kubernetes, answer):
    kubernetes.answer = answer
    done = collect("-s", "-j")
    assert done.returncode == 3
    (warning,) = done.stderr.splitlines()
    assert " jupyter: Kubernetes: " in warning
    assert [document["kind"] for document in documents_of(done)] == ["ssh"]


def test_a_cluster_that_is_down_is_one_warning(kubernetes):
    kubernetes.stop()
    done = collect("-s", "-j")
    assert done.returncode == 3
    (warning,) = done.stderr.splitlines()
    assert warning.endswith("Connection refused")
    assert [document["kind"] for document in documents_of(done)] == ["ssh"]


def test_without_the_client_the_failure_says_what_to_install(tmp_path):
    (tmp_path / "kubernetes.py").write_text("raise ImportError('none')\n")
    done = collect("-s", "-j", PYTHONPATH=str(tmp_path))
    assert done.returncode == 3
    (warning,) = done.stderr.splitlines()
    assert "pip install 'hpcusage[jupyter]'" in warning
    assert [document["kind"] for document in documents_of(done)] == ["ssh"]
