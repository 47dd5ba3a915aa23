#!/usr/bin/env bash
# Builds distcomp into executables that need nothing else. ./compile.sh --help says how.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/tools.sh"

# The name of a target here, in `deno compile`, in `bun build`, and the package that has Bun for it.
TARGETS="
linux-x64       x86_64-unknown-linux-gnu   bun-linux-x64       @oven/bun-linux-x64
linux-arm64     aarch64-unknown-linux-gnu  bun-linux-arm64     @oven/bun-linux-aarch64
linux-x64-musl  -                          bun-linux-x64-musl  @oven/bun-linux-x64-musl
macos-arm64     aarch64-apple-darwin       bun-darwin-arm64    @oven/bun-darwin-aarch64
macos-x64       x86_64-apple-darwin        bun-darwin-x64      @oven/bun-darwin-x64
windows-x64     x86_64-pc-windows-msvc     bun-windows-x64     @oven/bun-windows-x64
"

# What a controller needs: inputs and outputs, workers, variables. It loads no library and starts no
# process. A worker does both, so that less than all would keep nothing from a core; and Deno shows some
# places, such as /dev/shm, only to those who may do all.
CONTROLLER_PERMISSIONS=(--no-prompt --allow-read --allow-write --allow-net --allow-env --allow-sys=hostname)
WORKER_PERMISSIONS=(--no-prompt --allow-all)

# By default an executable of Bun reads settings from the working folder, and runs the code that they
# name. Ours reads nothing there but what its arguments name.
NO_SETTINGS=(--no-compile-autoload-{dotenv,bunfig,tsconfig,package-json})

usage() {
  cat <<USAGE
Usage: ./compile.sh [--runtime deno|bun] [--target NAME | --all] [--split] [--list] [-o DIR]

Builds ./distcomp for this machine, and its manual page distcomp.1.

  --runtime NAME  deno or bun (default: deno, and bun where deno's base runtime cannot be had)
  --target NAME   $(awk 'NF { printf "%s%s", sep, $1; sep = ", " }' <<<"$TARGETS")
  --all           all of them
  --list          show what an executable consists of
  --split         also distcomp-worker and distcomp-controller, each with only what it needs
  -o DIR          where the executables go (default: here)

It needs Node.js; its tools come from the npm registry, with the bytes that are pinned in tools.sh.
USAGE
}

fail() {
  echo "compile.sh: $1" >&2
  exit "${2:-2}"
}

runtime=auto out=. split=false list=false targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --runtime | --target | -o) [ $# -ge 2 ] || fail "$1 needs a value; see ./compile.sh --help" ;;
  esac
  case "$1" in
    --runtime) runtime=$2 && shift 2 ;;
    --target) targets+=("$2") && shift 2 ;;
    --all) while read -r target _; do targets+=(${target:+"$target"}); done <<<"$TARGETS" && shift ;;
    --split) split=true && shift ;;
    --list) list=true && shift ;;
    -o) out=$2 && shift 2 ;;
    -h | --help) usage && exit 0 ;;
    *) fail "Unknown option \"$1\"; see ./compile.sh --help" ;;
  esac
done
case "$runtime" in auto | deno | bun) ;; *) fail "Unknown runtime \"$runtime\"; it is deno or bun" ;; esac

# target_name NAME COLUMN: what NAME is called by a compiler.
target_name() {
  awk -v name="$1" -v column="$2" '$1 == name { print $column }' <<<"$TARGETS"
}
for target in ${targets[@]+"${targets[@]}"}; do # macOS has a Bash to which an empty list is unset
  [ -n "$(target_name "$target" 1)" ] || fail "Unknown target \"$target\"; see ./compile.sh --help"
done
command -v npm >/dev/null || fail "There is no npm on this machine; install Node.js"
mkdir -p "$out" 2>/dev/null && out=$(cd "$out" && pwd) && [ -w "$out" ] ||
  fail "Cannot write to the folder \"$out\""

work=$(mktemp -d 2>/dev/null) || fail "Cannot write to the folder for temporary files, ${TMPDIR:-/tmp}" 1
unplaced=$work/nothing
trap 'rm -rf "$work" "$unplaced"' EXIT
trap 'fail "Interrupted before all was built" 130' INT
trap 'fail "Ended by a signal before all was built" 143' TERM HUP

