import type { JSX } from 'preact';
export function Palette(_: { readonly onClose: () => void; readonly [more: string]: unknown }): JSX.Element | null { return null; }
