/** The page's few drawings, one stroke weight, in the colour of the text beside them. */
import type { ComponentChildren } from 'preact';

function Icon({ children, size = 18 }: { readonly children: ComponentChildren; readonly size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 18 18" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

/** A hook in a lens. */
export const Mark = () => (
  <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" aria-hidden="true">
    <circle cx="10" cy="10" r="8.4" />
    <path d="M11.5 4.6v6.6a3 3 0 1 1-6 0" />
    <path d="M3.9 12.8 5.5 11l1.7 1.7" stroke-linejoin="round" />
  </svg>
);

export const UndoIcon = () => (
  <Icon>
    <path d="M6.5 4 3 7.5 6.5 11" />
    <path d="M3 7.5h7.5a4 4 0 0 1 0 8H8" />
  </Icon>
);

export const RedoIcon = () => (
  <Icon>
    <path d="M11.5 4 15 7.5 11.5 11" />
    <path d="M15 7.5H7.5a4 4 0 0 0 0 8H10" />
  </Icon>
);

export const ThemeIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="6" />
    <path d="M9 3a6 6 0 0 1 0 12Z" fill="currentColor" />
  </Icon>
);

export const EyeIcon = ({ shut }: { readonly shut: boolean }) => (
  <Icon size={16}>
    <path d="M2 9s2.6-4.4 7-4.4S16 9 16 9s-2.6 4.4-7 4.4S2 9 2 9Z" />
    <circle cx="9" cy="9" r="2" />
    {shut && <path d="M3 15 15 3" />}
  </Icon>
);

export const CrossIcon = () => (
  <Icon size={14}>
    <path d="m5 5 8 8M13 5l-8 8" />
  </Icon>
);

/** One square of a row put into another row. */
export const PatchIcon = () => (
  <Icon>
    <path d="M2 2.5h4v4H2zM7 2.5h4v4H7zM12 2.5h4v4h-4zM2 11.5h4v4H2zM12 11.5h4v4h-4z" />
    <path d="M9 6.5v5M7 11.5h4v4H7z" fill="currentColor" />
  </Icon>
);

/** An arrow turned off its way. */
export const SteerIcon = () => (
  <Icon>
    <path d="M3 15 14.5 3.5M10 3h5v5" />
    <path d="M3 15h11" stroke-dasharray="2 2.4" />
  </Icon>
);

export const EyepieceIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.5" />
    <circle cx="9" cy="9" r="1.2" fill="currentColor" />
    <path d="M9 1v3M9 14v3M1 9h3M14 9h3" />
  </Icon>
);

export const KeptIcon = () => (
  <Icon>
    <path d="M5 2.5h8v13l-4-3.2-4 3.2Z" />
  </Icon>
);

export const FindIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5" />
    <path d="m12 12 4 4" />
  </Icon>
);
