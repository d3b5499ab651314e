// A slow machine without its load: with JITTER=SEED in the environment, what the page and its worker say to each other arrives
// later by chance, up to MOST_MS each way, in its order. Races that a busy machine would find are found at rest.

const MOST_MS = 300;

/** In the page, before its scripts. A message of four is not held back at all, most are a little, some long. */
function holdBack({ seed, most }) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  /** -> a line: what is put in it happens in its order, each after a wait of its own. */
  const line = () => {
    let [due, last] = [0, Promise.resolve()];
    return (act) => {
      const wait = uniform() < 0.25 ? 0 : uniform() ** 2 * most;
      due = Math.max(due, performance.now() + wait);
      const at = due;
      last = last.then(() => new Promise((done) => setTimeout(done, at - performance.now()))).then(act);
    };
  };
  const Plain = globalThis.Worker;
  globalThis.Worker = class Worker extends Plain {
    #out = line();
    #in = line();
    #ended = false;
    #held = new WeakSet();
    constructor(...given) {
      super(...given);
      // The first listener of all: what arrives is told to the others later.
      super.addEventListener('message', (event) => {
        if (this.#held.has(event)) return;
        event.stopImmediatePropagation();
        this.#in(() => {
          if (this.#ended) return;
          const later = new MessageEvent('message', { data: event.data });
          this.#held.add(later);
          this.dispatchEvent(later);
        });
      });
    }
    postMessage(message, transfer = []) {
      const sent = structuredClone([message, transfer], { transfer }); // as it is now, and what cannot be sent is told at once
      this.#out(() => this.#ended || super.postMessage(...sent));
    }
    terminate() {
      this.#ended = true;
      super.terminate();
    }
  };
}

let visits = 0;

/** A browser whose every profile has it; the same one where JITTER is not set. */
export function jittered(browser) {
  const seed = Number(process.env.JITTER);
  if (!process.env.JITTER) return browser;
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    await context.addInitScript(holdBack, { seed: seed * 1000 + visits++, most: MOST_MS });
    return context;
  };
  return browser;
}
