/* LD_PRELOAD: of the calls between faults_begin and faults_end, the one that was aimed at fails. Counts what is allocated
 * and not yet freed as well. With FAULTS_ON set, all calls after it fail as well; with
 * FAULTS_EINTR set, only poll, send and recv count, and fail as if by a signal. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

static long aim, count, target, live;
static const char *failed;

void faults_aim(long nth)
{
    aim = nth;
    count = 0;
    failed = "-";
}

void faults_begin(void)
{
    target = aim;
}

void faults_end(void)
{
    target = 0;
}

const char *faults_failed(void)
{
    return failed;
}

long faults_live(void)
{
    return live;
}

static int fails(const char *call, int error)
{
    static int interrupted = -1, on;
    if (target == 0)
        return 0;
    if (interrupted < 0) {
        interrupted = getenv("FAULTS_EINTR") != NULL;
        on = getenv("FAULTS_ON") != NULL;
    }
    if (interrupted && strcmp(call, "poll") != 0 && strcmp(call, "send") != 0 && strcmp(call, "recv") != 0)
        return 0;
    if (++count < target || (count > target && !on))
        return 0;
    if (count == target)
        failed = call;
    errno = interrupted ? EINTR : error;
    return 1;
}

static void *counted(void *block)
{
    live += block != NULL;
    return block;
}

void *malloc(size_t size)
{
    return fails("malloc", ENOMEM) ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return fails("calloc", ENOMEM) ? NULL : counted(__libc_calloc(number, size));
}

void *realloc(void *block, size_t size)
{
    if (fails("realloc", ENOMEM))
        return NULL;
    void *moved = __libc_realloc(block, size);
    if (block == NULL)
        counted(moved);
    else if (size == 0)
        live--;
    return moved;
}

void free(void *block)
{
    live -= block != NULL;
    __libc_free(block);
}

#define WRAP(type, name, failure, error, parameters, arguments)                                                        \
    type name parameters                                                                                               \
    {                                                                                                                  \
        static type(*real) parameters;                                                                                 \
        if (fails(#name, error))                                                                                       \
            return failure;                                                                                            \
        if (real == NULL)                                                                                              \
            real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                                        \
        return real arguments;                                                                                         \
    }

WRAP(int, socket, -1, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, connect, -1, ECONNREFUSED, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
WRAP(int, setsockopt, -1, ENOPROTOOPT, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, getsockopt, -1, ENOPROTOOPT, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
WRAP(int, poll, -1, ENOMEM, (struct pollfd * fds, nfds_t number, int timeout), (fds, number, timeout))
WRAP(ssize_t, send, -1, EPIPE, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WRAP(ssize_t, recv, -1, ECONNRESET, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
WRAP(ssize_t, read, -1, EIO, (int fd, void *data, size_t size), (fd, data, size))
WRAP(ssize_t, write, -1, EIO, (int fd, const void *data, size_t size), (fd, data, size))
WRAP(int, clock_gettime, -1, EINVAL, (clockid_t clock, struct timespec *time), (clock, time))
WRAP(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
WRAP(int, getpwnam_r, ENOMEM,
     ENOMEM, (const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **result),
     (name, entry, buffer, size, result))
WRAP(void *, dlopen, NULL, ENOENT, (const char *path, int flags), (path, flags))

/* What _FORTIFY_SOURCE makes of recv where the size is not known when it is compiled. */
ssize_t __recv_chk(int fd, void *data, size_t size, size_t room, int flags)
{
    return size <= room ? recv(fd, data, size, flags) : -1;
}

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if (fails("open", EMFILE))
        return -1;
    if (real == NULL)
        real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}
