#!/bin/sh
# Install the Debian packages that the tests use, where that can be done; else say what is missing.
# Usage: install_services.sh PACKAGE...
set -u
missing=""
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing:$missing"
  # shellcheck disable=SC2086
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing; } \
    >/dev/null 2>&1 && exit 0
fi
for package in $missing; do
  echo "missing: $package; the tests that need it are skipped"
done
exit 0
