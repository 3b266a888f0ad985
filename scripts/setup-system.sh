#!/usr/bin/env bash
# Installs the Debian packages that the tests and the bench use, and the database drivers that the tests use. What is already installed is not changed.
set -euo pipefail

install_packages () {
  local missing=() package as_root=()
  for package in "$@"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    echo "No package to install: $* are already installed."
    return
  fi
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update --quiet
  "${as_root[@]}" apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
}

engines=$(dirname "$0")/../test/engines
install_drivers () {
  # npm writes the second file when an installation is complete.
  if [ "$engines/node_modules/.package-lock.json" -nt "$engines/package-lock.json" ]; then
    echo "No driver to install: those of test/engines are already installed."
  else
    npm --prefix "$engines" ci --no-audit --no-fund
  fi
}

# The driver of SQLite is compiled, for a minute, while the other packages are installed.
install_packages g++ make python3
install_drivers &
drivers=$!
install_packages chromium firefox-esr openssl nginx libnginx-mod-nchan libfaketime iproute2 redis-server
wait "$drivers"
node "$(dirname "$0")/link-engines.js"
