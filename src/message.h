/* message.h -- the one sentence in which an error comes back.  */

#ifndef QK_MESSAGE_H
#define QK_MESSAGE_H

#include "qk.h"

#include <stddef.h>

enum
{
  QK_QUOTED = 64 /* bytes of a quoted value */
};

/* The first length bytes of text for a message, reversibly: bytes outside printable ASCII as \xHH,
   a backslash doubled; what is too long ends in "...".  Returns quoted.  */
const char *qk_quote (char quoted[static QK_QUOTED], const char *text, size_t length);

/* Write a sentence to why, as printf; one that is too long ends in "...".  Always -1.  */
int qk_complain (char why[static QK_WHY], const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

#endif
