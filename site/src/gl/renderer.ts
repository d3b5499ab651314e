/** One renderer for the whole page. Every picture is an ordinary <canvas> in the flow.
 *
 *  Browsers drop the oldest WebGL context at the 17th, so all pictures share one: it draws a picture off screen, and
 *  the pixels are copied to the picture's own 2D canvas. A 2D canvas is also what the other painter needs, so
 *  a lost context changes the painter and nothing else.
 */
import { paint } from './canvas2d.ts';
import { sameData, samePixels, type Picture } from './picture.ts';
import { createPainter, type Painter, type Values } from './webgl.ts';

export type RendererKind = 'webgl2' | 'canvas2d';

export interface RendererOptions {
  /** 'canvas2d' never asks for WebGL. */
  readonly use?: RendererKind;
  /** Called whenever the painter changes: a context lost or restored. */
  readonly onChange?: (kind: RendererKind) => void;
}

/** A canvas under the renderer's care. */
export interface Canvas {
  /** Draws at once, and only if something differs from what is drawn. */
  show(picture: Picture): void;
  dispose(): void;
}

export interface Renderer {
  readonly kind: RendererKind;
  /** The one context, for tests that lose it; null where there is none. */
  readonly context: WebGL2RenderingContext | null;
  attach(canvas: HTMLCanvasElement): Canvas;
  dispose(): void;
}

/** A driver that fails so often is left alone. */
const MAX_LOSSES = 3;
const LOSSES_WITHIN_MS = 60_000;

export function createRenderer({ use = 'webgl2', onChange }: RendererOptions = {}): Renderer {
  const attached = new Set<{ repaint(): void }>();
  const losses: number[] = [];
  const shared = document.createElement('canvas');
  const gl =
    use === 'webgl2'
      ? shared.getContext('webgl2', { antialias: false, depth: false, stencil: false })
      : null;
  let painter = gl && tryPainter(gl);

  /** Everything that the context held is void by now; the CPU arrays are what pictures are rebuilt from. */
  function become(next: Painter | null) {
    painter = next;
    for (const canvas of attached) canvas.repaint();
    onChange?.(next ? 'webgl2' : 'canvas2d');
  }
  function lost(event: Event) {
    event.preventDefault(); // without it the context never comes back
    losses.push(performance.now());
    become(null);
  }
  function restored() {
    const recent = losses.filter((at) => performance.now() - at < LOSSES_WITHIN_MS);
    if (gl && recent.length < MAX_LOSSES) become(tryPainter(gl));
  }
  shared.addEventListener('webglcontextlost', lost);
  shared.addEventListener('webglcontextrestored', restored);

  return {
    get kind() {
      return painter ? 'webgl2' : 'canvas2d';
    },
    context: gl,

    attach(canvas) {
      const context = canvas.getContext('2d');
      if (!context) throw new Error('This canvas has a context of another kind already.');
      let shown: Picture | null = null;
      let uploaded: { values: Values; by: Painter; picture: Picture } | null = null;

      function release() {
        if (uploaded?.by === painter) uploaded?.by.release(uploaded.values);
        uploaded = null;
      }

      function draw(picture: Picture, into: CanvasRenderingContext2D) {
        // A loss is known here before its event arrives.
        if (!painter?.fits(picture) || gl?.isContextLost()) {
          release();
          paint(into, picture);
          canvas.dataset.painter = 'canvas2d';
          return;
        }
        if (uploaded?.by !== painter || !sameData(uploaded.picture, picture)) {
          release();
          uploaded = { values: painter.upload(picture), by: painter, picture };
        }
        painter.draw(picture, uploaded.values);
        into.clearRect(0, 0, canvas.width, canvas.height);
        const { width, height } = picture;
        into.drawImage(shared, 0, shared.height - height, width, height, 0, 0, width, height);
        canvas.dataset.painter = 'webgl2';
      }

      const entry = {
        repaint() {
          if (shown) draw(shown, context);
        },
      };
      attached.add(entry);
      return {
        show(picture) {
          if (shown && samePixels(shown, picture)) return;
          if (canvas.width !== picture.width) canvas.width = picture.width;
          if (canvas.height !== picture.height) canvas.height = picture.height;
          shown = picture;
          draw(picture, context);
        },
        dispose() {
          release();
          attached.delete(entry);
          shown = null;
        },
      };
    },

    dispose() {
      shared.removeEventListener('webglcontextlost', lost);
      shared.removeEventListener('webglcontextrestored', restored);
      attached.clear();
      gl?.getExtension('WEBGL_lose_context')?.loseContext();
    },
  };
}

/** A driver that refuses the program is treated as one without WebGL2. */
function tryPainter(gl: WebGL2RenderingContext): Painter | null {
  if (gl.isContextLost()) return null;
  try {
    return createPainter(gl);
  } catch (error) {
    console.warn('Pictures are drawn without WebGL2.', error);
    return null;
  }
}
