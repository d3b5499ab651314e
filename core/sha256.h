/* sha256.h: SHA-256 (FIPS 180-4). */
#ifndef HS_SHA256_H
#define HS_SHA256_H

#include <stddef.h>

/* The hash of size bytes as 64 lower-case hexadecimal digits and a zero. */
void hs_sha256(const void *data, size_t size, char hex[65]);

#endif
