#!/usr/bin/env bash
# Runs ansible-test with the Python of .venv: tests/ansible-test.sh sanity --test pylint
#
# ansible-test resolves links, and a real path that ends in ansible_collections/obol/dv is what it demands: so it works
# on a copy of the clone's files, a git work tree of its own. Its caches and virtual environments stay inside the clone too.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
copy=$root/.cache/ansible-test/ansible_collections/obol/dv
rm -rf "$copy"
mkdir -p "$copy"
cd "$root"
git ls-files -z --cached --others --exclude-standard -- . ':!collections' |
    while IFS= read -rd '' name; do if [[ -e $name ]]; then printf '%s\0' "$name"; fi; done |
    tar --create --null --files-from - | tar --extract --directory "$copy"
git -C "$copy" init --quiet
git -C "$copy" add .

export HOME=$root/.cache/ansible-test/home
export PATH=$root/.venv/bin:$PATH

# The name has the version of pip that a release of ansible-core wants: 2.19, and 2.20 and 2.21.
for pip in 24_2 25_2; do
    install -D -m 0644 "$root/tests/sanity/get_pip.py" "$HOME/.ansible/test/cache/get_pip_$pip.py"
done

cd "$copy"
command=$1
shift
exec ansible-test "$command" --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$@"
