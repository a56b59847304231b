#!/bin/sh
# The commands of `make demo`. They need .venv and nothing else: no engine, no cluster, no passphrase, no network.
set -eu

STATE=examples/demo/state.json

# Show a heading, the command and its output. Not failures: 2, changes pending, and 3, refused by a guardrail.
step() {
	printf '\n## %s\n\n' "$1"
	shift
	printf '$ %s\n' "$*"
	"$@" || case $? in 2 | 3) ;; *) exit 1 ;; esac
}

step 'Check the stack file' .venv/bin/ambient validate
step 'Access that the last deployment gave' .venv/bin/ambient access dev --state "$STATE"
step 'Changes that deploying the file would make' .venv/bin/ambient plan dev --offline --state "$STATE"
step 'Who could gain more than their grants' .venv/bin/ambient report dev --files --workspace research

printf '\n## Next\n\n'
printf '%s\n' \
	'Change stacks/dev.yaml, and run `make demo` again. The state is an example: examples/demo/README.md' \
	'`make up` deploys the file, on a local API server and with a real engine.'
