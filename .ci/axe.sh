#!/usr/bin/env bash
# Fetches axe-core, the accessibility checker that tests/page runs in a browser, at a pinned version
# into .clients/axe of this checkout (git ignores it).  Where npm is missing or does not answer, its
# tests report NOT RUN, so this script always ends with 0.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 0

version=4.14.1
sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
folder="$PWD/.clients/axe"
package="$folder/axe-core-$version.tgz"

if [[ ! -f $folder/axe.min.js || ! -f $package ]]; then
    mkdir -p "$folder"
    command -v npm >/dev/null || { echo "axe: no npm here; its tests report NOT RUN"; exit 0; }
    (cd "$folder" && timeout 300 npm pack --silent "axe-core@$version" >/dev/null 2>"$folder/npm.log")
    if ! echo "$sum  $package" | sha256sum --check --status 2>/dev/null; then
        rm -f "$package"
        echo "axe: left out, see .clients/axe/npm.log; its tests report NOT RUN"
        exit 0
    fi
    tar -xzf "$package" -C "$folder" --strip-components=1 package/axe.min.js
fi
echo "axe: axe-core $version is here"
