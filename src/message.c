/* message.c -- the one sentence in which an error comes back.  */

#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *
qk_quote (char quoted[static QK_QUOTED], const char *text, size_t length)
{
  static const char dots[] = "...";
  size_t n = 0, kept = 0; /* kept: dots fit behind it */
  for (size_t i = 0; i < length; i++)
    {
      unsigned char byte = (unsigned char)text[i];
      char code[5];
      if (byte == '\\')
        strcpy (code, "\\\\");
      else
        snprintf (code, sizeof code, byte < 0x20 || byte > 0x7e ? "\\x%02x" : "%c", byte);
      size_t more = strlen (code);
      if (n + more >= QK_QUOTED)
        {
          n = kept + sizeof dots - 1;
          memcpy (quoted + kept, dots, sizeof dots);
          break;
        }
      memcpy (quoted + n, code, more);
      n += more;
      if (n + sizeof dots <= QK_QUOTED)
        kept = n;
    }
  quoted[n] = '\0';
  return quoted;
}

int
qk_complain (char why[static QK_WHY], const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  int length = vsnprintf (why, QK_WHY, format, arguments);
  va_end (arguments);
  if (length >= QK_WHY)
    memcpy (why + QK_WHY - 4, "...", 4);
  return -1;
}
