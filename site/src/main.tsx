/** Puts the parts together: engine, state, painter, views. */
import { signal } from '@preact/signals';
import { render } from 'preact';
import { createEngine } from './engine/index';
import { createRenderer } from './gl/renderer';
import { createApp } from './state/app';
import { createKeys } from './state/keys';
import { registerOffline } from './state/offline';
import { createTheme } from './state/theme';
import { App } from './views/App';
import { PageProvider } from './views/page';
import './styles/tokens.css';
import './styles/page.css';
import './styles/look.css';
import './styles/parts.css';
import './styles/narrow.css';

const app = createApp(() => {
  const engine = createEngine();
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

if (root) {
  root.replaceChildren();
  render(
    <PageProvider value={{ app, renderer, painter, theme, toggleTheme: toggle, keys: createKeys(app), offline: registerOffline(app.start()) }}>
      <App />
    </PageProvider>,
    root,
  );
}
