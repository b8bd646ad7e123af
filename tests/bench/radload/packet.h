/* RADIUS packets of PAP logins: RFC 2865, and the Message-Authenticator of RFC 3579. */
#ifndef PACKET_H
#define PACKET_H

#include <stddef.h>
#include <stdint.h>

enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2, ACCESS_REJECT = 3, ACCESS_CHALLENGE = 11 };
enum { USER_NAME = 1, USER_PASSWORD = 2, NAS_PORT = 5, STATE = 24, NAS_IDENTIFIER = 32, MESSAGE_AUTHENTICATOR = 80 };
enum { MAX_PACKET = 4096, MAX_REQUEST = 600 };

struct request {
    size_t size;
    uint8_t octets[MAX_REQUEST];
};

enum proof { NOT_OURS, UNSIGNED, SIGNED };

/* Begin an Access-Request with room for its Message-Authenticator. */
void request_begin(struct request *request, uint8_t identifier, const uint8_t authenticator[16]);
void request_add(struct request *request, uint8_t kind, const void *value, size_t size);
void request_password(struct request *request, const char *secret, const char *password);
void request_sign(struct request *request, const char *secret);

/* Whether a reply answers this request: by its Response Authenticator, and its Message-Authenticator if it has one. */
enum proof reply_proof(const uint8_t *reply, size_t size, const struct request *request, const char *secret);

/* The first attribute of this kind, and its size; NULL without one. */
const uint8_t *attribute(const uint8_t *packet, size_t size, uint8_t kind, size_t *value_size);

#endif
