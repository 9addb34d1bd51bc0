#!/bin/sh
# Run the tests of parsing, loading and reporting on Python 3.9 and on the newest that is there.
# Usage: run_versions.sh SCRATCH_DIRECTORY
set -eu
scratch=$1

find_python() {
  command -v "python$1" >/dev/null && "python$1" --version >/dev/null 2>&1 && { echo "python$1"; return; }
  for found in "$HOME"/.pyenv/versions/"$1".*/bin/python; do
    [ -x "$found" ] && { echo "$found"; return; }
  done
}

newest=""
for version in 3.14 3.13 3.12 3.11 3.10; do
  [ -z "$newest" ] && newest=$(find_python "$version") || true
done
for python in "$(find_python 3.9)" "$newest"; do
  if [ -z "$python" ]; then
    echo "no Python 3.9 here: not tested on it"
    continue
  fi
  environment=$scratch/python-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  [ -x "$environment/bin/pytest" ] || {
    "$python" -m venv "$environment"
    "$environment/bin/python" -m pip install -q click filelock pygetent PyMySQL python-dateutil \
      tabulate pytest hypothesis matplotlib psutil urllib3 trustme kubernetes
  }
  "$environment/bin/python" --version
  "$environment/bin/python" -m pytest -q tests/lmodtrack tests/xaltload tests/afcollect \
    tests/usagedb/test_ahead.py tests/usagedb/test_dates.py tests/usagedb/test_days.py \
    tests/usagedb/test_mounts.py tests/usagedb/test_rejects.py tests/usagedb/test_source.py \
    -k "not mysql and not postgresql and not server"
done
