#!/bin/bash
# A container engine and Lambda's base image on a machine that has neither: see README.md beside this.
#   samlane.sh up PYTHON_PREFIX VERSION   start dockerd in a network namespace of its own, build the base image
#   samlane.sh run COMMAND...             run a command (sam local ...) in the namespace
#   samlane.sh down                       stop dockerd, remove the namespace; the images stay in $SAMLANE_DIR
set -euo pipefail
folder=${SAMLANE_DIR:-${TMPDIR:-/var/tmp}/samlane} namespace=${SAMLANE_NS:-samlane}
export DOCKER_HOST=unix://$folder/docker.sock
in_namespace() { nsenter --net="/run/netns/$namespace" "$@"; } # not `ip netns exec`: that hides the cgroups

case ${1:?up, run or down} in
up)
    case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=x86_64 ;; esac
    mkdir -p "$folder"
    [ -e "/run/netns/$namespace" ] || ip netns add "$namespace"
    ip -n "$namespace" link set lo up
    if ! docker info >/dev/null 2>&1; then
        in_namespace dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
            -H "$DOCKER_HOST" --iptables=false --ip6tables=false >"$folder/dockerd.log" 2>&1 </dev/null &
        for _ in $(seq 100); do
            docker info >/dev/null 2>&1 && break
            sleep 0.2
        done
        docker info >/dev/null
    fi
    docker image inspect "public.ecr.aws/lambda/python:$3-$architecture" >/dev/null 2>&1 ||
        "$(dirname "$0")/build-base-image.sh" "$2" "$folder/rootfs-$3" "$3"
    ;;
run)
    shift
    in_namespace env SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 "$@"
    ;;
down)
    if [ -f "$folder/dockerd.pid" ]; then
        daemon=$(cat "$folder/dockerd.pid")
        kill "$daemon" 2>/dev/null || true
        for _ in $(seq 50); do
            [ -d "/proc/$daemon" ] || break
            sleep 0.2
        done
    fi
    ip netns del "$namespace" 2>/dev/null || true
    ;;
*)
    echo "up, run or down" >&2
    exit 2
    ;;
esac
