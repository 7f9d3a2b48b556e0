#!/usr/bin/env bash
# Names the programs that the checks use and that are not here. In CI (CI=true) one that is missing is a failure.
set -euo pipefail

missing=0

need() {  # program, why
    command -v "$1" >/dev/null && return
    echo "missing: $1 - $2" >&2
    missing=1
}

need git "ansible-test asks it which files there are; the collection test compares the package with them"
need go "builds stock charon and age, which judge what is made here; without it those tests are skipped (Go 1.26, https://go.dev/dl)"

if [[ ${CI:-} == true ]]; then
    exit $missing
fi
