#!/usr/bin/env bash
# Runs the tests on Bun. Arguments are for `bun test`; without any, all tests run that a runtime can make
# a difference to. `--where` gets Bun and the packages, and says where Bun is.
set -euo pipefail
cd "$(dirname "$0")/.."
fail() {
  echo "tests/bun.sh: $1" >&2
  exit "$2"
}
. ./tools.sh

install_tool "$PWD/tests/.build/tools" "$(bun_package)" "$BUN_VERSION"
bun=$tool/bin/bun
"$bun" install --frozen-lockfile --ignore-scripts --silent
if [ "${1-}" = --where ]; then
  echo "$bun"
  exit
fi

# The pure folders, what runs in memory and virtual time, what a page or an option says, the rules of the house and the
# executable are the same to every runtime: Deno tests them. What the executable is held to runs on Bun there.
ONCE='^tests/((core|pool|protocol|controller/cluster|page|report|simulation|bench|compiled|cli/display|cli/options|.build)/|up/host_list_test|(docs|tidy|pages|release)_test)'
if [ $# -eq 0 ]; then
  . tests/smoke.sh
  mapfile -t files < <(find tests -name '*_test.ts' | grep -vE "$ONCE" | grep -vxF "$(printf '%s\n' "${SMOKE[@]}")")
  mapfile -t groups < <("$bun" tests/lib/test_groups.ts "${files[@]}")
  [ "${#groups[@]}" -gt 0 ] || fail "Cannot find any tests to run" 1
  set -- "${groups[@]}"
fi

# Tests mostly wait, for processes and for limits that pass: more of them than CPUs run side by side.
exec "$bun" test --timeout 180000 --parallel=6 "$@"
