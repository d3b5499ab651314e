/** A matrix as a picture of a tab: cells as large as the room allows, everything else from its data. */
import type { ComponentChildren } from 'preact';
import { useSignal, type ReadonlySignal } from '@preact/signals';
import type { EngineFailure } from '../engine/types';
import { Heatmap, type Lit } from '../ui/Heatmap';
import type { MatrixData } from '../ui/data';
import { LEAST_HEIGHT_PX } from '../ui/HeatmapText';
import { usePixelRatio } from '../ui/pixelRatio';
import { useSize } from '../ui/useSize';
import { usePage } from './page';
import { Picture, type PictureProps } from './Picture';

const CHAR_PX = 7.25;
const GUTTER_PX = { least: 40, most: 132 };
const ROW_PX = { most: 24, least: 3 };

export interface HeatPictureProps {
  readonly data: MatrixData | null;
  readonly what: PictureProps['what'];
  readonly name: string;
  readonly title?: ComponentChildren;
  readonly sub?: ComponentChildren;
  readonly controls?: ComponentChildren;
  readonly stale?: boolean;
  readonly failure?: EngineFailure | null;
  readonly hovered: ReadonlySignal<Lit | null>;
  readonly locked: ReadonlySignal<Lit | null>;
  readonly onHover: (lit: Lit | null) => void;
  readonly onLock: (lit: Lit | null) => void;
  readonly valueText: (row: number, col: number) => string;
  /** Height for all rows together, CSS pixels; rows get a readable height first. */
  readonly heightPx?: number;
  /** Width of a column, CSS pixels, at most and at least. */
  readonly colPx?: readonly [least: number, most: number];
  /** Cells as high as they are wide. */
  readonly square?: boolean;
  /** NaN is what has no number (yet): dots on paper. */
  readonly pending?: boolean;
  /** `written`: whether what a cell says is read in it, at this size or in the table. */
  readonly children?: ComponentChildren | ((written: boolean) => ComponentChildren);
}

const longest = (labels: MatrixData['rowLabels']) => Math.max(0, ...labels.map(({ text, note }) => [...text].length + (note ? note.length + 1 : 0)));

export function HeatPicture(props: HeatPictureProps) {
  const { data, name, heightPx = 480, colPx = [8, 72], square = false, valueText } = props;
  const { renderer, theme } = usePage();
  const ratio = usePixelRatio();
  const asTable = useSignal(false);
  const [room, size] = useSize<HTMLDivElement>();
  const drawn = data && size.width > 0 && data.rows > 0 && data.cols > 0;
  const gutter = data ? Math.round(Math.min(GUTTER_PX.most, Math.max(GUTTER_PX.least, longest(data.rowLabels) * CHAR_PX + 12))) : 0;
  const turned = data ? longest(data.colLabels) * CHAR_PX > colPx[1] - 6 || (size.width - gutter) / data.cols < longest(data.colLabels) * CHAR_PX + 6 : false;
  const head = !data ? 0 : turned ? Math.round(Math.min(104, longest(data.colLabels) * CHAR_PX * 0.87 + 18)) : 24;
  const whole = (px: number) => Math.floor(px * ratio) / ratio;
  const cellWidth = data ? whole(Math.max(colPx[0], Math.min(colPx[1], (size.width - gutter - (turned ? 40 : 4)) / data.cols))) : 0;
  const fitting = data ? heightPx / data.rows : 0;
  const cell = square ? cellWidth : whole(Math.max(ROW_PX.least, Math.min(ROW_PX.most, data && data.rows <= 40 ? Math.max(16, fitting) : fitting)));
  return (
    <Picture
      title={props.title ?? data?.title ?? ''}
      name={name}
      data={data}
      what={props.what}
      asTable={asTable}
      {...(props.sub !== undefined && { sub: props.sub })}
      {...(props.controls !== undefined && { controls: props.controls })}
      stale={props.stale ?? false}
      failure={props.failure ?? null}
    >
      <div class="heat-room" ref={room}>
        {drawn && (
          <Heatmap
            {...data}
            renderer={renderer}
            theme={theme.value}
            ticks={[data.scale[0], (data.scale[0] + data.scale[1]) / 2, data.scale[1]]}
            cell={cell}
            cellWidth={cellWidth}
            gap={cell > 8 && cellWidth > 8 ? 1 : 0}
            gutter={gutter}
            head={head}
            colLabelStyle={turned ? 'turned' : 'flat'}
            pending={props.pending ?? false}
            hovered={props.hovered}
            locked={props.locked}
            onHover={props.onHover}
            onLock={props.onLock}
            valueText={valueText}
            label={data.title}
            caption={data.title}
            asTable={asTable.value}
          />
        )}
      </div>
      {typeof props.children === 'function' ? props.children(data?.cellText !== undefined && (asTable.value || cell >= LEAST_HEIGHT_PX)) : props.children}
    </Picture>
  );
}
