/* A module that does what others do on a bad day: rename=NAME makes the login another user's, crash ends the process. */
#include <security/pam_modules.h>
#include <stdlib.h>
#include <string.h>

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)flags;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "crash") == 0)
            abort();
        if (strncmp(argv[i], "rename=", 7) == 0 && pam_set_item(pamh, PAM_USER, argv[i] + 7) != PAM_SUCCESS)
            return PAM_SYSTEM_ERR;
    }
    return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}