# Two runtimes and one for the target, as the registry has them, and one executable at a time.
WORK_MB=500
[ "$(df -Pm "$work" | awk 'NR == 2 { print $4 }')" -ge "$WORK_MB" ] ||
  fail "It needs $WORK_MB MB for temporary files, which ${TMPDIR:-/tmp} does not have; TMPDIR names another" 1

# The sources alone: no tests, no node_modules, no output of ours, and the commit written in.
prepare_sources() {
  local name commit
  mkdir "$work/source"
  for name in cli.ts check cli controller core include link page pool protocol report runtime security slot \
    system templates up watch web worker deno.json deno.lock package.json bun.lock; do
    cp -R "$here/$name" "$work/source/"
  done
  commit=$(git -C "$here" rev-parse --short=12 HEAD 2>/dev/null || true)
  if [ -n "$commit" ] && [ -n "$(git -C "$here" status --porcelain 2>/dev/null)" ]; then
    commit+="+changes"
  fi
  sed -i.orig "s/COMMIT = \"\"/COMMIT = \"$commit\"/" "$work/source/cli/program/build.ts"
  rm "$work/source/cli/program/build.ts.orig"
}

prepare_deno() {
  install_tool "$work/tools" "$(deno_package)" "$DENO_VERSION"
  deno=$tool/deno
  # `deno compile` would go on without a package that it cannot get.
  (cd "$work/source" && NO_COLOR=1 "$deno" cache --frozen --quiet cli.ts) >"$work/deno.log" 2>&1 ||
    fail "Cannot get the packages that distcomp uses: $(first_error "$work/deno.log")" 1
}

prepare_bun() {
  install_tool "$work/tools" "$(bun_package)" "$BUN_VERSION"
  bun=$tool/bin/bun
  [ -d "$work/source/node_modules" ] && return
  (cd "$work/source" && NO_COLOR=1 "$bun" install --frozen-lockfile --production --ignore-scripts) >"$work/bun.log" 2>&1 ||
    fail "Cannot get the packages that distcomp uses: $(first_error "$work/bun.log")" 1
}

# first_error LOG: what a tool said that went wrong, or the last that it said.
first_error() {
  local said
  said=$(grep -m1 -iE 'error|failed' "$1" || tail -n1 "$1")
  echo "${said#error: }"
}

# Each of these writes one executable: ENTRY FILE TARGET PERMISSION….
with_deno() {
  local entry=$1 file=$2 target=$3 name=()
  shift 3
  if [ -n "$target" ]; then
    [ "$(target_name "$target" 2)" != - ] || fail "deno has no target $target; use --runtime bun" 1
    name=(--target "$(target_name "$target" 2)")
  fi
  (cd "$work/source" && NO_COLOR=1 "$deno" compile --frozen --no-check \
    --exclude-unused-npm "$@" ${name[@]+"${name[@]}"} --output "$file" "$entry") 2>"$work/deno.log"
}

with_bun() {
  local entry=$1 file=$2 target=$3 name=()
  if [ -n "$target" ]; then
    # Bun itself would fetch the runtime, whatever its bytes are.
    [ -d "$work/runtimes/$(target_name "$target" 4)" ] || rm -rf "$work/runtimes" # of the target before
    install_tool "$work/runtimes" "$(target_name "$target" 4)" "$BUN_VERSION"
    name=("--target=$(target_name "$target" 3)" --compile-executable-path="$(echo "$tool"/bin/bun*)")
  fi
  # --splitting: unsplit, a slot would load the built-in modules of the whole program, 4 MB for each slot.
  (cd "$work/source" && NO_COLOR=1 "$bun" build --compile --splitting --bytecode --format=esm \
    --minify-syntax --minify-whitespace --metafile="$work/bun.json" "${NO_SETTINGS[@]}" \
    ${name[@]+"${name[@]}"} --outfile "$file" "$entry") >"$work/bun.log" 2>&1 ||
    fail "bun build failed: $(first_error "$work/bun.log")" 1
  ! $list || list_bun "$file" ${name[@]+"${name[@]}"}
}

