/** Puts the parts together: engine, state, painter, views. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import { createEngine } from './engine/index';
import { pickBuild } from './engine/wasm';
import { createRenderer } from './gl/renderer';
import { createApp } from './state/app';
import { createKeys } from './state/keys';
import { registerOffline } from './state/offline';
import { createSaved } from './state/saved';
import { createSession } from './state/session';
import { createTheme } from './state/theme';
import { App } from './views/App';
import { PageProvider } from './views/page';
import './styles/tokens.css';
import './styles/page.css';
import './styles/strip.css';
import './styles/look.css';
import './styles/parts.css';
import './styles/dialogs.css';
import './styles/narrow.css';

const build = pickBuild(new URLSearchParams(location.search));
const app = createApp(() => {
  const engine = createEngine({ build });
  globalThis.hookscope = engine;
  return engine;
});
const renderer = createRenderer({
  onChange: (kind) => {
    painter.value = kind;
  },
});
const painter = signal(renderer.kind);
const { theme, toggle } = createTheme();
const root = document.getElementById('app');

let begin = () => {};
const offline = registerOffline(new Promise<void>((resolve) => (begin = resolve)), build.wasm);
const session = createSession(app, createSaved(() => localStorage), async () => {
  await offline.measure();
  return [...offline.stored.value.parts.keys()].flatMap((part) => /^models\/(.+)\/$/.exec(part)?.[1] ?? []);
});

if (root) {
  root.replaceChildren();
  render(
    <PageProvider value={{ app, renderer, painter, theme, toggleTheme: toggle, keys: createKeys(app), offline, session }}>
      <App />
    </PageProvider>,
    root,
  );
  void session.begin().finally(begin);
}
