// What every answer that serves the page says in its header: the one list, which tools/serve.mjs sends
// and which tests/tools/docker.test.mjs holds docker/nginx.conf to.

// The page runs its own scripts, workers and WebAssembly, and speaks to its own origin only.
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

// A worker is held by the policy its own script came with; a browser ignores it on any other script.
const WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

const ALWAYS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
};

/** Headers for a path of the built page. Vite puts a hash into every name under assets/. */
export function headersFor(path) {
  return {
    ...ALWAYS,
    'Content-Security-Policy': path.endsWith('.js') ? WORKER_POLICY : PAGE_POLICY,
    'Cache-Control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
}
