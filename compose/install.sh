#!/bin/sh
# Make the virtual environment, with the command `promo` in it: install.sh PYTHON VENV LOCK.
# All output goes to standard error, so that `make ps` prints nothing but its lines. A second run continues
# where a failed one stopped.
set -eu
exec >&2
python=$1 venv=$2 lock=$3

fail() { printf 'promo: %s\n' "$@"; exit 1; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

apt_install() {
    echo "installing with apt-get: $*"
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

if ! command -v "$python" >/dev/null; then
    if [ "$python" = python3 ] && can_apt; then
        apt_install python3 python3-venv || fail "apt-get could not install python3; install it and run make again."
    else
        fail "no $python was found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.12 ..."
    fi
fi

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail \
    "$python is $("$python" -V 2>&1); Python 3.11 or newer is needed." \
    "  Install one and name it: make PYTHON=/path/to/python3.12 ..."

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    can_apt || fail "$python has no venv module. Install it: sudo apt-get install $version-venv, then run make again."
    apt_install "$version-venv" || fail "apt-get could not install $version-venv; install it and run make again."
fi

# an environment of a Python that was removed or replaced is made again
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    echo "making $venv"
    "$python" -m venv --clear "$venv" || fail "$venv could not be made; is the disk full, or its folder read-only?"
fi

echo "installing the packages of $lock"
"$venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$lock" || fail \
    "the packages could not be installed; the lines above say why." \
    "  No network, or a proxy: set https_proxy, or pip's index in pip.conf. Disk full: make room (400 MB)." \
    "  Then run the same command again."

# a script in place of an editable install: it needs no build tools, and runs the code of this clone
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd -P)
bin=$(CDPATH='' cd "$venv/bin" && pwd)
cat > "$venv/bin/promo" <<END
#!/bin/sh
# Made by compose/install.sh. -P: nothing is imported from the working directory.
PYTHONPATH=$(quote "$root")\${PYTHONPATH:+:\$PYTHONPATH} exec $(quote "$bin/python") -P -m compose "\$@"
END
chmod +x "$venv/bin/promo"