# list_bun FILE OPTION…: the bytes of each part of it. The runtime is measured as an empty program.
list_bun() {
  local file=$1
  shift
  : >"$work/empty.ts"
  "$bun" build --compile "$@" --outfile "$work/empty" "$work/empty.ts" >"$work/bun.log" 2>&1 ||
    fail "bun build failed: $(first_error "$work/bun.log")" 1
  node - "$file" "$work/empty" "$work/bun.json" <<'SCRIPT'
    const { existsSync, readFileSync, statSync } = require("node:fs");
    const [file, empty, metafile] = process.argv.slice(2);
    const bytesOf = (path) => statSync(existsSync(path) ? path : `${path}.exe`).size;
    const parts = new Map([["runtime", bytesOf(empty)]]);
    let rest = bytesOf(file) - bytesOf(empty);
    for (const output of Object.values(JSON.parse(readFileSync(metafile, "utf8")).outputs)) {
      for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
        const part = /node_modules[/]((?:@[^/]+[/])?[^/]+)/.exec(path)?.[1] ?? "distcomp";
        parts.set(part, (parts.get(part) ?? 0) + bytesInOutput);
        rest -= bytesInOutput;
      }
    }
    parts.set("bytecode", rest);
    for (const [part, bytes] of parts) console.log(`${String(bytes).padStart(9)} ${part}`);
SCRIPT
}

# place FILE DESTINATION: moves it, by way of a copy in the same folder, which may be on another disk.
place() {
  local why
  unplaced=$out/.$(basename "$2").unfinished
  why=$(cp "$1" "$unplaced" 2>&1) || fail "Cannot write \"$2\": ${why##*: }" 1
  mv "$unplaced" "$2"
  rm "$1"
}

# build NAME ENTRY TARGET PERMISSION…: one executable, in place only when it is whole.
build() {
  local name=$1 entry=$2 target=$3 file
  shift 3
  file=$name${target:+-$target}
  [ "${target%%-*}" != windows ] || file+=.exe
  [ ! -d "$out/$file" ] || fail "Cannot write \"$out/$file\": it is a folder" 1
  local unfinished=$work/$file with=$runtime
  # Where nothing was asked for, a target that deno does not have is bun's.
  if [ "$with" = auto ] && [ -n "$target" ] && [ "$(target_name "$target" 2)" = - ]; then with=bun; fi
  if [ "$with" != bun ]; then
    prepare_deno
    if with_deno "$entry" "$unfinished" "$target" "$@"; then
      ! $list || cat "$work/deno.log"
    elif ! grep -q "base binary" "$work/deno.log"; then
      fail "deno compile failed: $(first_error "$work/deno.log")" 1
    elif [ "$with" = deno ]; then
      fail "The base runtime of deno compile cannot be downloaded here; use --runtime bun" 1
    else
      echo "The base runtime of deno compile cannot be downloaded here; building with bun instead." >&2
      runtime=bun with=bun
    fi
  fi
  if [ "$with" = bun ]; then
    prepare_bun
    with_bun "$entry" "$unfinished" "$target"
  fi
  chmod 755 "$unfinished"
  place "$unfinished" "$out/$file"
  built+=("$file")
  echo "$out/$file"
}

# The manual page, as the sources print it: an executable of another target would not run here.
build_man_page() {
  local run=("${bun-}" cli.ts)
  [ -n "${run[0]}" ] || run=("$deno" run --allow-all --quiet cli.ts)
  (cd "$work/source" && NO_COLOR=1 "${run[@]}" man) >"$work/distcomp.1" 2>"$work/man.log" ||
    fail "The manual page cannot be printed: $(first_error "$work/man.log")" 1
  [ ! -d "$out/distcomp.1" ] || fail "Cannot write \"$out/distcomp.1\": it is a folder" 1
  place "$work/distcomp.1" "$out/distcomp.1"
  built+=(distcomp.1)
}

prepare_sources
built=()
for target in "${targets[@]-}"; do
  build distcomp cli.ts "$target" "${WORKER_PERMISSIONS[@]}"
  if $split; then
    build distcomp-worker cli/distcomp_worker.ts "$target" "${WORKER_PERMISSIONS[@]}"
    build distcomp-controller cli/distcomp_controller.ts "$target" "${CONTROLLER_PERMISSIONS[@]}"
  fi
done
build_man_page
(cd "$out" && { sha256sum "${built[@]}" 2>/dev/null || shasum -a 256 "${built[@]}"; } >.SHA256SUMS.unfinished &&
  mv .SHA256SUMS.unfinished SHA256SUMS)
