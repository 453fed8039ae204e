#!/bin/sh
# Run the tests of the built stack under `sam local`: with the container engine of this machine, else, where there are
# root and Debian's packages, with one of its own (samlane/), else say that nothing was run.
# usage: sam_local.sh possible PYTHON           exit 1, and say loudly why, where nothing could be run
#        sam_local.sh run PYTHON ARGUMENTS...   the lane has no network but its own
set -eu
here=$(dirname "$0") action=$1 python=$2
shift 2

skip() { # skip REASON
    echo "****************************************************************************************"
    echo "* sam local: SKIPPED. Nothing was run: the built functions are NOT tested here."
    echo "* $1"
    echo "****************************************************************************************"
    [ "$action" = run ] || exit 1
    exit 0
}

has_engine() { docker info >/dev/null 2>&1; }
has_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -r /etc/debian_version ]; }

[ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.13 ] ||
    skip "The layers are built with Python 3.13, and make found none."
has_engine || has_debian ||
    skip "There is no container engine, and no root with apt-get to make one."
[ "$action" = run ] || exit 0

if has_engine; then
    exec "$python" "$@"
fi
missing=
for command in dockerd:docker.io debootstrap:debootstrap ip:iproute2 newuidmap:uidmap iptables:iptables; do
    command -v "${command%%:*}" >/dev/null || missing="$missing ${command#*:}"
done
if [ -n "$missing" ]; then
    echo "sam local: installing$missing" >&2
    # shellcheck disable=SC2086 # a list of names; no service is started: the lane starts its own
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive sh -c "apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing" >/dev/null ||
        skip "apt-get could not install$missing."
fi
found=$(sh infra/laptop/find_python.sh)
prefix=$("$found" -c 'import sys; print(sys.base_prefix)')
version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
trap '"$here/samlane/samlane.sh" down' EXIT INT TERM
"$here/samlane/samlane.sh" up "$prefix" "$version" >&2 ||
    skip "No container engine could be started, or no base image built; the lines above say why."
export SAM_LOCAL_OPTIONS="--skip-pull-image"
"$here/samlane/samlane.sh" run "$python" "$@"
