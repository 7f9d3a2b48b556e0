#!/usr/bin/env bash
# Ceremonies over real ssh: all scenarios below extensions/molecule, or those of the arguments (-s ten).
# Where no test hosts can be it says why, and is done; in CI (CI=true) that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! reason=$(python tests/support/netns_hosts.py can 2>&1); then
    echo "molecule is skipped: $reason" >&2
    [[ ${CI:-} != true ]]
    exit
fi
if (($# == 0)); then
    set -- --all
fi
exec molecule test "$@"
