/* pam_radius_mfa: the terminal of the radius-mfa daemon in a PAM stack.
 *
 * It tells the daemon who wants in, shows what the daemon says, hands back what the person types and returns the
 * daemon's result. It decides nothing. README.md has the options and the grammar of the lines.
 *
 * Where no daemon answers it is PAM_AUTHINFO_UNAVAIL, which a stack may take for a reason to ask for less. So it is that
 * only where nobody can have helped: once the daemon has said a word, or this process was held up, all that goes wrong
 * is PAM_AUTH_ERR, as is what goes wrong at the person or the application. A login succeeds in one way: the line "RESULT<tab>success" of a peer that is root or `owner`. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define SHOWN __attribute__((visibility("default")))
#define HELLO "HELLO\t1"
#define DIGITS "0123456789"
#define HEX "0123456789ABCDEF"
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Octets, but for the last four. A line is counted with its newline. */
enum {
    LONGEST_HEARD = 2048,
    LONGEST_SAID = 16384,
    LONGEST_TEXT = PAM_MAX_MSG_SIZE - 1,
    LONGEST_ANSWER = PAM_MAX_RESP_SIZE - 1,
    LONGEST_FACT = 255,
    LONGEST_KEY = 4096,
    LONGEST_DELAY = 10000, /* milliseconds */
    MOST_LINES = 32,
    SLICE = 100,   /* milliseconds */
    HELD_UP = 1000, /* milliseconds */
};
_Static_assert(sizeof HELLO "\tuse\tsilent\n" + 5 * (1 + 3 * LONGEST_FACT) + 1 + 3 * LONGEST_KEY <= LONGEST_SAID,
               "a greeting fits");

enum kind { GREETING, PASSWORD, PROMPT, TEXT, DELAY, RESULT };

/* The daemon's lines. A start that ends in a tab is followed by one field. */
static const struct {
    const char *start;
    enum kind kind;
    int value;
} GRAMMAR[] = {
    {HELLO, GREETING, 0},
    {"PROMPT\tpassword\t", PASSWORD, PAM_PROMPT_ECHO_OFF},
    {"PROMPT\thidden\t", PROMPT, PAM_PROMPT_ECHO_OFF},
    {"PROMPT\tvisible\t", PROMPT, PAM_PROMPT_ECHO_ON},
    {"INFO\t", TEXT, PAM_TEXT_INFO},
    {"ERROR\t", TEXT, PAM_ERROR_MSG},
    {"DELAY\t", DELAY, 0},
    {"RESULT\tsuccess", RESULT, PAM_SUCCESS},
    {"RESULT\tdenied", RESULT, PAM_AUTH_ERR},
    {"RESULT\tmaxtries", RESULT, PAM_MAXTRIES},
    {"RESULT\tunavailable", RESULT, PAM_AUTHINFO_UNAVAIL},
};

struct message {
    enum kind kind;
    int value;  /* the style of a prompt or text, the milliseconds of a delay, the result */
    char *text; /* unescaped, where the line was */
};

struct door {
    pam_handle_t *pamh;
    const char *socket, *owner;
    int timeout; /* seconds */
    bool use_first_pass, try_first_pass, debug, silent;
    bool first_pass_used;
    bool there; /* the daemon has greeted: what goes wrong from here on, somebody may have brought about */
    int fd;
    long long begun;         /* when the daemon was called, microseconds; 0 before */
    long long left;          /* microseconds the daemon may still take */
    size_t filled, consumed; /* of `heard`: what is there, and how much of it has been read */
    size_t written;          /* of `said` */
    char heard[LONGEST_HEARD];
    char said[LONGEST_SAID];
};

