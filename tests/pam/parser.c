/* The parser of the hook, alone, under the sanitizers.
 *
 *   parser read          lines on standard input, each as "LENGTH OCTETS"; prints what each says to the hook
 *   parser fuzz COUNT    such lines as seeds, and COUNT lines made of them; stops at the first that breaks a law */
#include "pam_radius_mfa.c"

#include <stdio.h>

static const char *const KINDS[] = {[GREETING] = "greeting", [PASSWORD] = "password", [PROMPT] = "prompt",
                                    [TEXT] = "text", [DELAY] = "delay", [RESULT] = "result"};

struct line {
    char *octets;
    size_t length;
};

static int read_line(struct line *line)
{
    if (scanf("%zu", &line->length) != 1)
        return 0;
    getchar();
    line->octets = malloc(line->length + 1);
    return line->octets && fread(line->octets, 1, line->length, stdin) == line->length;
}

/* Octets in a block of exactly their size, so that a step beyond is seen. Where the newline was is a hex digit. */
static bool parsed(const char *octets, size_t length, struct message *message, char **block)
{
    *block = malloc(length + 1);
    if (*block == NULL)
        abort();
    memcpy(*block, octets, length);
    (*block)[length] = 'F';
    return parse(*block, length, message);
}

static void print_line(const struct line *line)
{
    struct message message;
    char *block;
    bool valid = parsed(line->octets, line->length, &message, &block);
    if (valid) {
        printf("%s %d ", KINDS[message.kind], message.value);
        for (const char *at = message.text; message.kind != GREETING && message.kind != RESULT && *at; at++)
            printf("%02x", (unsigned char)*at);
        putchar('\n');
    } else {
        puts("malformed");
    }
    free(block);
}

static unsigned long long seed = 88172645463325252ULL;

static size_t any(size_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (size_t)(seed % below);
}

/* A few octets changed, put in, taken out or doubled. */
static size_t mutate(char *octets, size_t length, size_t room)
{
    static const char telling[] = "\t\n%\0\r 0123456789ABCDEFf\x1b\x7f\x80\xc3\xbc\xff";
    for (size_t steps = any(4); steps > 0; steps--) {
        size_t at = any(length + 1), part = any(length - at + 1);
        char octet = any(2) ? telling[any(sizeof telling)] : (char)any(256);
        switch (any(4)) {
        case 0:
            if (at < length)
                octets[at] = octet;
            break;
        case 1:
            if (length < room) {
                memmove(octets + at + 1, octets + at, length - at);
                octets[at] = octet;
                length++;
            }
            break;
        case 2:
            memmove(octets + at, octets + at + part, length - at - part);
            length -= part;
            break;
        default:
            if (part <= room - length) {
                memmove(octets + at + part, octets + at, length - at);
                length += part;
            }
        }
    }
    return length;
}

static bool lawful(const struct message *message)
{
    static const int results[] = {PAM_SUCCESS, PAM_AUTH_ERR, PAM_MAXTRIES, PAM_AUTHINFO_UNAVAIL};
    bool known = message->kind != RESULT;
    for (size_t i = 0; i < COUNT(results); i++)
        known = known || message->value == results[i];
    if (!known || (message->kind == DELAY && (message->value < 0 || message->value > LONGEST_DELAY)))
        return false;
    if (message->kind == GREETING || message->kind == RESULT)
        return true;
    size_t length = strlen(message->text);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)message->text[i] < ' ' || message->text[i] == 0x7f)
            return false;
    return length <= LONGEST_TEXT;
}

/* The same octets as the hook gets them: from a socket, in two parts. */
static bool hears_the_same(const char *octets, size_t length, const struct message *expected)
{
    struct door door = {.left = 1000000, .timeout = 1};
    struct message message = {0};
    int ends[2];
    if (memchr(octets, '\n', length) || length + 1 > LONGEST_HEARD)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        abort();
    size_t first = any(length + 1);
    if (write(ends[1], octets, first) != (ssize_t)first ||
        write(ends[1], octets + first, length - first) != (ssize_t)(length - first) || write(ends[1], "\n", 1) != 1)
        abort();
    close(ends[1]);
    door.fd = ends[0];
    bool same = hear(&door, &message) == (expected != NULL) &&
                (!expected || (message.kind == expected->kind && message.value == expected->value));
    struct message more;
    same = same && door.consumed == length + 1 && !hear(&door, &more);
    close(ends[0]);
    return same;
}

static int fuzz(const struct line *seeds, size_t count, long rounds)
{
    char octets[4096];
    long valid = 0;
    for (long i = 0; i < rounds; i++) {
        const struct line *from = &seeds[any(count)];
        struct message message;
        char *block;
        memcpy(octets, from->octets, from->length);
        size_t length = mutate(octets, from->length, sizeof octets);
        bool good = parsed(octets, length, &message, &block);
        if ((good && !lawful(&message)) || (i % 8 == 0 && !hears_the_same(octets, length, good ? &message : NULL))) {
            printf("line %ld breaks a law: %.*s\n", i, (int)length, octets);
            return 1;
        }
        valid += good;
        free(block);
    }
    printf("%ld lines, %ld of them valid\n", rounds, valid);
    return 0;
}

int main(int argc, char **argv)
{
    static struct line lines[1024];
    size_t count = 0;
    while (count < COUNT(lines) && read_line(&lines[count]))
        count++;
    int code = 0;
    if (argc == 3 && strcmp(argv[1], "fuzz") == 0)
        code = fuzz(lines, count, strtol(argv[2], NULL, 10));
    else
        for (size_t i = 0; i < count; i++)
            print_line(&lines[i]);
    for (size_t i = 0; i < count; i++)
        free(lines[i].octets);
    return code;
}
