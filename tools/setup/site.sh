# The page's own packages, exactly as its lock file says. Install scripts of packages are never run.

site_packages() { :; }

site_step() {
  local wanted mark=$root/site/node_modules/.hookscope
  # npm ci empties node_modules first, and this mark with it.
  wanted=$(key "$root/site/package-lock.json" "$root/site/package.json")
  if stamped "$mark" "$wanted"; then return 0; fi
  say "node packages of the page, by npm ci (40 MB)"
  (cd "$root/site" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null) || die "npm ci failed in site/"
  stamp "$mark" "$wanted"
}