/* Microseconds; a clock that fails says that all time is over. */
static long long now(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
        return LLONG_MAX;
    return (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Whether time has passed that this process did not wait for the daemon: who runs su can stop it, or starve it. */
static bool held_up(const struct door *door)
{
    long long waited = door->timeout * 1000000LL - door->left;
    return door->begun != 0 && now() - door->begun > waited + HELD_UP * 1000LL;
}

static int unavailable(const struct door *door, const char *why)
{
    pam_syslog(door->pamh, LOG_ERR, "%s: %s", door->socket, why);
    return door->there || held_up(door) ? PAM_AUTH_ERR : PAM_AUTHINFO_UNAVAIL;
}

static int denied(const struct door *door, const char *why)
{
    pam_syslog(door->pamh, LOG_NOTICE, "%s", why);
    return PAM_AUTH_ERR;
}

/* A decimal number of at most five digits and at most `most`, or -1. */
static int number(const char *text, int most)
{
    size_t length = strspn(text, DIGITS);
    if (length == 0 || length > 5 || text[length] != '\0')
        return -1;
    long value = strtol(text, NULL, 10);
    return value <= most ? (int)value : -1;
}

/* These stand for themselves and all others are %XX, so that no text can be written in two ways. */
static bool plain(unsigned char octet)
{
    return octet >= ' ' && octet < 0x7f && octet != '%';
}

static int hex(char digit)
{
    static const char digits[] = HEX;
    const char *found = memchr(digits, digit, sizeof digits - 1);
    return found ? (int)(found - digits) : -1;
}

/* Unescapes a field in place and ends it; text[length] has to be there. The daemon sends no control characters. */
static bool unescape(char *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char octet = (unsigned char)text[i];
        if (!plain(octet)) {
            if (octet != '%' || length - i < 3)
                return false;
            int high = hex(text[i + 1]), low = hex(text[i + 2]);
            octet = (unsigned char)(high * 16 + low);
            if (high < 0 || low < 0 || (octet != '%' && octet < 0x80))
                return false;
            i += 2;
        }
        if (kept == LONGEST_TEXT)
            return false;
        text[kept++] = (char)octet;
    }
    text[kept] = '\0';
    return true;
}

/* Reads one line, given without its newline; the newline's place has to be writable. */
static bool parse(char *line, size_t length, struct message *message)
{
    for (size_t i = 0; i < COUNT(GRAMMAR); i++) {
        size_t start = strlen(GRAMMAR[i].start);
        if (length < start || memcmp(line, GRAMMAR[i].start, start) != 0)
            continue;
        *message = (struct message){GRAMMAR[i].kind, GRAMMAR[i].value, line + start};
        if (GRAMMAR[i].start[start - 1] != '\t')
            return length == start;
        if (!unescape(message->text, length - start))
            return false;
        if (message->kind == DELAY)
            message->value = number(message->text, LONGEST_DELAY);
        return message->value >= 0;
    }
    return false;
}

/* Only what the daemon takes is taken off the time it has in all; a person may take any. At most a slice at a time: the
 * rest was not the daemon's. What has come by then has come in time. `fd` is -1 to let a slice pass. */
static bool wait_for(struct door *door, int fd, short event)
{
    int ready;
    do {
        struct pollfd waiting = {.fd = fd, .events = event};
        long long before = now(), most = SLICE * 1000LL;
        ready = poll(&waiting, 1, door->left > 0 ? SLICE : 0);
        int error = errno;
        long long after = now();
        if (before == LLONG_MAX || after == LLONG_MAX)
            return false;
        door->left -= after - before < most ? after - before : most;
        errno = error;
    } while (door->left > 0 && fd >= 0 && (ready == 0 || (ready < 0 && errno == EINTR)));
    return ready > 0;
}

/* The daemon's next line; false when it does not come whole and in time, or cannot be read. */
static bool hear(struct door *door, struct message *message)
{
    door->filled -= door->consumed;
    memmove(door->heard, door->heard + door->consumed, door->filled);
    door->consumed = 0;
    for (;;) {
        char *end = memchr(door->heard, '\n', door->filled);
        if (end) {
            door->consumed = (size_t)(end - door->heard) + 1;
            return parse(door->heard, door->consumed - 1, message);
        }
        if (door->filled == sizeof door->heard || !wait_for(door, door->fd, POLLIN))
            return false;
        ssize_t got = recv(door->fd, door->heard + door->filled, sizeof door->heard - door->filled, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        door->filled += got > 0 ? (size_t)got : 0;
    }
}

/* Sends the line that was written, and wipes it. */
static bool send_line(struct door *door)
{
    size_t sent = 0;
    door->said[door->written++] = '\n';
    while (sent < door->written && wait_for(door, door->fd, POLLOUT)) {
        ssize_t put = send(door->fd, door->said + sent, door->written - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno != EINTR && errno != EAGAIN)
            break;
        sent += put > 0 ? (size_t)put : 0;
    }
    bool whole = sent == door->written;
    explicit_bzero(door->said, sizeof door->said);
    door->written = 0;
    return whole;
}

static void write_word(struct door *door, const char *word)
{
    door->written = (size_t)(stpcpy(door->said, word) - door->said);
}

/* Writes a tab and the field (NULL: an empty one); false, and nothing is written, when it has more than `longest`. */
static bool write_field(struct door *door, const char *text, size_t longest)
{
    if (text == NULL)
        text = "";
    if (strnlen(text, longest + 1) > longest)
        return false;
    door->said[door->written++] = '\t';
    for (; *text != '\0'; text++) {
        unsigned char octet = (unsigned char)*text;
        door->said[door->written++] = plain(octet) ? *text : '%';
        if (!plain(octet)) {
            door->said[door->written++] = HEX[octet >> 4];
            door->said[door->written++] = HEX[octet & 15];
        }
    }
    return true;
}

static const char *item(const struct door *door, int type)
{
    const void *found = NULL;
    return pam_get_item(door->pamh, type, &found) == PAM_SUCCESS ? found : NULL;
}

/* Asks for the name if the application has not done so: before there is a daemon that waits for it. */
static int name_user(const struct door *door)
{
    const char *user = NULL;
    if (pam_get_user(door->pamh, &user, NULL) != PAM_SUCCESS || user == NULL || *user == '\0')
        return denied(door, "no user name");
    return PAM_SUCCESS;
}

static int greet(struct door *door)
{
    static const int facts[] = {PAM_SERVICE, PAM_USER, PAM_RHOST, PAM_TTY, PAM_RUSER};
    write_word(door, HELLO);
    for (size_t i = 0; i < COUNT(facts); i++)
        if (!write_field(door, item(door, facts[i]), LONGEST_FACT))
            return denied(door, "the name of the user, host or terminal is too long");
    /* The keys sshd has proven can only spare somebody a code: if they do not fit, there are none. */
    if (!write_field(door, pam_getenv(door->pamh, "SSH_AUTH_INFO_0"), LONGEST_KEY))
        write_field(door, NULL, 0);
    bool try = door->try_first_pass && item(door, PAM_AUTHTOK);
    write_field(door, door->use_first_pass ? "use" : try ? "try" : "ask", LONGEST_FACT);
    write_field(door, door->silent ? "silent" : NULL, LONGEST_FACT);
    return send_line(door) ? PAM_SUCCESS : unavailable(door, "the daemon does not listen");
}

static int answer(struct door *door, const char *word, const char *text)
{
    write_word(door, word);
    if (text && !write_field(door, text, LONGEST_ANSWER))
        return denied(door, "the answer is too long");
    return send_line(door) ? PAM_SUCCESS : unavailable(door, "the daemon has gone");
}

/* Shows a text, or asks. */
static int show(const struct door *door, const struct message *message, char **typed)
{
    int code = pam_prompt(door->pamh, message->value, typed, "%s", message->text);
    return code == PAM_SUCCESS ? PAM_SUCCESS : denied(door, "the conversation was broken off");
}

/* What was typed goes to the daemon. Who gives the password again where something else was asked cannot see
 * questions (sshd with PasswordAuthentication does that): this is told as what it is, not as a guess. */
static int take(struct door *door, bool password, const char *typed)
{
    const char *known = item(door, PAM_AUTHTOK);
    if (!password && known && *known != '\0' && strcmp(typed, known) == 0)
        return answer(door, "SAME", NULL);
    if (password && pam_set_item(door->pamh, PAM_AUTHTOK, typed) != PAM_SUCCESS)
        return unavailable(door, "no memory");
    return answer(door, "ANSWER", typed);
}

static int ask(struct door *door, const struct message *message)
{
    bool password = message->kind == PASSWORD;
    if (password && (door->use_first_pass || door->try_first_pass) && !door->first_pass_used) {
        const char *known = item(door, PAM_AUTHTOK);
        door->first_pass_used = true;
        if (known)
            return answer(door, "ANSWER", known);
    }
    if (password && door->use_first_pass)
        return denied(door, "use_first_pass: the password asked for before is missing or wrong");
    char *typed = NULL;
    int code = show(door, message, &typed);
    if (code == PAM_SUCCESS)
        code = typed ? take(door, password, typed) : denied(door, "no answer");
    if (typed)
        explicit_bzero(typed, strlen(typed));
    free(typed);
    return code;
}

static int converse(struct door *door)
{
    struct message message;
    for (int lines = 0; lines < MOST_LINES; lines++) {
        if (!hear(door, &message) || (message.kind == GREETING) != (lines == 0))
            return unavailable(door, "no answer in time, or none that makes sense");
        door->there = true;
        bool turn = message.kind == RESULT || message.kind == PROMPT || message.kind == PASSWORD;
        if (turn && door->consumed != door->filled)
            return unavailable(door, "the daemon speaks out of turn");
        if (message.kind == RESULT && message.value == PAM_AUTHINFO_UNAVAIL)
            return unavailable(door, "the daemon says that it cannot answer");
        if (message.kind == RESULT)
            return message.value;
        int code = PAM_SUCCESS;
        if (turn)
            code = ask(door, &message);
        else if (message.kind == TEXT && !door->silent)
            code = show(door, &message, NULL);
        else if (message.kind == DELAY)
            pam_fail_delay(door->pamh, (unsigned)message.value * 1000);
        if (code != PAM_SUCCESS)
            return code;
    }
    return unavailable(door, "the daemon does not come to an end");
}

static bool is_allowed(const struct door *door, uid_t peer)
{
    if (peer == 0 || door->owner == NULL)
        return peer == 0;
    if (door->owner[strspn(door->owner, DIGITS)] == '\0')
        return peer == strtoul(door->owner, NULL, 10);
    struct passwd entry, *found = NULL;
    char buffer[4096]; /* pam_modutil_getpwnam needs none, but goes round in circles when memory runs out */
    return getpwnam_r(door->owner, &entry, buffer, sizeof buffer, &found) == 0 && found && found->pw_uid == peer;
}

/* Connects, and looks who called listen() there, before a word is said. */
static int dial(struct door *door)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    if (*door->socket != '/' || strlen(door->socket) >= sizeof address.sun_path)
        return unavailable(door, "no absolute path, or one that is too long");
    stpcpy(address.sun_path, door->socket);
    door->begun = now();
    door->left = door->timeout * 1000000LL;
    door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door->fd < 0 || door->begun == LLONG_MAX)
        return denied(door, "no socket, or no clock");
    while (connect(door->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EAGAIN || door->left <= 0) /* EAGAIN: too many wait to be let in */
            return unavailable(door, strerror(errno));
        wait_for(door, -1, 0);
    }
    if (getsockopt(door->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || !is_allowed(door, peer.uid))
        return unavailable(door, "who listens is neither root nor the owner");
    return PAM_SUCCESS;
}

static int read_options(struct door *door, int argc, const char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "socket=", 7) == 0)
            door->socket = argv[i] + 7;
        else if (strncmp(argv[i], "owner=", 6) == 0)
            door->owner = argv[i] + 6;
        else if (strncmp(argv[i], "timeout=", 8) == 0)
            door->timeout = number(argv[i] + 8, 60);
        else if (strcmp(argv[i], "use_first_pass") == 0)
            door->use_first_pass = true;
        else if (strcmp(argv[i], "try_first_pass") == 0)
            door->try_first_pass = true;
        else if (strcmp(argv[i], "debug") == 0)
            door->debug = true;
        else
            return unavailable(door, "the stack gives an option that is not known");
    }
    return door->timeout > 0 ? PAM_SUCCESS : unavailable(door, "timeout takes 1 to 60 seconds");
}

SHOWN int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct door door = {.pamh = pamh, .socket = "/run/radius-mfa/pam.sock", .timeout = 5, .fd = -1};
    door.silent = ((unsigned)flags & PAM_SILENT) != 0;
    int code = read_options(&door, argc, argv);
    if (code == PAM_SUCCESS)
        code = name_user(&door);
    if (code == PAM_SUCCESS)
        code = dial(&door);
    if (code == PAM_SUCCESS)
        code = greet(&door);
    if (code == PAM_SUCCESS)
        code = converse(&door);
    if (door.fd >= 0)
        close(door.fd);
    if (door.debug)
        pam_syslog(pamh, LOG_DEBUG, "%s: result: %s", door.socket, pam_strerror(pamh, code));
    return code;
}

/* There is nothing to set. README.md, "Return codes", says why this is no error. */
SHOWN int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}
