/* decimal.h: a decimal number's text as the nearest double. Our own, because libc's brings arithmetic in 128-bit
 * floats into the wasm: more than ten times the code. */
#ifndef HS_DECIMAL_H
#define HS_DECIMAL_H

/* The double nearest to the number at `text`, a half-way case to the even one; infinite beyond the largest. The text is
 * a number of JSON's grammar, and whatever follows it is no part of one. */
double hs_decimal_read(const char *text);

#endif
