"""Serves Keystone's own WSGI application on a free port of 127.0.0.1, and prints where.

usage: keystone-server.py CONFIGURATION
"""

import os
import sys

import waitress

# Keystone reads both of these by itself, when it is imported and when it is made.
os.environ['OS_KEYSTONE_CONFIG_FILES'] = sys.argv.pop()

from keystone.server import wsgi  # noqa: E402

# One request at a time, which is what its SQLite can bear.
server = waitress.create_server(wsgi.initialize_public_application(), host='127.0.0.1', port=0, threads=1)
print(f'Listening on http://127.0.0.1:{server.effective_port}', flush=True)
server.run()
