# Chromium, for the tests that look at the page. CHROMIUM names another one.

browser_packages() {
  [ -n "${CHROMIUM:-}" ] || have chromium || have chromium-browser || have google-chrome || {
    if [ "$(distribution)" = ubuntu ]; then printf 'chromium-browser\n'; else printf 'chromium\n'; fi
  }
}

browser_step() { :; }
