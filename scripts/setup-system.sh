#!/usr/bin/env bash
# Installs the Debian packages that the tests and the bench use. Packages that are already installed are not changed.
set -euo pipefail

packages=(chromium firefox-esr openssl nginx libnginx-mod-nchan libfaketime iproute2)

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "Nothing to install: ${packages[*]} are already installed."
  exit 0
fi

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update --quiet
"${as_root[@]}" apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
