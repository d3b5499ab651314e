#version 300 es
// One instance a matrix: a rectangle of cells with its top left corner at a_origin.
uniform ivec2 u_canvas;  // device pixels
uniform ivec2 u_cell;    // device pixels
uniform ivec2 u_shape;   // columns, rows
in ivec2 a_origin;       // device pixels, from the top left
flat out ivec2 v_origin;
flat out int v_matrix;
void main() {
  ivec2 corner = ivec2(gl_VertexID & 1, gl_VertexID >> 1);
  vec2 place = vec2(a_origin + corner * u_cell * u_shape) / vec2(u_canvas);
  v_origin = a_origin;
  v_matrix = gl_InstanceID;
  gl_Position = vec4(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0);
}
