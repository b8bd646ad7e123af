/* A PAM application for tests: authenticates, and says what it was shown and what came out.
 *
 *   login [-c DIRECTORY] [-r RHOST] [-t TTY] [-u RUSER] [-k SSH_AUTH_INFO_0] [-q] [-s] [-a] [-m] [-n LAST [-w]]
 *         SERVICE USER ANSWER...
 *
 * -c: where the stacks are, -q: PAM_SILENT, -s and -a: setcred and acct_mgmt as well, whatever came before. -n: the same
 * login LAST times; in the Nth, the Nth call fails that faults.c (LD_PRELOAD) counts. -w: it counts in the whole login,
 * not only where a module of the stack lets it. -m: answers are given backwards, and the memory of this process is
 * searched for them, for the one before at each prompt and for all of them at the end.
 *
 * ANSWER: a text, or @null (no answer), @fail (as after Ctrl-C), @again (PAM_CONV_AGAIN), @slow (a text after 1.2 s).
 * USER: - when the application does not know it. When there is no answer left, the conversation fails, as at the end of input. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

/* Of faults.c, when it is preloaded. */
extern void faults_aim(long nth) __attribute__((weak));
extern void faults_begin(void) __attribute__((weak));
extern void faults_end(void) __attribute__((weak));
extern const char *faults_failed(void) __attribute__((weak));
extern long faults_live(void) __attribute__((weak));

struct login {
    const char *directory, *rhost, *tty, *ruser, *key, *service, *user;
    char **answers, **next;
    int flags, with_setcred, with_account, quiet, backwards;
};

static const char *code_name(int code)
{
    static const char *const names[] = {
        [PAM_SUCCESS] = "success", [PAM_AUTH_ERR] = "auth_err", [PAM_AUTHINFO_UNAVAIL] = "authinfo_unavail",
        [PAM_MAXTRIES] = "maxtries", [PAM_IGNORE] = "ignore", [PAM_MODULE_UNKNOWN] = "module_unknown",
    };
    static char other[32];
    if (code >= 0 && (size_t)code < sizeof names / sizeof *names && names[code])
        return names[code];
    snprintf(other, sizeof other, "code-%d", code);
    return other;
}

/* How often a part (PART octets: of a freed block the first ones are lost) of the text that is `given` backwards stands
 * in memory that can be written. */
enum { PART = 12 };

static int copies(const char *given)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512], mode[5];
    unsigned char *at, *end;
    size_t length = strlen(given);
    int found = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%p-%p %4s", (void **)&at, (void **)&end, mode) != 3 || strncmp(mode, "rw", 2) != 0)
            continue;
        for (; at + PART <= end; at++)
            for (size_t from = 0; from + PART <= length; from += PART) {
                size_t same = 0;
                while (same < PART && at[same] == (unsigned char)given[length - 1 - from - same])
                    same++;
                found += same == PART;
            }
    }
    if (maps)
        fclose(maps);
    return found;
}

static int answer(struct login *login, char **typed)
{
    const char *given = *login->next;
    if (login->backwards && login->next > login->answers)
        printf("copies %d\n", copies(login->next[-1]));
    if (given == NULL || strcmp(given, "@fail") == 0)
        return PAM_CONV_ERR;
    login->next++;
    if (strcmp(given, "@again") == 0)
        return PAM_CONV_AGAIN;
    if (strcmp(given, "@slow") == 0)
        nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
    *typed = strcmp(given, "@null") == 0 ? NULL : strdup(given);
    if (*typed && login->backwards)
        for (size_t i = 0, length = strlen(given); i < length; i++)
            (*typed)[i] = given[length - 1 - i];
    return *typed || strcmp(given, "@null") == 0 ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
    static const char *const styles[] = {[PAM_PROMPT_ECHO_OFF] = "hidden", [PAM_PROMPT_ECHO_ON] = "visible",
                                         [PAM_ERROR_MSG] = "error", [PAM_TEXT_INFO] = "info"};
    struct login *login = data;
    struct pam_response *all = calloc((size_t)count, sizeof *all);
    if (all == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        int style = messages[i]->msg_style, code = PAM_SUCCESS;
        if (!login->quiet)
            printf("%s %s\n", styles[style], messages[i]->msg);
        if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
            code = answer(login, &all[i].resp);
        if (code != PAM_SUCCESS) {
            free(all);
            return code;
        }
    }
    *responses = all;
    return PAM_SUCCESS;
}

