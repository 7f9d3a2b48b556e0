# What people type. `make` alone lists it.
#
# Every target makes what it needs first: .venv from the locked requirements, and again when they change.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first of these that is new enough, unless said with PYTHON=...
PYTHON = $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null && echo $$python && break; done)

# Only wheels: what is built from source would bring tools that no lock file pins.
PIP_INSTALL = pip install --quiet --only-binary :all: --require-hashes

# Whole clusters wait for processes a third of the time: one worker more than there are processors.
WAITING_WORKERS = $$(($$(nproc) + 1))

CONTROL := .venv/.made-control
CHECKS := .venv/.made-checks
IMPORTER := .cache/galaxy/.made

##@ Clusters

.PHONY: create-cluster
create-cluster: $(CONTROL)  ## make a cluster; ARGS="-i my-inventory" for another than the four local nodes
	ansible-playbook create-cluster.yml $(ARGS)

.PHONY: clean-cluster
clean-cluster: $(CONTROL)  ## delete the local nodes and their keys; asks for CONFIRM=yes; ARGS="-i my-inventory" as above
	ansible-playbook clean-cluster.yml $(ARGS) -e dv_clean_confirm=$(CONFIRM)

# For which nodes: their Pythons, and what `uname -m` says there.
NODE_PYTHON = 3.11 3.12 3.13 3.14
NODE_MACHINE = x86_64
NODE_PLATFORMS = --platform manylinux_2_28_$(NODE_MACHINE) --platform manylinux2014_$(NODE_MACHINE)
WHEELHOUSE = wheelhouse

.PHONY: wheelhouse
wheelhouse: $(CONTROL)  ## wheels for nodes that reach no package index, into wheelhouse/; NODE_PYTHON="3.11" NODE_MACHINE=aarch64
	for python in $(NODE_PYTHON); do pip download --quiet --dest $(WHEELHOUSE) --no-deps --only-binary :all: --require-hashes \
		--implementation cp --python-version $$python $(NODE_PLATFORMS) -r requirements-node.txt; done

##@ Checks

.PHONY: test
test: needs lint sanity ansible-units unit integration molecule fault-sample  ## everything but the whole of the faults

.PHONY: unit
unit: $(CHECKS)  ## unit tests, in seconds; ARGS="-k enr" for some of them
	pytest --numprocesses auto tests/unit $(ARGS)

.PHONY: integration
integration: $(CHECKS)  ## whole clusters, judged by stock charon
	pytest --numprocesses $(WAITING_WORKERS) --dist loadfile --no-loadscope-reorder tests/integration $(ARGS)

.PHONY: faults
faults: $(CHECKS)  ## kills and errors at every system call and every task; takes about an hour
	pytest --numprocesses auto tests/faults --every-fault $(ARGS)

.PHONY: fault-sample
fault-sample: $(CHECKS)
	pytest --numprocesses auto tests/faults $(ARGS)

.PHONY: molecule
molecule: $(CHECKS)  ## ceremonies over real ssh, on hosts made here (needs root); ARGS="-s ten" for one of them
	tests/molecule.sh $(ARGS)

.PHONY: lint
lint: $(CHECKS)  ## Python and its types, YAML, playbooks and roles, shell scripts, changelog
	ruff format --check --quiet || { echo "some files are not formatted: make format"; exit 1; }
	ruff check --quiet
	mypy
	yamllint --strict .
	ansible-lint --offline
	shellcheck .ci/* tests/*.sh
	antsibull-changelog lint

.PHONY: format
format: $(CHECKS)  ## formats Python as `make lint` wants it
	ruff check --quiet --fix --select I
	ruff format --quiet

.PHONY: sanity
sanity: $(CHECKS) $(IMPORTER)  ## what ansible-test says of a collection, and Ansible Galaxy
	tests/ansible-test.sh sanity --skip-test import
	# This test's Python has none of the core's packages, as some node's: modules have to start all the same, and say so.
	tests/ansible-test.sh sanity --test import plugins/modules/
	tests/galaxy-importer.sh

.PHONY: ansible-units
ansible-units: $(CHECKS)  ## unit tests of what is Ansible's part, as ansible-test runs them
	# The core knows nothing of Ansible: `make unit` runs its tests.
	tests/ansible-test.sh units tests/unit/plugins/plugin_utils/

.PHONY: bench
bench: $(CHECKS)  ## what ceremonies cost, beside charon's; ARGS="--only 4x1 10x10,ssh" for some, ARGS=--help
	python tests/bench $(ARGS)

# `.ci/run` begins with it in the background: a test that wants one of them waits.
.PHONY: programs
programs: $(CHECKS)  ## build the foreign programs that the tests want, once
	python tests/build_programs.py

.PHONY: needs
needs:  ## say which programs the checks miss, and what for
	@tests/needs.sh

##@ House

# For all Pythons from the oldest on: --universal gives a package that only some want, or in another version, a marker.
# Not those of a node: obol.dv.runtime asks whether each of them is there, and nothing is lost by one too many.
UV_COMPILE = uv pip compile --quiet $(LOCK_OPTIONS) --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
LOCK_OPTIONS = --upgrade

.PHONY: lock
lock: $(CHECKS)  ## choose newer packages within requirements*.in and lock them; LOCK_OPTIONS= keeps those that fit
	$(UV_COMPILE) --output-file requirements-node.txt requirements-node.in
	for name in requirements requirements-report requirements-dev requirements-galaxy; do $(UV_COMPILE) --universal --output-file $$name.txt $$name.in; done

.PHONY: readmes
readmes: $(CHECKS)  ## write README.md of every role from its meta/argument_specs.yml
	python tests/role_readmes.py

.PHONY: release
release: $(CONTROL)  ## the collection for Ansible Galaxy, into dist/; asks for REPOSITORY=https://...
	@git diff --quiet HEAD || { echo "a release is what is committed: commit first, or take your changes away"; exit 1; }
	.ci/package "$(REPOSITORY)" dist

.PHONY: clean
clean:  ## delete what was made here, but never local/ (see clean-cluster)
	rm -rf .venv .cache .ansible dist tests/output .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path "./local/*" -prune -exec rm -rf {} +

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12, 3.13 or 3.14 is needed and not on the PATH: install one, or say PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv --clear .venv

$(CONTROL): requirements.txt | .venv/bin/pip
	.venv/bin/$(PIP_INSTALL) -r $<
	touch $@

$(CHECKS): requirements-dev.txt | .venv/bin/pip
	.venv/bin/$(PIP_INSTALL) -r $<
	touch $@ $(CONTROL)

$(IMPORTER): requirements-galaxy.txt | .venv/bin/pip
	.venv/bin/python -m venv --clear .cache/galaxy
	.cache/galaxy/bin/$(PIP_INSTALL) -r $<
	touch $@
