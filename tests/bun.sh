#!/usr/bin/env bash
# Runs the tests on Bun. Arguments are for `bun test`; without any, all tests run. `--where` gets Bun and
# the packages, and says where Bun is.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() {
  echo "tests/bun.sh: $1" >&2
  exit "$2"
}
. ./tools.sh

tools=tests/.build/tools
package=$(bun_package)
install_tool "$tools" "$package" "$BUN_VERSION"
bun=$PWD/$tools/node_modules/$package/bin/bun
"$bun" install --frozen-lockfile --silent
if [ "${1-}" = --where ]; then
  echo "$bun"
  exit
fi
[ $# -gt 0 ] || set -- ./tests
exec "$bun" test --timeout 180000 "$@"