static int run(struct login *login)
{
    struct pam_conv conv = {converse, login};
    pam_handle_t *pamh = NULL;
    login->next = login->answers;
    int code = pam_start_confdir(login->service, login->user, &conv, login->directory, &pamh);
    if (code == PAM_SUCCESS && login->rhost)
        code = pam_set_item(pamh, PAM_RHOST, login->rhost);
    if (code == PAM_SUCCESS && login->tty)
        code = pam_set_item(pamh, PAM_TTY, login->tty);
    if (code == PAM_SUCCESS && login->ruser)
        code = pam_set_item(pamh, PAM_RUSER, login->ruser);
    if (code == PAM_SUCCESS && login->key) {
        char *variable = malloc(strlen(login->key) + sizeof "SSH_AUTH_INFO_0=");
        code = PAM_BUF_ERR;
        if (variable) {
            stpcpy(stpcpy(variable, "SSH_AUTH_INFO_0="), login->key);
            code = pam_putenv(pamh, variable);
            free(variable);
        }
    }
    if (code == PAM_SUCCESS)
        code = pam_authenticate(pamh, login->flags);
    if (login->with_setcred)
        printf("setcred %s\n", code_name(pam_setcred(pamh, PAM_ESTABLISH_CRED)));
    if (login->with_account)
        printf("account %s\n", code_name(pam_acct_mgmt(pamh, 0)));
    pam_end(pamh, code);
    return code;
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 3; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* One line for each: which call failed ("-" if there were not so many), the code, what was left behind. */
static void run_with_faults(struct login *login, long last, int whole)
{
    login->quiet = 1;
    run(login);
    for (long nth = 1; nth <= last; nth++) {
        long live = faults_live();
        int files = open_files();
        faults_aim(nth);
        if (whole)
            faults_begin();
        int code = run(login);
        faults_end();
        printf("%s %s %d %ld\n", faults_failed(), code_name(code), open_files() - files, faults_live() - live);
    }
}

int main(int argc, char **argv)
{
    struct login login = {0};
    long last = 0;
    int whole = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int option; (option = getopt(argc, argv, "+c:r:t:u:k:n:mwqsa")) != -1;) {
        switch (option) {
        case 'c': login.directory = optarg; break;
        case 'r': login.rhost = optarg; break;
        case 't': login.tty = optarg; break;
        case 'u': login.ruser = optarg; break;
        case 'k': login.key = optarg; break;
        case 'n': last = strtol(optarg, NULL, 10); break;
        case 'm': login.backwards = 1; break;
        case 'w': whole = 1; break;
        case 'q': login.flags |= (int)PAM_SILENT; break;
        case 's': login.with_setcred = 1; break;
        case 'a': login.with_account = 1; break;
        default: return 2;
        }
    }
    if (argc - optind < 2)
        return 2;
    login.service = argv[optind];
    login.user = strcmp(argv[optind + 1], "-") == 0 ? NULL : argv[optind + 1];
    login.answers = argv + optind + 2;
    if (last > 0) {
        run_with_faults(&login, last, whole);
        return 0;
    }
    struct timespec before, after;
    int files = open_files();
    puts("login"); /* so that the buffer of standard output is set up before the hook is watched */
    clock_gettime(CLOCK_MONOTONIC, &before);
    int code = run(&login);
    clock_gettime(CLOCK_MONOTONIC, &after);
    for (char **given = login.answers; login.backwards && *given; given++)
        printf("copies %d\n", copies(*given));
    printf("result %s\n", code_name(code));
    printf("files %d\n", open_files() - files);
    printf("took %lld\n", (long long)(after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000);
    return code == PAM_SUCCESS ? 0 : 1;
}
