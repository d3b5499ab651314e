#version 300 es
precision highp float;
precision highp int;
precision highp sampler2DArray;
uniform sampler2DArray u_values;  // R32F, [matrix, row, column]; fetched, never filtered
uniform sampler2D u_palette;      // RGBA8, 256 x 1
uniform ivec2 u_canvas;           // device pixels
uniform ivec2 u_cell;             // device pixels
uniform int u_gap;                // device pixels left clear at a cell's right and bottom edge
uniform bool u_causal;            // column > row is masked
uniform vec3 u_entry;             // lo in the tensor's unit, entries per unit, last entry
uniform vec3 u_masked;            // sRGB, 0 to 1
uniform vec3 u_nan;               // sRGB, 0 to 1
flat in ivec2 v_origin;
flat in int v_matrix;
out vec4 o_color;
void main() {
  ivec2 at = ivec2(int(gl_FragCoord.x), u_canvas.y - 1 - int(gl_FragCoord.y)) - v_origin;
  ivec2 cell = at / u_cell;
  if (any(greaterThanEqual(at - cell * u_cell, u_cell - u_gap))) discard;
  if (u_causal && cell.x > cell.y) { o_color = vec4(u_masked, 1.0); return; }
  float value = texelFetch(u_values, ivec3(cell, v_matrix), 0).r;
  // By its bits: compilers may fold isnan() away.
  if ((floatBitsToUint(value) & 0x7fffffffu) > 0x7f800000u) { o_color = vec4(u_nan, 1.0); return; }
  float entry = floor(clamp((value - u_entry.x) * u_entry.y, 0.0, u_entry.z) + 0.5);
  o_color = texelFetch(u_palette, ivec2(int(entry), 0), 0);
}
