#!/usr/bin/env bash
# Names the programs that the checks use and that are not here. In CI (CI=true) one that is missing is a failure.
set -euo pipefail

missing=0
PATH=$PATH:/usr/sbin:/sbin

need() {  # program, why
    command -v "$1" >/dev/null && return
    echo "missing: $1 - $2" >&2
    missing=1
}

need git "ansible-test asks it which files there are; the collection test compares the package with them"
need go "builds stock charon and age, which judge what is made here, Prysm and geth; without it those tests are skipped (Go 1.26, https://go.dev/dl)"
need cc "builds Prysm, a validator client to load key shares into, and geth, for a chain to attest on (apt install gcc libc6-dev)"
for program in node npm g++ make python3; do
    need $program "installs and runs Lodestar, another one, and anvil, for a chain to deposit on; without node and npm those tests are skipped (apt install nodejs npm libnode-dev g++ make python3)"
done
for program in ip nc sshd sudo; do
    need $program "hosts to run on, tests/support/netns_hosts.py; without them those tests are skipped (apt install iproute2 netcat-openbsd openssh-server sudo)"
done
need faketime "gives nodes a clock that is a day off; without it that test is skipped (apt install faketime)"
need strace "kills runs at their system calls, and makes them fail; without it those tests are skipped (apt install strace)"

if [[ ${CI:-} == true ]]; then
    exit $missing
fi
