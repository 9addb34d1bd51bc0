#!/bin/sh
# Run the tests of parsing, loading and reporting on Python 3.9 and on the newest that is there, both
# at once, and those of job collection on Python 3.6. What takes long and is the same for all is left
# out.
# Usage: run_versions.sh SCRATCH_DIRECTORY
set -eu
scratch=$1

find_python() { ./tests/find_python.sh "$1" || true; }

# Tell whether the portal runs on an interpreter: Django 5.2 needs 3.10.
has_portal() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; }

# Make an environment for an interpreter, if there is none, and run the tests with it.
test_with() {
  environment=$scratch/python-$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  [ -x "$environment/bin/pytest" ] || {
    "$1" -m venv "$environment"
    "$environment/bin/python" -m pip install -q click filelock pygetent PyMySQL python-dateutil \
      tabulate pytest hypothesis matplotlib pandas pyarrow scikit-learn psutil urllib3 trustme \
      kubernetes
    if has_portal "$environment/bin/python"; then
      "$environment/bin/python" -m pip install -q 'Django>=5.2,<6' djangorestframework gunicorn \
        ldap3 plotly Pygments whitenoise requests
    fi
  }
  portal=""
  has_portal "$environment/bin/python" && portal="tests/userportal/analysis tests/userportal/report
    tests/userportal/test_configuration.py tests/userportal/test_every_page.py"
  "$environment/bin/python" --version
  # shellcheck disable=SC2086
  "$environment/bin/python" -m pytest -q tests/lmodtrack tests/xaltload tests/afcollect \
    tests/epmtlite --ignore-glob 'tests/epmtlite/collect/test_torture*' \
    --ignore tests/epmtlite/daemon --ignore tests/epmtlite/gui \
    --ignore tests/epmtlite/plot/test_browser.py --ignore tests/epmtlite/test_epmt_peer.py \
    --ignore tests/epmtlite/test_notebook.py \
    $portal tests/usagedb/test_ahead.py tests/usagedb/test_dates.py tests/usagedb/test_days.py \
    tests/usagedb/test_mounts.py tests/usagedb/test_rejects.py tests/usagedb/test_source.py \
    -o cache_dir="$environment/.pytest_cache" -k "not mysql and not postgresql and not server"
}

newest=""
for version in 3.14 3.13 3.12 3.11 3.10; do
  [ -n "$newest" ] || newest=$(find_python "$version")
done
oldest=$(find_python 3.9)
[ -n "$oldest" ] || echo "no Python 3.9 here: not tested on it"

started=""
for python in "$oldest" "$newest"; do
  [ -n "$python" ] || continue
  test_with "$python" > "$scratch/versions-${#started}.out" 2>&1 &
  started="$started $!"
done
status=0
for started_process in $started; do
  wait "$started_process" || status=1
done
for output in "$scratch"/versions-*.out; do
  cat "$output"
  rm "$output"
done
[ "$status" = 0 ] || exit 1

# Jobs are collected with what compute nodes have: an old Python, and nothing else.
if ./tests/find_python.sh 3.6 >/dev/null; then
  make check-python-3.6
else
  echo "no Python 3.6 here: collection is not tested on it"
fi
