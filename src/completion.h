/* completion.h -- completion of command lines for shells, rendered from descriptors.  */

#ifndef QK_COMPLETION_H
#define QK_COMPLETION_H

#include <stdio.h>

/* The file of a shell: "bash", "zsh" or "fish"; what `make -C build man` writes to completion/. -1:
   no such shell.  */
int qk_completion_write (FILE *out, const char *shell);

#endif
