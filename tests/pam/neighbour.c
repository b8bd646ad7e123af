/* A module to stand beside the hook in a stack: "give=TEXT" leaves a password as a module before it would, "show"
 * shows the password that a module after it would find, "begin" and "end" let faults.c know, and strace, "check=TEXT"
 * stands in for pam_unix: it takes the password that is known, or asks, and says whether it is TEXT. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

extern void faults_begin(void) __attribute__((weak));
extern void faults_end(void) __attribute__((weak));

/* As pam_unix does it, with `first` for use_first_pass and try_first_pass. */
static int check(pam_handle_t *pamh, const char *password, int first)
{
    const void *known = NULL;
    char *typed = NULL;
    if (first && pam_get_item(pamh, PAM_AUTHTOK, &known) == PAM_SUCCESS && known)
        return strcmp(known, password) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
    if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &typed, "Unix password: ") != PAM_SUCCESS || typed == NULL)
        return PAM_AUTH_ERR;
    int code = strcmp(typed, password) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
    if (pam_set_item(pamh, PAM_AUTHTOK, typed) != PAM_SUCCESS)
        code = PAM_SYSTEM_ERR;
    free(typed);
    return code;
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    if (argc > 0 && strncmp(argv[0], "check=", 6) == 0)
        return check(pamh, argv[0] + 6, argc > 1);
    for (int i = 0; i < argc; i++) {
        const void *found = NULL;
        if (strncmp(argv[i], "give=", 5) == 0 && pam_set_item(pamh, PAM_AUTHTOK, argv[i] + 5) != PAM_SUCCESS)
            return PAM_SYSTEM_ERR;
        if (strcmp(argv[i], "begin") == 0 && access("/the-hook-begins", F_OK) != 0 && faults_begin)
            faults_begin();
        if (strcmp(argv[i], "end") == 0 && access("/the-hook-ends", F_OK) != 0 && faults_end)
            faults_end();
        if (strcmp(argv[i], "show") == 0 && pam_get_item(pamh, PAM_AUTHTOK, &found) == PAM_SUCCESS)
            pam_info(pamh, "authtok %s", found ? (const char *)found : "-");
    }
    return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}
