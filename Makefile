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
  libapache2-mod-auth-mellon gettext man-db mandoc zsh debootstrap curl gcc libc6-dev
# Tests wait more than they compute: half as many processes again as there are cores.
TEST_PROCESSES ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
# What the archive of `make release` serves, and the extras whose wheels are in it: 60 MB. With
# analysis and jupyter as well it has some 1 GB.
RELEASE_PYTHONS ?= 3.9 3.10 3.11 3.12 3.13
RELEASE_EXTRAS ?= mysql8 portal postgresql
# The C library of the oldest machines is 2.N: 17 is CentOS 7, 28 RHEL 8.
RELEASE_GLIBC ?= 17
AUDITED := usagedb lmodtrack xaltload afcollect epmtlite userportal release bin
# SQL by strings is ruff's S608, in `make lint`; mark_safe is B308, too.
ELSEWHERE := B608,B703
SCRATCH := TMPDIR=$$(./tests/scratch_directory.sh)
COLLECTION_TESTS := -m unittest discover -s tests/epmtlite/collect -t .

.PHONY: help demo portal-demo test versions lint bench docs soak mysql-check audit check zipapp release release-check man clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z%.-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## Load a sample log into an embedded database and show the reports.
	@./conf/demo.sh $(BIN) $(DEMO)

portal-demo: $(VENV)/installed-portal  ## Make a made-up cluster, and serve the web portal on it.
	@$(BIN)/userportal demo --directory $(VENV)/portal-demo $(PORTAL_DEMO_OPTIONS)

test: $(VENV)/installed-dev  ## Install what the tests need, and run all of them.
	@./tests/install_services.sh $(TEST_PACKAGES)
	$(SCRATCH) $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)

lint: $(VENV)/installed-dev  ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=release/installer $(BIN)/mypy --explicit-package-bases $(wildcard release/installer/*.py)

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

versions: $(VENV)/installed-dev  ## Run the tests that need no server on Python 3.9 to 3.13.
	@$(SCRATCH) $(BIN)/python -m tests.run_versions $(VENV)

bench: $(VENV)/installed-dev  ## Measure speed and memory against the targets (BENCH_* set the sizes).
	$(BIN)/python -m tests.bench

docs: $(VENV)/installed-dev  ## Write what --help of each command prints into COMMANDS.md.
	$(BIN)/python -m release.help_texts

soak: $(VENV)/installed-dev  ## Run the long tests, half an hour and more (SOAK_PARTS="galera" names some).
	@./tests/install_services.sh $(TEST_PACKAGES)
	$(BIN)/python -m pip install -q atheris
	$(BIN)/python -m tests.soak $(SOAK_PARTS)

# Debian has MySQL's server in its unstable distribution alone.
build/mysql/usr/sbin/mysqld:
	@./tests/install_services.sh debootstrap
	rm -rf build/mysql && mkdir -p build/mysql
	debootstrap --variant=minbase --include=mysql-server-core sid build/mysql >build/mysql.log

mysql-check: $(VENV)/installed-dev build/mysql/usr/sbin/mysqld  ## Run the tests of MariaDB on MySQL (as root; needs Debian's packages).
	HPCUSAGE_MYSQL_ROOT=$(CURDIR)/build/mysql $(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadfile \
	  -k "mysql and not galera" tests/usagedb tests/lmodtrack tests/xaltload tests/epmtlite \
	  tests/userportal/test_own_*.py

audit: $(VENV)/installed-dev  ## Look for known faults with bandit and pip-audit (needs the network).
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install -q bandit pip-audit
	build/audit/bin/bandit -q -r -ll --skip $(ELSEWHERE) $(AUDITED)
	build/audit/bin/bandit -q -r --ignore-nosec --exit-zero -f json -o build/audit/bandit.json \
	  --skip $(ELSEWHERE) $(AUDITED)
	$(BIN)/python -m tests.bandit_counts build/audit/bandit.json
	$(BIN)/python -m pip list --format=freeze --exclude hpcusage >build/audit/installed.txt
	build/audit/bin/pip-audit --strict --no-deps --disable-pip -r build/audit/installed.txt

release: $(VENV)/installed-dev  ## Make dist/: wheel, source archive, one archive for sites without network.
	@$(BIN)/python -m release --output dist --pythons "$(RELEASE_PYTHONS)" \
	  --extras "$(RELEASE_EXTRAS)" --glibc-minor $(RELEASE_GLIBC)

release-check: $(VENV)/installed-dev  ## Make releases, install, upgrade and remove them, in a bare Debian too.
	@./tests/install_services.sh $(TEST_PACKAGES)
	HPCUSAGE_REQUIRE_SERVICES=1 $(BIN)/python -m pytest -q tests/release tests/system/test_release*.py

man: $(VENV)/installed-dev  ## Write manual pages and shell completion of all commands to build/share.
	@$(BIN)/python -m release --share build/share

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

# A plain path in the place of setuptools' import hook, with which each of the ten thousand commands
# that the tests run would begin a seventh later.
$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install -q -e '.[dev,postgresql,analysis,jupyter,portal]'
	@for hook in $(VENV)/lib/python*/site-packages/__editable__.hpcusage-*.pth; do \
	  pwd >"$$hook"; done
	@touch $@
