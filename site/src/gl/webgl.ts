/** Draws pictures with WebGL2: one program, one call a picture however many matrices it has. */
import { entryOf, maskedColor, nanColor, paletteTable, type Palette, type Theme } from './palette.ts';
import type { Picture } from './picture.ts';
import fragmentSource from './shaders/matrices.frag.glsl?raw';
import vertexSource from './shaders/matrices.vert.glsl?raw';

const UNIFORMS = [
  'u_canvas', 'u_cell', 'u_shape', 'u_gap', 'u_causal', 'u_entry', 'u_masked', 'u_nan', 'u_values', 'u_palette',
] as const;

const PIECE_BYTES = 2e6;

/** One picture's numbers on the GPU. */
export interface Values {
  readonly texture: WebGLTexture;
  readonly origins: WebGLBuffer;
}

export interface Painter {
  /** False: there is nothing in it, or too much for the device's textures; the other painter has to draw it. */
  fits(picture: Picture): boolean;
  upload(picture: Picture): Values;
  release(values: Values): void;
  /** Leaves the picture at the bottom left of the context's canvas (GL's origin), until the task ends. */
  draw(picture: Picture, values: Values): void;
}

/** All objects belong to one life of the context: after a loss, make a new painter. */
export function createPainter(gl: WebGL2RenderingContext): Painter {
  const program = link(gl);
  const uniforms = Object.fromEntries(
    UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]),
  ) as Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>; // fromEntries forgets the keys
  const originAt = gl.getAttribLocation(program, 'a_origin');
  const layout = gl.createVertexArray();
  const palettes = new Map<string, WebGLTexture>();
  const maxSide = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
  const maxMatrices = gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS) as number;

  function paletteTexture(palette: Palette, theme: Theme): WebGLTexture {
    const key = `${palette} ${theme}`;
    let texture = palettes.get(key);
    if (!texture) {
      texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      nearest(gl.TEXTURE_2D);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, 256, 1);
      const table = paletteTable(palette, theme);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RGBA, gl.UNSIGNED_BYTE, table);
      palettes.set(key, texture);
    }
    return texture;
  }

  function nearest(target: number) {
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  return {
    fits: ({ matrices, rows, cols, width, height }) =>
      Math.min(rows, cols, matrices.length) > 0 &&
      Math.max(rows, cols, width, height) <= maxSide &&
      matrices.length <= maxMatrices,

    upload({ matrices, rows, cols }) {
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      nearest(gl.TEXTURE_2D_ARRAY);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.R32F, cols, rows, matrices.length);
      // In pieces, so that none holds the main thread for long.
      const piece = Math.max(1, Math.floor(PIECE_BYTES / (4 * cols)));
      matrices.forEach(({ values, offset }, i) => {
        for (let row = 0; row < rows; row += piece)
          gl.texSubImage3D(
            gl.TEXTURE_2D_ARRAY, 0, 0, row, i, cols, Math.min(piece, rows - row), 1, gl.RED, gl.FLOAT, values, offset + row * cols,
          );
      });
      return { texture, origins: gl.createBuffer() };
    },

    release({ texture, origins }) {
      gl.deleteTexture(texture);
      gl.deleteBuffer(origins);
    },

    draw(picture, { texture, origins }) {
      const canvas = gl.canvas;
      if (canvas.width < picture.width) canvas.width = picture.width;
      if (canvas.height < picture.height) canvas.height = picture.height;
      gl.viewport(0, 0, picture.width, picture.height);
      gl.disable(gl.BLEND);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.useProgram(program);

      gl.bindVertexArray(layout);
      gl.bindBuffer(gl.ARRAY_BUFFER, origins);
      const places = Int32Array.from(picture.matrices.flatMap(({ x, y }) => [x, y]));
      gl.bufferData(gl.ARRAY_BUFFER, places, gl.DYNAMIC_DRAW);
      gl.enableVertexAttribArray(originAt);
      gl.vertexAttribIPointer(originAt, 2, gl.INT, 0, 0);
      gl.vertexAttribDivisor(originAt, 1);

      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, paletteTexture(picture.palette, picture.theme));
      gl.activeTexture(gl.TEXTURE0);
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.uniform1i(uniforms.u_values, 0);
      gl.uniform1i(uniforms.u_palette, 1);
      gl.uniform2i(uniforms.u_canvas, picture.width, picture.height);
      gl.uniform2i(uniforms.u_cell, picture.cellWidth, picture.cellHeight);
      gl.uniform2i(uniforms.u_shape, picture.cols, picture.rows);
      gl.uniform1i(uniforms.u_gap, picture.gap);
      gl.uniform1i(uniforms.u_causal, picture.causal ? 1 : 0);
      const { lo, steps, last } = entryOf(picture.scale, picture.palette);
      gl.uniform3f(uniforms.u_entry, lo, steps, last);
      gl.uniform3fv(uniforms.u_masked, maskedColor(picture.theme).map((byte) => byte / 255));
      gl.uniform3fv(uniforms.u_nan, nanColor.map((byte) => byte / 255));
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, picture.matrices.length);
    },
  };
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const shaders = [
    compile(gl, gl.VERTEX_SHADER, vertexSource),
    compile(gl, gl.FRAGMENT_SHADER, fragmentSource),
  ];
  for (const shader of shaders) gl.attachShader(program, shader);
  gl.linkProgram(program);
  // Status is asked for only here: asking each shader first would wait for each in turn.
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = [gl.getProgramInfoLog(program), ...shaders.map((s) => gl.getShaderInfoLog(s))];
    throw new Error(`WebGL2 program: ${logs.filter(Boolean).join('\n')}`);
  }
  for (const shader of shaders) gl.deleteShader(shader);
  return program;
}

function compile(gl: WebGL2RenderingContext, type: number, source: string): WebGLShader {
  const shader = gl.createShader(type);
  if (!shader) throw new Error('WebGL2: the context was lost while it was set up');
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}
