# hpcusage: what can be made here. `make` alone lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/demo
# Debian packages that the tests use: the real services.
TEST_PACKAGES := mariadb-server rsync postgresql lmod rsyslog logrotate slurm-wlm slurmdbd munge \
  gdb strace tcsh chromium fonts-dejavu-core prometheus prometheus-node-exporter slapd \
  ldap-utils nginx apache2 libapache2-mod-wsgi-py3 libapache2-mod-shib libapache2-mod-auth-openidc \
  libapache2-mod-auth-mellon gettext
# Tests wait more than they compute: half as many processes again as there are cores.
TEST_PROCESSES ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
COLLECTION_TESTS := -m unittest discover -s tests/epmtlite/collect -t .

.PHONY: help demo portal-demo test versions lint bench check zipapp clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z%.-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## Load a sample log into an embedded database and show the reports.
	@./conf/demo.sh $(BIN) $(DEMO)

portal-demo: $(VENV)/installed-portal  ## Make a made-up cluster, and serve the web portal on it.
	@$(BIN)/userportal demo --directory $(VENV)/portal-demo $(PORTAL_DEMO_OPTIONS)

test: $(VENV)/installed-dev  ## Install what the tests need, and run all of them.
	@./tests/install_services.sh $(TEST_PACKAGES)
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)

lint: $(VENV)/installed-dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check:  ## Run the tests of job collection with Python's standard library alone.
	$(PYTHON) $(COLLECTION_TESTS)

check-python-%:  ## The same with that interpreter, from 3.6 on: make check-python-3.6
	@python=$$(./tests/find_python.sh $*) || { echo "Python $* is not on this machine" >&2; exit 1; }; \
	  echo "$$python"; "$$python" $(COLLECTION_TESTS)

zipapp: build/epmt.pyz  ## Make build/epmt.pyz: what collects jobs, in one file for compute nodes.

build/epmt.pyz: epmtlite/__init__.py $(wildcard epmtlite/collect/*.py)
	rm -rf build/zipapp && mkdir -p build/zipapp/epmtlite/collect
	cp epmtlite/__init__.py build/zipapp/epmtlite/
	cp epmtlite/collect/*.py build/zipapp/epmtlite/collect/
	cp epmtlite/collect/__main__.py build/zipapp/
	$(PYTHON) -m zipapp -p '/usr/bin/env python3' -o $@ build/zipapp
	chmod 755 $@

versions: $(VENV)/bin/python  ## Run the tests that need no server on Python 3.9 and the newest.
	@./tests/run_versions.sh $(VENV)

bench: $(VENV)/installed-dev  ## Measure speed and memory against the targets (BENCH_* set the sizes).
	$(BIN)/python -m tests.bench

clean:  ## Remove the virtual environment and what was built.
	rm -rf $(VENV) build dist *.egg-info

# python3-venv is a package of its own on Debian.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' \
	  || { echo "hpcusage needs Python 3.9 or newer: make PYTHON=python3.x" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; \
	  else echo "python3-venv is missing: install it, for instance: apt install python3-venv" >&2; \
	    exit 1; fi; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.cfg pyproject.toml $(wildcard bin/*)
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/installed-portal: $(VENV)/installed
	$(BIN)/python -m pip install -q -e '.[portal]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install -q -e '.[dev,postgresql,analysis,jupyter,portal]'
	@touch $@
