/** Texts that go on from the same prompt in several ways, one after the other, token by token. A change begins only
 *  those texts anew that it is about; what was there stays until the new one is. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { EngineFailure, GeneratedToken, GenerateRequest } from '../../engine/types';
import { asFailure } from '../../state/failure';
import { usePage } from '../page';

export interface Text {
  /** What `tokens` continue. */
  readonly request: GenerateRequest | null;
  readonly tokens: readonly GeneratedToken[];
  /** Of the text before, what stands where no new token is yet. */
  readonly rest: readonly GeneratedToken[];
  readonly failure: EngineFailure | null;
  /** It is the text that is asked for, whole. */
  readonly whole: boolean;
}

export const NO_TEXT: Text = { request: null, tokens: [], rest: [], failure: null, whole: false };

/** The texts by their ways, and what each answers. */
export const texts = signal<ReadonlyMap<string, Text & { readonly key: string }>>(new Map());

/** The token that the inspector tells of. */
export const chosen = signal<{ readonly way: string; readonly at: number } | null>(null);

/** Asked for in this order; null: nothing yet. */
export function useTexts(requests: Readonly<Record<string, GenerateRequest | null>>, model: string): (name: string) => Text {
  const { app } = usePage();
  const engine = app.engine.value;
  const keyOf = (request: GenerateRequest) => `${model} ${JSON.stringify(request)}`;
  const loaded = app.model.value;
  // Another model would answer as well, and differently.
  const there = loaded.kind === 'ready' && loaded.info.sha256 === model;
  useEffect(() => {
    if (!there) return;
    const stop = new AbortController();
    const make = async (name: string, request: GenerateRequest) => {
      const key = keyOf(request);
      const last = texts.peek().get(name);
      if (last?.key === key && (last.whole || last.failure)) return;
      const before = last ? [...last.tokens, ...last.rest] : [];
      const tokens: GeneratedToken[] = [];
      const show = (more: Partial<Text> = {}) => {
        if (!stop.signal.aborted) texts.value = new Map(texts.peek()).set(name, { ...NO_TEXT, key, request, tokens: [...tokens], rest: before.slice(tokens.length), ...more });
      };
      try {
        await engine?.generate(request, {
          signal: stop.signal,
          onToken(token) {
            tokens.push(token);
            show();
          },
        });
        show({ rest: [], whole: true });
      } catch (thrown) {
        show({ rest: [], failure: asFailure(thrown) });
      }
    };
    void (async () => {
      for (const [name, request] of Object.entries(requests)) if (request && !stop.signal.aborted) await make(name, request);
    })();
    return () => stop.abort();
  }, [JSON.stringify(requests), model, engine, there]);
  return (name) => {
    const text = texts.value.get(name);
    const asked = requests[name];
    if (!text) return NO_TEXT;
    return asked && keyOf(asked) === text.key ? text : { ...text, whole: false, failure: null };
  };
}
