#!/bin/sh
# Install what some tests need: Chromium, nginx, promtool, node with the AsyncAPI parser.
# What cannot be installed is named; its tests are then skipped and say so.
set -u
missing=
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing="$missing $2"; }
need chromium chromium
need nginx nginx
need promtool prometheus
need node nodejs
need npm npm

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing with apt-get:$missing"
        # shellcheck disable=SC2086
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } ||
            echo "apt-get could not install all of:$missing"
    else
        echo "not installed:$missing (needs root and apt-get)"
    fi
fi

parser=build/asyncapi
if [ ! -d "$parser/node_modules/@asyncapi/parser" ] && command -v npm >/dev/null; then
    mkdir -p "$parser"
    npm install --silent --no-audit --no-fund --no-save --prefix "$parser" @asyncapi/parser@3 ||
        echo "npm could not install @asyncapi/parser"
fi
exit 0
