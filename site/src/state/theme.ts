/** Light or dark: the system's choice until a person makes their own, which is remembered here. */
import { computed, effect, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'hookscope.theme';

/** Storage may be forbidden; the choice then lasts as long as the page. */
function remembered(): Theme | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : null;
  } catch {
    return null;
  }
}

export function createTheme() {
  const query = matchMedia('(prefers-color-scheme: dark)');
  const system = signal<Theme>(query.matches ? 'dark' : 'light');
  const chosen = signal<Theme | null>(remembered());
  const theme = computed(() => chosen.value ?? system.value);
  query.addEventListener('change', () => {
    system.value = query.matches ? 'dark' : 'light';
  });
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
  return {
    theme,
    toggle() {
      chosen.value = theme.value === 'dark' ? 'light' : 'dark';
      try {
        localStorage.setItem(KEY, chosen.value);
      } catch {
        /* see remembered() */
      }
    },
  };
}
