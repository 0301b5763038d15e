#!/bin/sh
# Installs what is missing and runs Jest with the flags of Node that ES modules require.
root="$(dirname "$0")/.."
node "$root/infra/ensure-installed.mjs" || exit
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning "$root/node_modules/jest/bin/jest.js" "$@"
