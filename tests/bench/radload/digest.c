#include "digest.h"

#include <stdio.h>
#include <string.h>

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void md5_block(uint32_t *state, const uint32_t *words)
{
    static const uint32_t sines[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
    };
    static const uint8_t shifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (unsigned i = 0; i < 64; i++) {
        uint32_t mixed;
        unsigned word;
        switch (i / 16) {
        case 0: mixed = (b & c) | (~b & d), word = i; break;
        case 1: mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16; break;
        case 2: mixed = b ^ c ^ d, word = (3 * i + 5) % 16; break;
        default: mixed = c ^ (b | ~d), word = 7 * i % 16; break;
        }
        uint32_t next = b + rotate(a + mixed + sines[i] + words[word], shifts[i / 16][i % 4]);
        a = d, d = c, c = b, b = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

static void sha1_block(uint32_t *state, const uint32_t *words)
{
    uint32_t schedule[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    memcpy(schedule, words, 64);
    for (unsigned i = 16; i < 80; i++)
        schedule[i] = rotate(schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t mixed;
        switch (i / 20) {
        case 0: mixed = ((b & c) | (~b & d)) + 0x5a827999; break;
        case 1: mixed = (b ^ c ^ d) + 0x6ed9eba1; break;
        case 2: mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc; break;
        default: mixed = (b ^ c ^ d) + 0xca62c1d6; break;
        }
        uint32_t next = rotate(a, 5) + mixed + e + schedule[i];
        e = d, d = c, c = rotate(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

const struct digest MD5 = {4, 0, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0}, md5_block};
const struct digest SHA1 = {5, 1, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, sha1_block};

/* Where octet i of a word of this algorithm belongs. */
static unsigned place(const struct digest *how, unsigned i)
{
    return 8 * (how->big_endian ? 3 - i % 4 : i % 4);
}

static void take_block(struct hash *hash)
{
    uint32_t words[16] = {0};
    for (unsigned i = 0; i < 64; i++)
        words[i / 4] |= (uint32_t)hash->waiting[i] << place(hash->how, i);
    hash->how->block(hash->state, words);
}

void hash_begin(struct hash *hash, const struct digest *how)
{
    hash->how = how;
    hash->octets = 0;
    memcpy(hash->state, how->start, sizeof hash->state);
}

void hash_add(struct hash *hash, const void *data, size_t size)
{
    const uint8_t *rest = data;
    while (size) {
        size_t at = hash->octets % 64, some = size < 64 - at ? size : 64 - at;
        memcpy(hash->waiting + at, rest, some);
        hash->octets += some, rest += some, size -= some;
        if (hash->octets % 64 == 0)
            take_block(hash);
    }
}

void hash_end(struct hash *hash, uint8_t *out)
{
    uint8_t length[8];
    uint64_t bits = hash->octets * 8;
    for (unsigned i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> 8 * (hash->how->big_endian ? 7 - i : i));
    hash_add(hash, "\x80", 1);
    while (hash->octets % 64 != 56)
        hash_add(hash, "", 1);
    hash_add(hash, length, 8);
    for (unsigned i = 0; i < 4 * hash->how->words; i++)
        out[i] = (uint8_t)(hash->state[i / 4] >> place(hash->how, i));
}

void hmac(const struct digest *how, const void *key, size_t key_size, const void *data, size_t size, uint8_t *out)
{
    uint8_t pad[64] = {0};
    struct hash hash;
    memcpy(pad, key, key_size < 64 ? key_size : 64); /* no key of ours is longer */
    for (unsigned i = 0; i < 64; i++)
        pad[i] ^= 0x36;
    hash_begin(&hash, how);
    hash_add(&hash, pad, 64);
    hash_add(&hash, data, size);
    hash_end(&hash, out);
    for (unsigned i = 0; i < 64; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash_begin(&hash, how);
    hash_add(&hash, pad, 64);
    hash_add(&hash, out, 4 * how->words);
    hash_end(&hash, out);
}

void totp(const uint8_t secret[SHA1_SIZE], uint64_t step, char code[7])
{
    uint8_t counter[8], mac[SHA1_SIZE];
    for (unsigned i = 0; i < 8; i++)
        counter[i] = (uint8_t)(step >> 8 * (7 - i));
    hmac(&SHA1, secret, SHA1_SIZE, counter, 8, mac);
    const uint8_t *at = mac + (mac[SHA1_SIZE - 1] & 15);
    uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    snprintf(code, 7, "%06u", number % 1000000);
}
