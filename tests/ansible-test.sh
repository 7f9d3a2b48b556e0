#!/usr/bin/env bash
# Runs ansible-test on this clone with the Python of .venv: tests/ansible-test.sh sanity --test pylint
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
collection=$root/collections/ansible_collections/obol/dv

# Its caches and environments stay inside the clone.
export HOME=$root/.cache/ansible-test
export PATH=$root/.venv/bin:$PATH
# ansible-test takes the physical working directory and would not see that it is inside a collection.
export ANSIBLE_TEST_CONTENT_ROOT=$collection

# The name has the version of pip that this release of ansible-core wants.
install -D -m 0644 "$root/tests/sanity/get_pip.py" "$HOME/.ansible/test/cache/get_pip_24_2.py"

cd "$collection"
command=$1
shift
exec ansible-test "$command" --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$@"
