/* MD5 (RFC 1321), SHA-1 (FIPS 180-4), HMAC (RFC 2104) over both, and TOTP (RFC 6238). */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { MD5_SIZE = 16, SHA1_SIZE = 20 };

/* One algorithm: its start values, its block function and the order of octets in its words. */
struct digest {
    unsigned words;
    int big_endian;
    uint32_t start[5];
    void (*block)(uint32_t *state, const uint32_t *words);
};

extern const struct digest MD5, SHA1;

struct hash {
    const struct digest *how;
    uint32_t state[5];
    uint8_t waiting[64];
    uint64_t octets;
};

void hash_begin(struct hash *hash, const struct digest *how);
void hash_add(struct hash *hash, const void *data, size_t size);
void hash_end(struct hash *hash, uint8_t *out);

void hmac(const struct digest *how, const void *key, size_t key_size, const void *data, size_t size, uint8_t *out);

/* The code of six digits at a time step, with its NUL. */
void totp(const uint8_t secret[SHA1_SIZE], uint64_t step, char code[7]);

#endif
