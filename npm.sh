#!/usr/bin/env bash
# Builds what the npm package has beside the sources: JavaScript and types in dist/. `npm pack` and `npm publish` run it.
set -euo pipefail
cd "$(dirname "$0")"
TYPESCRIPT=6.0.3

rm -rf dist
# Types were checked by Deno, which knows those of all runtimes.
npx -y -p "typescript@$TYPESCRIPT" tsc --project npm.json
