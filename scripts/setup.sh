#!/usr/bin/env bash
# Install what the project needs, one part at a time:
#
#   setup.sh runtime      .venv with the hub itself
#   setup.sh tools        what tests and lint import
#   setup.sh certify      .venv-certify with what Matter's certification scripts import
#   setup.sh controllers  the real Matter controllers that the interop tests drive, and Debian tools for the tests
#   setup.sh server       .venv-matter-server with a Matter server, whose plugs the hub takes for loads
#
# runtime and tools must succeed. What of controllers and server cannot be had is said here; its tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
log=$venv/setup.log
minimum=3.11

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

suits() { # a Python of the right age that can make a virtual environment with pip
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

as_root() { # how to become root without asking anybody; fails when that is not possible
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        echo sudo
    else
        return 1
    fi
}

debian_install() {
    local root
    command -v apt-get >/dev/null 2>&1 || return 1
    root=$(as_root) || return 1
    local install=("$root" DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends "$@")
    "${install[@]}" >>"$log" 2>&1 && return
    "$root" apt-get update -qq >>"$log" 2>&1 && "${install[@]}" >>"$log" 2>&1
}

pip_install() {
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@" 2>>"$log"
}

runtime() {
    local python
    if ! [ -x $venv/bin/python ] || ! suits $venv/bin/python; then
        mkdir -p $venv
        if ! python=$(find_python); then
            say "no Python $minimum or newer with venv; trying to install python3-venv"
            debian_install python3 python3-venv || true
            python=$(find_python) || die "Python $minimum or newer with its venv module is needed: on Debian 12 and Ubuntu 24.04 or
       newer \`apt install python3-venv\`, elsewhere https://www.python.org; or name one: make setup PYTHON=/path/to/python3"
        fi
        say "making $venv with $("$python" --version)"
        "$python" -m venv --clear $venv
    fi
    say "installing the hub and its libraries"
    pip_install -e . || die "pip failed; the end of $log:
$(tail -n 15 $log)"
    touch $venv/.runtime
}

tools() {
    say "installing what tests and lint use"
    pip_install -e '.[test,lint]' || die "pip failed; the end of $log:
$(tail -n 15 $log)"
    touch $venv/.tools
}

controllers() {
    local missing=() package
    command -v ip >/dev/null 2>&1 || missing+=(iproute2)
    command -v mbpoll >/dev/null 2>&1 || missing+=(mbpoll)
    ldconfig -p 2>/dev/null | grep -q libnl-route-3.so.200 || missing+=(libnl-route-3-200)
    for package in "${missing[@]}"; do
        say "installing the Debian package $package"
        debian_install "$package" || say "  not installed (no apt-get, or no root without a password): tests that need $package are skipped"
    done

    say "installing the Matter SDK's controller"
    pip_install -e '.[interop]' || say "  not to be had here: $(tail -n 1 $log); its tests are skipped"

    if ! command -v npm >/dev/null 2>&1; then
        say "no npm: matter.js is not installed, its tests are skipped (node 20 or newer with npm brings them)"
    else
        say "installing matter.js"
        npm ci --prefix tests/interop/matterjs --no-audit --no-fund --loglevel=error >>"$log" 2>&1 ||
            say "  not to be had here: $(tail -n 1 $log); its tests are skipped"
    fi
    touch $venv/.controllers
}

server() {
    local python
    venv=.venv-matter-server
    log=$venv/setup.log
    python=$(find_python) || die "Python $minimum or newer with its venv module is needed"
    say "installing a Matter server"
    "$python" -m venv --clear $venv
    # Its packages want older libraries than the hub's, and an interactive shell that it has no use for.
    if ! pip_install -r tests/interop/matter_server_requirements.txt ||
        ! pip_install --no-deps python-matter-server==7.0.1 home-assistant-chip-{core,clusters}==2024.11.4; then
        say "  not to be had here: $(tail -n 1 $log); its tests are skipped"
        rm -r $venv
    fi
    touch .venv/.matter-server
}

certify() {
    local python
    venv=.venv-certify
    log=$venv/setup.log
    python=$(find_python) || die "Python $minimum or newer with its venv module is needed"
    say "making $venv for Matter's certification scripts"
    "$python" -m venv --clear $venv
    # The scripts need the interactive part of the controller, but nothing that its package depends on.
    pip_install -r tests/certification/requirements.txt && pip_install --no-deps home-assistant-chip-repl==2025.7.0 ||
        die "pip failed; the end of $log:
$(tail -n 15 $log)"
    ldconfig -p 2>/dev/null | grep -q libnl-route-3.so.200 || debian_install libnl-route-3-200 ||
        say "the controller needs the Debian package libnl-route-3-200, which could not be installed"
    touch $venv/.ready
}

case "${1:-}" in
runtime | tools | controllers | server | certify) "$1" ;;
*) die "usage: setup.sh runtime | tools | controllers | server | certify" ;;
esac
