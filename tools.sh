# Where compile.sh and the tests get their tools: from the npm registry, in the versions pinned here.
# To be sourced; `fail MESSAGE STATUS` is the caller's.

DENO_VERSION=2.9.6
BUN_VERSION=1.4.5

# install_tool FOLDER PACKAGE VERSION: into FOLDER/node_modules, unless it is there.
install_tool() {
  local folder=$1 package=$2 version=$3 log
  if grep -qs "\"version\": \"$version\"" "$folder/node_modules/$package/package.json"; then return; fi
  mkdir -p "$folder"
  # npm would wait for a minute before it says that nobody answers.
  log=$(npm install --prefix "$folder" --no-save --no-audit --no-fund --fetch-retry-mintimeout=500 \
    --fetch-retry-maxtimeout=5000 "$package@$version" 2>&1) ||
    fail "Cannot get $package $version from the npm registry: $(npm_reason "$log")" 1
}

# The one of npm's many lines that says what is wrong.
npm_reason() {
  local said
  said=$(sed -nE 's/^npm (error|ERR!) //p' <<<"$1")
  grep -m1 -iE 'reason:|no matching|no space' <<<"$said" || head -n1 <<<"$said"
}

# The npm package that has Bun for this machine. Its post-install scripts are of no use: none is run.
bun_package() {
  local os machine
  case "$(uname -s)" in Linux) os=linux ;; Darwin) os=darwin ;; *) os=windows ;; esac
  case "$(uname -m)" in arm64 | aarch64) machine=aarch64 ;; *) machine=x64 ;; esac
  if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then machine+=-musl; fi
  echo "@oven/bun-$os-$machine"
}
