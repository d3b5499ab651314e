# Chromium, for the tests that look at the page. CHROMIUM names another one.

browser_packages() {
  [ -n "${CHROMIUM:-}" ] || have chromium || have chromium-browser || have google-chrome || {
    if [ "$(distribution)" = ubuntu ]; then printf 'chromium-browser\n'; else printf 'chromium\n'; fi
    printf 'fonts-liberation\n' # what its Arial and Helvetica become: the layout tests measure text
  }
}

browser_step() { :; }
