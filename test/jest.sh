#!/bin/sh
# Runs Jest with the flags of Node that ES modules require.
exec node --experimental-vm-modules --disable-warning=ExperimentalWarning "$(dirname "$0")/../node_modules/jest/bin/jest.js" "$@"
