#!/bin/sh
# Run the tests of the built stack under `sam local`: with the container engine of this machine, else, where there are
# root and Debian's packages, with one of its own (samlane/), else say that nothing was run.
# usage: sam_local.sh PYTHON [ARGUMENTS...]     without arguments the tests; the lane has no network but its own
set -eu
here=$(dirname "$0") python=$1
shift
[ $# -gt 0 ] || set -- -m pytest -p no:cacheprovider tests/e2e --ignore tests/e2e/test_layer_sizes.py

if docker info >/dev/null 2>&1; then
    exec "$python" "$@"
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -r /etc/debian_version ]; then
    missing=
    for command in dockerd:docker.io debootstrap:debootstrap ip:iproute2 newuidmap:uidmap iptables:iptables; do
        command -v "${command%%:*}" >/dev/null || missing="$missing ${command#*:}"
    done
    if [ -n "$missing" ]; then
        echo "sam local: installing$missing" >&2
        # shellcheck disable=SC2086 # a list of names; no service is started: the lane starts its own
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive sh -c "apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing" >/dev/null
    fi
    found=$(sh infra/laptop/find_python.sh)
    prefix=$("$found" -c 'import sys; print(sys.base_prefix)')
    version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    trap '"$here/samlane/samlane.sh" down' EXIT INT TERM
    "$here/samlane/samlane.sh" up "$prefix" "$version" >&2
    export SAM_LOCAL_OPTIONS="--skip-pull-image"
    "$here/samlane/samlane.sh" run "$python" "$@"
    exit
fi
echo "****************************************************************************************"
echo "* sam local: SKIPPED. There is no container engine here, and no root with apt-get to   *"
echo "* make one. Nothing was run: the built functions are NOT tested on this machine.       *"
echo "****************************************************************************************"
