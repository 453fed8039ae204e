#!/bin/bash
# Build a stand-in for public.ecr.aws/lambda/python of Debian packages, a CPython of this machine and awslambdaric.
# usage: build-base-image.sh PYTHON_PREFIX ROOTFS VERSION     needs root and a docker command in $DOCKER
set -euo pipefail
python_prefix=${1:?} root=${2:?} version=${3:?} docker=${DOCKER:-docker}
case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=x86_64 ;; esac

# Without libgomp: Lambda's system has none either.
packages=ca-certificates,libssl3,libsqlite3-0,libbz2-1.0,libreadline8,libffi8,liblzma5,zlib1g,libncursesw6,libexpat1,libuuid1
[ -d "$root/usr" ] || debootstrap --variant=minbase --include="$packages" bookworm "$root"

mkdir -p "$root"/var/{lang,runtime,task,rapid} "$root/opt"
rm -rf "$root/var/lang" "$root/var/runtime"
mkdir -p "$root/var/lang"/{bin,lib} "$root/var/runtime"
cp -a "$python_prefix/bin/python$version" "$root/var/lang/bin/"
ln -sf "python$version" "$root/var/lang/bin/python3"
ln -sf "python$version" "$root/var/lang/bin/python"
cp -a "$python_prefix"/lib/libpython"$version".so* "$root/var/lang/lib/"
(
    cd "$python_prefix/lib"
    tar --exclude="python$version/site-packages/*" --exclude='*/test' --exclude='*/tests' --exclude='*/__pycache__' \
        --exclude='*/idlelib' --exclude='*/tkinter' --exclude='*/ensurepip/_bundled' --exclude='python*/config-*' \
        -cf - "python$version"
) | tar -C "$root/var/lang/lib" -xf -
mkdir -p "$root/var/lang/lib/python$version/site-packages"
"$python_prefix/bin/python$version" -m pip install -q --no-compile --root-user-action ignore \
    --target "$root/var/runtime" --upgrade awslambdaric boto3
# Lambda's own library is compiled too: a start measured without would be half a second too slow
"$python_prefix/bin/python$version" -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / \
    "$root/var/lang/lib/python$version" "$root/var/runtime" >/dev/null || true # lib2to3's samples are no Python

cat > "$root/var/runtime/bootstrap" <<'BOOTSTRAP'
#!/bin/sh
export LAMBDA_TASK_ROOT=${LAMBDA_TASK_ROOT:-/var/task} LAMBDA_RUNTIME_DIR=/var/runtime
export PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin
export LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib
export PYTHONPATH=/var/task:/opt/python:/var/runtime${PYTHONPATH:+:$PYTHONPATH}
exec /var/lang/bin/python3 -m awslambdaric "${_HANDLER:-$1}"
BOOTSTRAP
cat > "$root/lambda-entrypoint.sh" <<'ENTRYPOINT'
#!/bin/sh
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
    exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
fi
exec /var/runtime/bootstrap
ENTRYPOINT
chmod 755 "$root/var/runtime/bootstrap" "$root/lambda-entrypoint.sh"

tar -C "$root" --exclude='./var/cache/apt/archives/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*' -cf - . |
    "$docker" import \
        -c 'ENV LANG=en_US.UTF-8' -c 'ENV TZ=:/etc/localtime' \
        -c 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin' \
        -c 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib' \
        -c 'ENV LAMBDA_TASK_ROOT=/var/task' -c 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' -c 'WORKDIR /var/task' \
        -c 'ENTRYPOINT ["/lambda-entrypoint.sh"]' - "public.ecr.aws/lambda/python:$version-$architecture"
