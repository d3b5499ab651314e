/** What every view needs, handed down once. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ReadonlySignal } from '@preact/signals';
import type { Renderer } from '../gl/renderer';
import type { App } from '../state/app';
import type { Keys } from '../state/keys';
import type { Offline } from '../state/offline';
import type { Session } from '../state/session';
import type { Theme } from '../state/theme';

export interface Page {
  readonly app: App;
  readonly renderer: Renderer;
  readonly painter: ReadonlySignal<Renderer['kind']>;
  readonly theme: ReadonlySignal<Theme>;
  readonly toggleTheme: () => void;
  readonly keys: Keys;
  readonly offline: Offline;
  readonly session: Session;
}

const Context = createContext<Page | null>(null);

export const PageProvider = Context.Provider;

export function usePage(): Page {
  const page = useContext(Context);
  if (!page) throw new Error('A view was mounted outside PageProvider.');
  return page;
}
