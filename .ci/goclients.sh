#!/usr/bin/env bash
# Builds the registry clients that come as Go modules, and the OCI conformance programme, each at a
# pinned version, into .clients/bin of this checkout (git ignores it; tests/clients looks there).
# What cannot be built is named and left out: its tests then report NOT RUN, so this script always
# ends with 0.  What is there at its version is not built again, and nothing is asked of a network.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 0

# The pinned versions.  `conformance` has no release with every option: this is the newest commit of
# the main branch that the Go module proxy serves.
modules=(
    "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111"
    "github.com/google/go-containerregistry/cmd/crane@v0.22.1"
    "oras.land/oras/cmd/oras@v1.3.6"
    "github.com/regclient/regclient/cmd/regctl@v0.11.7"
)
bin="$PWD/.clients/bin"
oldest=(1 24)

left_out=()
here=()
why=""

# Whether the program is here and was built from this package at this version.
built() {
    local program="$bin/${1##*/}"
    [[ -x $program ]] && go version -m "$program" 2>/dev/null |
        awk -v package="$1" -v version="$2" '
            $1 == "path" { path = $2 }
            $1 == "mod" { found = $3 }
            END { exit !(path == package && found == version) }'
}

has_go() {
    command -v go >/dev/null || { why="no Go here"; return 1; }
    local version major minor
    version=$(go env GOVERSION 2>/dev/null)
    IFS=. read -r major minor _ <<<"${version#go}"
    minor=${minor%%[!0-9]*}
    ((${major:-0} > oldest[0] || (${major:-0} == oldest[0] && ${minor:-0} >= oldest[1]))) ||
        { why="${version:-this Go} is older than 1.24"; return 1; }
}

has_go
go_is_here=$?
for module in "${modules[@]}"; do
    package=${module%@*} version=${module#*@} name=${module%@*}
    name=${name##*/}
    if ((go_is_here == 0)) && ! built "$package" "$version"; then
        mkdir -p "$bin"
        # From a folder of its own: a go.mod or a go.work of somebody else must not matter.
        if ! (cd "$bin" && GOBIN="$bin" GOWORK=off GOFLAGS=-buildvcs=false CGO_ENABLED=0 \
            timeout 900 go install "$module") >"$bin/../$name.log" 2>&1; then
            rm -f "$bin/$name"
            why="its build failed, see .clients/$name.log"
        fi
    fi
    if [[ -x "$bin/$name" ]]; then here+=("$name"); else left_out+=("$name"); fi
done

if ((${#left_out[@]})); then
    echo "clients: left out: ${left_out[*]} (${why:-not built}); their tests report NOT RUN"
fi
if ((${#here[@]})); then
    echo "clients: in .clients/bin: ${here[*]}"
fi
exit 0
