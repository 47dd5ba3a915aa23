# Where compile.sh and the tests get their tools: from the npm registry, in the versions and with the bytes that are
# pinned here, and without running any script of theirs. To be sourced; `fail MESSAGE STATUS` is the caller's.

DENO_VERSION=2.9.6
BUN_VERSION=1.4.5

# What `npm view NAME@VERSION dist.integrity` says. `npm ci` refuses a package with other bytes.
TOOL_HASHES="
@deno/linux-x64-glibc sha512-3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==
@deno/linux-arm64-glibc sha512-poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==
@deno/darwin-x64 sha512-tPi3CWPRdjW1MaWlvWjORE7Ass5SADdWdj1BF1Q1PEdzi+5u/mC5YhmZzniMiPr81PpaFeqjXaLAsfb8lFsZ0Q==
@deno/darwin-arm64 sha512-V8uO1Aolrl/yvdMb5lOtgtigs8YuZBjrOrgviVMiYkQ0swymFfzkae1wZak4Xi24t7vf7d/eiMb/7ryjjVm+tg==
@deno/win32-x64 sha512-qRGnmVz/Ea6UWPht/S3xFRK17UZ/ls38DSVfgGB17fpASLxPkksqzWUI/BzL9YYoOknYzfc94mySGyInZu/JXw==
@deno/win32-arm64 sha512-iHSHs89g2Uy6k0bGHmXkgzTIW8WXImYPpvqRRO/zNsK1/N79PcjvAth1TuQatuIALcLdocstPs/PAYtndbfr0A==
@oven/bun-linux-x64 sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==
@oven/bun-linux-aarch64 sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==
@oven/bun-linux-x64-musl sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==
@oven/bun-linux-aarch64-musl sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeVELb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==
@oven/bun-darwin-aarch64 sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==
@oven/bun-darwin-x64 sha512-qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==
@oven/bun-windows-x64 sha512-FNvply651vcE/GHgNWz6mZvhmkwBuu8Hw54oNzA+CQog+HW+542rXQmZqNHRkFxazD9L3xi+iTtvO3engAgJfw==
@oven/bun-windows-aarch64 sha512-MiPFZnBNDnBXgr1oONc5pizC4fOLjnIOfNkYdFEnWzLmoFTg86naZIG3SvS7d/GglpQSAnCKMAzSjI/TAckiRw==
"

# install_tool FOLDER PACKAGE VERSION: below FOLDER, unless it is there. Its own files are then in $tool.
install_tool() {
  local folder=$1/$2 package=$2 version=$3 hash log
  tool=$folder/node_modules/$package
  if grep -qs "\"version\": \"$version\"" "$tool/package.json"; then return; fi
  hash=$(awk -v name="$package" '$1 == name { print $2 }' <<<"$TOOL_HASHES")
  [ -n "$hash" ] || fail "There is no $package whose bytes are known in tools.sh" 1
  mkdir -p "$folder"
  printf '{"name":"tool","private":true,"dependencies":{"%s":"%s"}}\n' "$package" "$version" \
    >"$folder/package.json"
  printf '{"name":"tool","lockfileVersion":3,"packages":{"":{"dependencies":{"%s":"%s"}},%s}}\n' \
    "$package" "$version" \
    "\"node_modules/$package\":{\"version\":\"$version\",\"integrity\":\"$hash\"}" \
    >"$folder/package-lock.json"
  # npm would wait for a minute before it says that nobody answers.
  log=$(npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --fetch-retry-mintimeout=500 \
    --fetch-retry-maxtimeout=5000 2>&1) ||
    fail "Cannot get $package $version from the npm registry: $(npm_reason "$log")" 1
}

# The one of npm's many lines that says what is wrong.
npm_reason() {
  local said
  said=$(sed -nE 's/^npm (error|ERR!) //p' <<<"$1")
  grep -m1 -iE 'reason:|no matching|no space|integrity checksum' <<<"$said" || head -n1 <<<"$said"
}

# The npm packages that have Deno and Bun for this machine, as they are: other packages would fetch them in scripts.
deno_package() {
  case "$(uname -s)" in
    Linux) echo "@deno/linux-$(machine arm64)-glibc" ;;
    Darwin) echo "@deno/darwin-$(machine arm64)" ;;
    *) echo "@deno/win32-$(machine arm64)" ;;
  esac
}

bun_package() {
  local os libc=
  case "$(uname -s)" in Linux) os=linux ;; Darwin) os=darwin ;; *) os=windows ;; esac
  if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then libc=-musl; fi
  echo "@oven/bun-$os-$(machine aarch64)$libc"
}

# machine ARM: what this one is called, where one with an ARM processor is called ARM.
machine() {
  case "$(uname -m)" in arm64 | aarch64) echo "$1" ;; *) echo x64 ;; esac
}
