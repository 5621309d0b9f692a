#!/usr/bin/env bash
# Installs the registry clients that tests/clients drives, Debian's docker-registry as a peer, njs, and
# the browser of tests/page.
# Debian and Ubuntu only, as root or through sudo without a password.  What cannot be installed is
# named and left out: its tests then report NOT RUN, so this script always ends with 0.
# The clients that are Go modules come from goclients.sh, wherever Go is.
set -uo pipefail

bash "$(dirname "${BASH_SOURCE[0]}")/goclients.sh"
bash "$(dirname "${BASH_SOURCE[0]}")/axe.sh"

packages=(skopeo podman buildah containerd runc crun docker.io docker-registry njs chromium)
# Newer releases ship the docker command apart from the daemon.
programs=(skopeo podman buildah containerd ctr runc crun dockerd docker docker-registry njs chromium)

finish() {
    local program left_out=()
    export PATH="$PATH:/usr/sbin:/sbin"
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null || left_out+=("$program")
    done
    if ((${#left_out[@]})); then
        echo "clients: left out: ${left_out[*]}${1:+ ($1)}; their tests report NOT RUN"
    else
        echo "clients: all here: ${programs[*]}"
    fi
    exit 0
}

installed() {
    [[ "$(dpkg-query --show --showformat='${Status}' "$1" 2>/dev/null)" == "install ok installed" ]]
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    finish "no apt-get: only Debian and Ubuntu are known here"

missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
if ! command -v docker >/dev/null && ! installed docker-cli; then
    missing+=(docker-cli)
fi
((${#missing[@]})) || finish

as_root=()
if ((EUID != 0)); then
    sudo -n true 2>/dev/null || finish "installing needs root"
    as_root=(sudo -n)
fi

# The tests start every daemon themselves, with private sockets and folders.  So that no package
# starts its own now (docker-registry would take port 5000), services are denied while installing.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}

apt update || echo "clients: apt-get update failed, going on with the lists that are here"
if ! apt install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
    # One package that this release lacks must not keep the others out.
    for package in "${missing[@]}"; do
        apt install --yes --no-install-recommends "$package" >/dev/null ||
            echo "clients: $package could not be installed"
    done
fi
finish "see above"
