/** Signed bars as a picture: names, bars from a common zero, values; one tab stop that the arrow keys walk. */
import type { ComponentChildren } from 'preact';
import { useSignal } from '@preact/signals';
import type { EngineFailure } from '../engine/types';
import { Bars } from '../ui/Bars';
import type { BarsData } from '../ui/data';
import { Picture, type PictureProps } from './Picture';

export interface BarsPictureProps {
  readonly data: BarsData | null;
  readonly what: PictureProps['what'];
  readonly name: string;
  readonly title?: ComponentChildren;
  readonly sub?: ComponentChildren;
  readonly controls?: ComponentChildren;
  readonly stale?: boolean;
  readonly failure?: EngineFailure | null;
  /** The row that the page's selection names. */
  readonly lit?: number | null;
  readonly onHover?: (row: number | null) => void;
  readonly onPick?: (row: number) => void;
  readonly children?: ComponentChildren;
}

export function BarsPicture({ data, children, lit = null, onHover, onPick, ...props }: BarsPictureProps) {
  const asTable = useSignal(false);
  return (
    <Picture {...props} title={props.title ?? data?.title ?? ''} data={data} asTable={asTable}>
      {data && <Bars data={data} lit={lit} asTable={asTable.value} {...(onHover && { onHover })} {...(onPick && { onPick })} />}
      {children}
    </Picture>
  );
}
