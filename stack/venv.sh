#!/usr/bin/env bash
# Makes the virtual environment .venv with the package and its tools in it; quick when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

everything="python3 python3-venv rabbitmq-server default-jre-headless maven"

find_python() {
    local candidate
    for candidate in python3.11 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v python3 >/dev/null; then
        echo "Installing python3 …"
        apt-get -q update >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 python3-venv >/dev/null
    fi
    if ! python=$(find_python); then
        echo "Python 3.11 or newer is needed; this machine has $(python3 --version 2>/dev/null || echo none)." >&2
        echo "On Debian 12 or newer, as root:" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends $everything" >&2
        exit 1
    fi
fi

# Another python, another folder or other versions make another environment.
key=$( (cat pyproject.toml constraints.txt; "$python" -VV; pwd) | sha256sum | cut -c1-16)
stamp=.venv/made-$key
[ -e "$stamp" ] && exit 0

mkdir -p .local
exec 9>.local/venv.lock
flock 9
[ -e "$stamp" ] && exit 0
"$python" -m stack.install venv
echo "Making .venv with $("$python" --version) …"
rm -f .venv/made-*
"$python" -m venv .venv || { rm -rf .venv; "$python" -m venv .venv; }
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test]'
touch "$stamp"
