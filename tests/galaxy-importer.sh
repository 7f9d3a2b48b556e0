#!/usr/bin/env bash
# Holds the collection against the gate of Ansible Galaxy, galaxy-importer, with the environment that `make sanity` makes.
#
# What ansible-doc, ansible-lint and ansible-test say is told by the unit tests, `make lint` and `make sanity` already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
directory=.cache/galaxy/packed
rm -rf "$directory"
.ci/package https://example.org/obol.dv "$directory"

cd "$directory"
export PATH=$PWD/../bin:$PATH
export GALAXY_IMPORTER_RUN_ANSIBLE_DOC=false GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false GALAXY_IMPORTER_RUN_ANSIBLE_TEST=false
python -m galaxy_importer.main obol-dv-*.tar.gz >log || { cat log; exit 1; }
# What it would tell the one who publishes.
if grep --extended-regexp "^(WARNING|ERROR)" log; then exit 1; fi
