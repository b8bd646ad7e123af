/* radload: logins with password and one-time code against a RADIUS server, as one NAS sends them.
 *
 * Closed loop (so many logins under way at any time) or paced (one every 1/rate seconds, whether the server keeps up or
 * not; a login's time counts from when it was due). Every reply is checked by its authenticators. Prints one JSON
 * object; with log=FILE, a line "user step" for each Access-Accept. Options are words: radload port=1812 mode=append.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "digest.h"
#include "packet.h"

enum { MAX_UNDER_WAY = 4096, MAX_SOCKETS = 256, SHUFFLE = 7919 };
enum mode { CHALLENGE, APPEND, ABANDON };
enum stage { IDLE, PASSWORD_SENT, CODE_SENT };

static const char *address = "127.0.0.1", *source_address = "127.0.0.1", *secret = "", *password = "", *log_file;
static const char *mode_name = "challenge";
static double port, socket_count = 8, one_identifier, tries = 5, resend = 2.0, period = 30;
static double outstanding = 64, most = 1000000, seconds_at_most, rate, first, users = 1, spread = 1, repeat = 1;

static const struct option {
    const char *name;
    const char **text;
    double *number;
} options[] = {
    {"server", &address, NULL}, {"port", NULL, &port}, {"source", &source_address, NULL}, {"secret", &secret, NULL},
    {"password", &password, NULL}, {"mode", &mode_name, NULL}, {"log", &log_file, NULL}, {"logins", NULL, &most},
    {"seconds", NULL, &seconds_at_most}, {"outstanding", NULL, &outstanding}, {"rate", NULL, &rate},
    {"sockets", NULL, &socket_count}, {"one_identifier", NULL, &one_identifier}, {"first", NULL, &first},
    {"users", NULL, &users}, {"spread", NULL, &spread}, {"repeat", NULL, &repeat}, {"resend", NULL, &resend},
    {"tries", NULL, &tries}, {"period", NULL, &period},
};

struct login {
    enum stage stage;
    int socket, tries;
    long user;
    uint64_t step;
    double due, sent;
    struct request request;
};

static enum mode mode;
static struct login logins[MAX_UNDER_WAY];
static struct pollfd sockets[MAX_SOCKETS];
static uint8_t next_identifier[MAX_SOCKETS];
static struct sockaddr_in server;
static FILE *accept_log;
static uint32_t *micros;
static long started, under_way, accepted, rejected, challenged, lost, resent, foreign, unsigned_replies;
static double first_accept;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "radload: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static void random_octets(uint8_t *out, size_t size)
{
    static uint8_t pool[4096];
    static size_t used = sizeof pool;
    if (used + size > sizeof pool) {
        if (getrandom(pool, sizeof pool, 0) != sizeof pool)
            fail("getrandom");
        used = 0;
    }
    memcpy(out, pool + used, size);
    used += size;
}

/* The user of the n-th login: neighbours in time are far apart in the server's tables. */
static long user_of(long n)
{
    return ((long)first + n / (long)repeat) * SHUFFLE % (long)users * (long)spread;
}

/* tests/bench/population.py makes the same names and secrets. */
static void code_of(struct login *login, const char *name, char code[7])
{
    uint8_t key[SHA1_SIZE];
    struct hash hash;
    hash_begin(&hash, &SHA1);
    hash_add(&hash, "radload:", 8);
    hash_add(&hash, name, strlen(name));
    hash_end(&hash, key);
    login->step = (uint64_t)time(NULL) / (uint64_t)period;
    totp(key, login->step, code);
}

static void transmit(struct login *login)
{
    const struct request *request = &login->request;
    login->sent = now();
    if (sendto(sockets[login->socket].fd, request->octets, request->size, 0, (void *)&server, sizeof server) < 0)
        fail("sendto");
}

static int is_taken(int socket, uint8_t identifier)
{
    for (long i = 0; i < (long)outstanding; i++)
        if (logins[i].stage && logins[i].socket == socket && logins[i].request.octets[1] == identifier)
            return 1;
    return 0;
}

static uint8_t identifier_of(int socket)
{
    if (one_identifier)
        return 0;
    for (int i = 0; i < 256 && is_taken(socket, next_identifier[socket]); i++)
        next_identifier[socket]++;
    return next_identifier[socket]++;
}

/* One round: the password, with its code in append mode, or the code alone behind a State. */
static void send_round(struct login *login, const uint8_t *state, size_t state_size)
{
    char name[32], typed[128], code[7] = "";
    uint8_t authenticator[16];
    struct request *request = &login->request;
    snprintf(name, sizeof name, "user%07ld", login->user);
    if (state || mode == APPEND)
        code_of(login, name, code);
    snprintf(typed, sizeof typed, "%s%s", state ? "" : password, code);
    random_octets(authenticator, sizeof authenticator);
    request_begin(request, identifier_of(login->socket), authenticator);
    request_add(request, USER_NAME, name, strlen(name));
    request_password(request, secret, typed);
    request_add(request, NAS_IDENTIFIER, "radload", 7);
    request_add(request, NAS_PORT, (uint8_t[4]){0, 0, 0, 1}, 4);
    if (state)
        request_add(request, STATE, state, state_size);
    request_sign(request, secret);
    login->stage = state ? CODE_SENT : PASSWORD_SENT;
    login->tries = 1;
    transmit(login);
}

static void start(double due)
{
    struct login *login = logins;
    while (login->stage)
        login++;
    login->user = user_of(started);
    login->socket = (int)(started % (long)socket_count);
    login->due = due;
    started++, under_way++;
    send_round(login, NULL, 0);
}

static void end(struct login *login)
{
    login->stage = IDLE;
    under_way--;
}

