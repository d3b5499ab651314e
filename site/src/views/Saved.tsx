import type { JSX } from 'preact';
export function Saved(_: { readonly onClose: () => void; readonly [more: string]: unknown }): JSX.Element | null { return null; }
