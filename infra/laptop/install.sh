#!/bin/sh
# Create or refresh a virtual environment from the pinned, hash-checked requirements.
# usage: install.sh PYTHON VENV LOCKFILE     does nothing when the environment already matches.
set -eu
python=$1 venv=$2 lock=$3

wanted=$("$python" -c 'import sys, hashlib, pathlib
files = [pathlib.Path(sys.argv[1]), pathlib.Path("pyproject.toml")]
print(sys.version.split()[0], hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest())' "$lock")
stamp=$venv/installed-$(basename "$lock" .txt)

# The compiled kernel, made once for the same sources; whybox answers the same without it, only slower, and says so.
build_kernel() {
    "$venv/bin/python" infra/layers/build_kernel.py || true
}
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && build_kernel && exit 0

version=${wanted%% *}
if [ "$("$venv/bin/python" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null)" != "$version" ]; then
    echo "whybox: creating $venv with CPython $version ($python)" >&2
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi
echo "whybox: installing the pinned packages of $lock into $venv (about a minute the first time)" >&2
quiet=--quiet
[ -t 2 ] && quiet=
"$venv/bin/python" -m pip install $quiet --disable-pip-version-check --require-hashes -r "$lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
build_kernel
echo "$wanted" > "$stamp"
echo "whybox: $venv is ready" >&2