static void accept_login(struct login *login)
{
    double at = now();
    if (!accepted)
        first_accept = at;
    micros[accepted++] = (uint32_t)((at - login->due) * 1e6);
    if (accept_log)
        fprintf(accept_log, "%ld %llu\n", login->user, (unsigned long long)login->step);
    end(login);
}

static void answer(struct login *login, const uint8_t *reply, size_t size)
{
    size_t state_size;
    const uint8_t *state = attribute(reply, size, STATE, &state_size);
    if (reply[0] == ACCESS_ACCEPT) {
        accept_login(login);
    } else if (reply[0] == ACCESS_CHALLENGE && login->stage == PASSWORD_SENT && state) {
        challenged++;
        if (mode == ABANDON)
            end(login);
        else
            send_round(login, state, state_size);
    } else {
        rejected++;
        end(login);
    }
}

/* Find the login that a reply proves to belong to: with one Identifier for all, only the proof tells. */
static void take(int socket, const uint8_t *reply, size_t size)
{
    for (long i = 0; i < (long)outstanding; i++) {
        struct login *login = logins + i;
        if (!login->stage || login->socket != socket || login->request.octets[1] != reply[1])
            continue;
        enum proof proof = reply_proof(reply, size, &login->request, secret);
        if (proof == NOT_OURS)
            continue;
        unsigned_replies += proof == UNSIGNED;
        answer(login, reply, size);
        return;
    }
    foreign++; /* a second answer to what was sent twice, or a forgery */
}

static void receive(int socket)
{
    uint8_t reply[MAX_PACKET];
    ssize_t size;
    while ((size = recv(sockets[socket].fd, reply, sizeof reply, MSG_DONTWAIT)) >= 0)
        take(socket, reply, (size_t)size);
    if (errno != EAGAIN)
        fail("recv");
}

static void resend_late(double at)
{
    for (struct login *login = logins; login < logins + (long)outstanding; login++) {
        if (!login->stage || at - login->sent < resend)
            continue;
        if (login->tries++ < (int)tries) {
            resent++;
            transmit(login);
        } else {
            lost++;
            end(login);
        }
    }
}

static void wait_for_replies(double until)
{
    double left = until - now();
    struct timespec patience = {0, left > 0 ? (long)(left * 1e9) : 0};
    if (ppoll(sockets, (nfds_t)socket_count, &patience, NULL) < 0)
        fail("poll");
    for (int i = 0; i < (int)socket_count; i++)
        if (sockets[i].revents)
            receive(i);
}

static double run(void)
{
    double begin = now(), tick = resend < 0.1 ? resend / 4 : 0.025, scanned = begin, at;
    for (;;) {
        at = now();
        int more = started < (long)most && (seconds_at_most == 0 || at - begin < seconds_at_most);
        if (!more && !under_way)
            return at - begin;
        double due = rate ? begin + (double)started / rate : at;
        if (more && due <= at && under_way < (long)outstanding) {
            start(due);
            continue;
        }
        if (at - scanned >= tick) {
            resend_late(at);
            scanned = at;
        }
        double until = at + tick;
        wait_for_replies(more && rate && due > at && due < until ? due : until);
    }
}

static void open_sockets(void)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (!inet_aton(address, &server.sin_addr) || !inet_aton(source_address, &source.sin_addr))
        fail("address");
    for (int i = 0; i < (int)socket_count; i++) {
        int room = 1 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (fd < 0 || bind(fd, (void *)&source, sizeof source))
            fail("socket");
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        sockets[i] = (struct pollfd){fd, POLLIN, 0};
    }
}

static int by_size(const void *one, const void *other)
{
    return (*(const uint32_t *)one > *(const uint32_t *)other) - (*(const uint32_t *)one < *(const uint32_t *)other);
}

static uint32_t percentile(int percent)
{
    return accepted ? micros[(accepted - 1) * percent / 100] : 0;
}

static void report(double seconds)
{
    qsort(micros, (size_t)accepted, sizeof *micros, by_size);
    printf("{\"started\": %ld, \"accepts\": %ld, \"rejects\": %ld, \"challenges\": %ld, \"lost\": %ld, \"resent\": %ld, "
           "\"foreign\": %ld, \"unsigned\": %ld, \"seconds\": %.6f, \"p50\": %u, \"p95\": %u, \"p99\": %u, "
           "\"first_accept\": %.6f, \"step\": %llu}\n",
           started, accepted, rejected, challenged, lost, resent, foreign, unsigned_replies, seconds, percentile(50),
           percentile(95), percentile(99), first_accept, (unsigned long long)time(NULL) / (unsigned long long)period);
}

static void read_option(const char *word)
{
    const char *value = strchr(word, '=');
    for (size_t i = 0; value && i < sizeof options / sizeof *options; i++) {
        size_t size = (size_t)(value - word);
        if (strlen(options[i].name) != size || strncmp(options[i].name, word, size))
            continue;
        if (options[i].text)
            *options[i].text = value + 1;
        else
            *options[i].number = atof(value + 1);
        return;
    }
    fail(word);
}

static void read_options(int count, char **words)
{
    for (int i = 1; i < count; i++)
        read_option(words[i]);
    mode = strcmp(mode_name, "append") == 0 ? APPEND : strcmp(mode_name, "abandon") == 0 ? ABANDON : CHALLENGE;
    if (outstanding > MAX_UNDER_WAY || socket_count > MAX_SOCKETS)
        fail("too many logins at once, or sockets");
}

int main(int count, char **words)
{
    read_options(count, words);
    open_sockets();
    if (log_file && !(accept_log = fopen(log_file, "w")))
        fail(log_file);
    if (!(micros = malloc(sizeof *micros * (size_t)(long)most)))
        fail("malloc");
    report(run());
    if (accept_log && fclose(accept_log))
        fail(log_file);
    return 0;
}
