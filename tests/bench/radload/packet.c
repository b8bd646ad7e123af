#include "packet.h"

#include <string.h>

#include "digest.h"

enum { HEADER = 20, SIGNATURE = HEADER + 2 };

void request_begin(struct request *request, uint8_t identifier, const uint8_t authenticator[16])
{
    request->octets[0] = ACCESS_REQUEST;
    request->octets[1] = identifier;
    memcpy(request->octets + 4, authenticator, 16);
    request->size = HEADER;
    request_add(request, MESSAGE_AUTHENTICATOR, (uint8_t[16]){0}, 16);
}

void request_add(struct request *request, uint8_t kind, const void *value, size_t size)
{
    uint8_t *at = request->octets + request->size;
    at[0] = kind;
    at[1] = (uint8_t)(size + 2);
    memcpy(at + 2, value, size);
    request->size += size + 2;
}

void request_password(struct request *request, const char *secret, const char *password)
{
    uint8_t hidden[128] = {0}, pad[MD5_SIZE];
    size_t size = (strlen(password) + 15) / 16 * 16;
    const uint8_t *before = request->octets + 4;
    memcpy(hidden, password, strlen(password));
    for (size_t at = 0; at < size; before = hidden + at, at += 16) {
        struct hash hash;
        hash_begin(&hash, &MD5);
        hash_add(&hash, secret, strlen(secret));
        hash_add(&hash, before, 16);
        hash_end(&hash, pad);
        for (unsigned i = 0; i < 16; i++)
            hidden[at + i] ^= pad[i];
    }
    request_add(request, USER_PASSWORD, hidden, size);
}

void request_sign(struct request *request, const char *secret)
{
    request->octets[2] = (uint8_t)(request->size >> 8);
    request->octets[3] = (uint8_t)request->size;
    hmac(&MD5, secret, strlen(secret), request->octets, request->size, request->octets + SIGNATURE);
}

const uint8_t *attribute(const uint8_t *packet, size_t size, uint8_t kind, size_t *value_size)
{
    for (size_t at = HEADER; at + 2 <= size && packet[at + 1] >= 2 && at + packet[at + 1] <= size; at += packet[at + 1])
        if (packet[at] == kind) {
            *value_size = packet[at + 1] - 2u;
            return packet + at + 2;
        }
    return NULL;
}

enum proof reply_proof(const uint8_t *reply, size_t size, const struct request *request, const char *secret)
{
    uint8_t copy[MAX_PACKET], mac[MD5_SIZE];
    struct hash hash;
    size_t signature_size;
    if (size < HEADER || size > MAX_PACKET || (size_t)(reply[2] << 8 | reply[3]) != size)
        return NOT_OURS;
    memcpy(copy, reply, size);
    memcpy(copy + 4, request->octets + 4, 16);
    hash_begin(&hash, &MD5);
    hash_add(&hash, copy, size);
    hash_add(&hash, secret, strlen(secret));
    hash_end(&hash, mac);
    if (memcmp(mac, reply + 4, MD5_SIZE))
        return NOT_OURS;
    const uint8_t *signature = attribute(reply, size, MESSAGE_AUTHENTICATOR, &signature_size);
    if (!signature)
        return UNSIGNED;
    if (signature_size != MD5_SIZE)
        return NOT_OURS;
    memset(copy + (signature - reply), 0, MD5_SIZE);
    hmac(&MD5, secret, strlen(secret), copy, size, mac);
    return memcmp(mac, signature, MD5_SIZE) ? NOT_OURS : SIGNED;
}
