"""A private Prometheus for tests, with a history made beforehand; scrapes nothing by itself."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.services import Server, ServerFailed, find_program, free_port

NO_TARGETS = "global:\n  scrape_interval: 1s\n"
LONGEST_BLOCK = "744h"
LABEL_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class OpenMetrics:
    """Writes samples as OpenMetrics text; a context manager with HistoryWriter's add()."""

    def __init__(self, path: Path) -> None:
        """Begin the file."""
        self.path = Path(path)
        self._stream = self.path.open("w", encoding="utf-8", newline="\n")

    def add(
        self,
        name: str,
        labels: Mapping[str, object],
        times: Sequence[float],
        values: Sequence[float],
    ) -> None:
        """Add samples of a series: ascending epoch seconds, and numbers."""
        pairs = (
            f'{label}="{str(value).translate(LABEL_ESCAPES)}"' for label, value in labels.items()
        )
        head = f"{name}{{{','.join(pairs)}}}"
        self._stream.writelines(
            f"{head} {_number(value)} {at:.3f}\n" for at, value in zip(times, values)
        )

    def close(self) -> None:
        """End the file."""
        self._stream.write("# EOF\n")
        self._stream.close()

    def __enter__(self) -> OpenMetrics:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the file."""
        self.close()


def _number(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(float(value)), repr(float(value)))


class PrometheusServer(Server):
    """A Prometheus on a port of 127.0.0.1. Programs: prometheus and promtool."""

    name = "prometheus"

    def __init__(self, directory: Path) -> None:
        """Choose the port and the data directory, which stay the same over restarts."""
        super().__init__(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = self.directory / "tsdb"
        self.configuration = self.directory / "prometheus.yml"
        self.configuration.write_text(NO_TARGETS)

    def start(self, openmetrics: str | Path | Sequence[str] = ()) -> None:
        """Load OpenMetrics, a text or the path of a file, if given; start and wait until ready.

        Raises ServerFailed if the history cannot be loaded or the server ends.
        """
        if isinstance(openmetrics, str):
            path = self.directory / "history.om"
            path.write_text(openmetrics, encoding="utf-8")
            openmetrics = path
        if isinstance(openmetrics, Path):
            self.load(openmetrics)
        super().start()

    def load(self, path: Path) -> None:
        """Make blocks of an OpenMetrics file; the server is down meanwhile."""
        command = [_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet"]
        command.append(
            f"--max-block-duration={LONGEST_BLOCK}"
        )  # far fewer blocks of a long history
        done = subprocess.run(
            [*command, str(path), str(self.data)], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise ServerFailed(f"promtool cannot load {path}: {done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        """Return the command line of prometheus, which keeps samples of any age."""
        return [
            _program("prometheus"),
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--storage.tsdb.retention.time=100y",
            "--log.level=warn",
        ]

    def is_ready(self) -> bool:
        """Tell whether the server answers queries."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise ServerFailed(f"{name} is not installed (Debian package: prometheus)")
    return path
