#!/bin/sh
# Print the newest working CPython of 3.13 (the deployed runtime), 3.12, 3.11: from PATH, then from pyenv's versions.
# A candidate works when it answers with its version and can make a virtual environment; a pyenv shim without
# its version does not answer and is passed over.
set -u

works() {
    "$1" -c "import sys, ensurepip, venv, ssl, sqlite3; sys.exit(sys.implementation.name != 'cpython' or '%d.%d' % sys.version_info[:2] != '$2')" 2>/dev/null
}

for version in 3.13 3.12 3.11; do
    for candidate in $(which -a "python$version" python3 2>/dev/null) \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python3; do
        if works "$candidate" "$version"; then
            echo "$candidate"
            exit 0
        fi
    done
done
echo "whybox needs CPython 3.11, 3.12 or 3.13 with venv and ensurepip; none was found on PATH or under pyenv." >&2
echo "Install one, or name it: make demo PYTHON=/path/to/python3.13" >&2
exit 1
