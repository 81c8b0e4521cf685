/* npy.c -- NumPy's .npy files: the header, a literal of Python, read by hand.  */

#include "npy.h"
#include "message.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MAGIC = 6,          /* bytes of "\x93NUMPY" */
  PREFIX = 8,         /* and of the version behind it */
  LONGEST = 64 * 1024 /* header; what is allowed needs 200 bytes and 21 an axis */
};

static const char allowed[] = "float16, float32 and float64 are read";

static const char magic[MAGIC + 1] = "\x93NUMPY";

/* A sound beginning, as far as the file goes; or the word NUMPY and a version where the byte before
   it became text in another encoding, or went.  */
bool
qk_npy_begins (const unsigned char *head, size_t n)
{
  if (!memcmp (head, magic, n < MAGIC ? n : MAGIC))
    return true;
  for (size_t i = 0; i <= 3 && i + MAGIC - 1 < n; i++)
    if (!memcmp (head + i, magic + 1, MAGIC - 1) && head[i + MAGIC - 1] <= 3)
      return true;
  return false;
}

/* ---- The literal ---------------------------------------------------------------------------- */

/* A header being read; a 0 stands behind its last byte.  */
struct literal
{
  struct qk_tensor *t;
  bool fortran;
  uint64_t offset; /* of the first byte in the file */
  const char *start, *at, *end;
  char *why;
};

static void
skip_blanks (struct literal *l)
{
  l->at += strspn (l->at, " \t\n");
}

/* Skip blanks and one character, if it is there.  */
static bool
accept (struct literal *l, char c)
{
  skip_blanks (l);
  if (*l->at != c)
    return false;
  l->at++;
  return true;
}

static int
unexpected (const struct literal *l, const char *expected)
{
  char quoted[QK_QUOTED];
  uint64_t byte = l->offset + (uint64_t)(l->at - l->start);
  if (l->at == l->end)
    return qk_tensor_refuse (l->t, l->why,
                             "damaged .npy header: it ends at byte %" PRIu64 ", before %s", byte,
                             expected);
  return qk_tensor_refuse (l->t, l->why, "damaged .npy header: '%s' at byte %" PRIu64 ", not %s",
                           qk_quote (quoted, l->at, 1), byte, expected);
}

/* A string without escapes.  */
static int
read_string (struct literal *l, const char **string, size_t *length)
{
  skip_blanks (l);
  char quote = *l->at;
  if (quote != '\'' && quote != '"')
    return unexpected (l, "a string");
  *string = ++l->at;
  while (*l->at != quote)
    if (*l->at < ' ' || *l->at > '~' || *l->at == '\\')
      return unexpected (l, "the rest of a string");
    else
      l->at++;
  *length = (size_t)(l->at++ - *string);
  return 0;
}

/* Some other dtype: name what it is.  */
static int
refuse_dtype (const struct literal *l, const char *string, size_t length)
{
  /* By the letter of NumPy behind the byte order; digits or [unit] may follow.  */
  static const struct
  {
    const char *letters, *what;
  } kinds[] = {
    { "O", "Python objects, which are pickled and never loaded" },
    { "cFDG", "complex numbers" },
    { "iubBhHilLqQpP", "integers" },
    { "?", "truth values (bool)" },
    { "SaUT", "strings" },
    { "V", "raw bytes (NumPy has no bfloat16 and writes it so)" },
    { "Mm", "times" },
    { "fg", "floating-point numbers of another width (float128 or longdouble)" },
  };
  char quoted[QK_QUOTED];
  const char *what = "of a type that is not known";
  size_t i = length && strchr ("<>=|", *string) ? 1 : 0;
  if (i + 2 == length && string[i] == 'b' && string[i + 1] == '1')
    what = "truth values (bool)";
  else if (i < length && (i + 1 == length || !isalpha ((unsigned char)string[i + 1])))
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
      if (strchr (kinds[k].letters, string[i]))
        {
          what = kinds[k].what;
          break;
        }
  return qk_tensor_refuse (l->t, l->why, "dtype '%s': %s; %s", qk_quote (quoted, string, length),
                           what, allowed);
}

static int
read_dtype (struct literal *l)
{
  const char *string;
  size_t length;
  skip_blanks (l);
  if (*l->at == '[' || *l->at == '(')
    return qk_tensor_refuse (l->t, l->why, "a structured dtype, several fields in one; %s",
                             allowed);
  if (read_string (l, &string, &length))
    return -1;
  const uint16_t one = 1;
  char native = *(const unsigned char *)&one ? '<' : '>', order = native;
  const char *type = string;
  size_t rest = length;
  if (rest && strchr ("<>=|", *type))
    {
      order = *type == '<' || *type == '>' ? *type : native;
      type++;
      rest--;
    }
  if (rest != 2 || type[0] != 'f' || !strchr ("248", type[1]))
    return refuse_dtype (l, string, length);
  l->t->width = (unsigned)(type[1] - '0');
  l->t->swapped = order != native;
  memcpy (l->t->dtype, (const char[]){ order, 'f', type[1], '\0' }, 4);
  return 0;
}

static int
read_order (struct literal *l)
{
  skip_blanks (l);
  l->fortran = !strncmp (l->at, "True", 4);
  if (!l->fortran && strncmp (l->at, "False", 5) != 0)
    return unexpected (l, "True or False");
  l->at += l->fortran ? 4 : 5;
  return 0;
}

/* One axis.  Those beyond QK_TENSOR_AXES are only counted.  */
static int
read_axis (struct literal *l)
{
  struct qk_tensor *t = l->t;
  uint64_t value = 0;
  skip_blanks (l);
  if (*l->at == '-')
    return qk_tensor_refuse (t, l->why, "axis %u of the shape is negative", t->axes);
  const char *start = l->at;
  for (; *l->at >= '0' && *l->at <= '9'; l->at++)
    if (__builtin_mul_overflow (value, (uint64_t)10, &value)
        || __builtin_add_overflow (value, (uint64_t)(*l->at - '0'), &value))
      return qk_tensor_refuse (t, l->why, "axis %u of the shape overflows 64 bits", t->axes);
  if (l->at == start)
    return unexpected (l, "a whole number");
  if (*start == '0' && l->at > start + 1)
    {
      l->at = start;
      return unexpected (l, "a whole number without leading zeros");
    }
  if (*l->at == 'L')
    return qk_tensor_refuse (t, l->why,
                             "a long integer of Python 2 in the shape; "
                             "load and save the array with Python 3");
  if (t->axes < QK_TENSOR_AXES)
    t->shape[t->axes] = value;
  t->axes++;
  return 0;
}

/* A tuple: (), (2,), (2, 3), (2, 3,).  */
static int
read_shape (struct literal *l)
{
  l->t->axes = 0;
  if (!accept (l, '('))
    return unexpected (l, "the tuple of the shape");
  bool comma = true;
  while (!accept (l, ')'))
    {
      if (!comma)
        return unexpected (l, "a comma or ')'");
      if (read_axis (l))
        return -1;
      comma = accept (l, ',');
    }
  if (l->t->axes == 1 && !comma)
    {
      l->at--;
      return unexpected (l, "the comma of a tuple of one");
    }
  return 0;
}

/* The dictionary, and nothing but blanks behind it.  */
static int
read_literal (struct literal *l)
{
  static const struct
  {
    const char *name;
    int (*read) (struct literal *l);
  } keys[] = { { "descr", read_dtype }, { "fortran_order", read_order }, { "shape", read_shape } };
  enum
  {
    KEYS = sizeof keys / sizeof *keys
  };
  bool seen[KEYS] = { false }, comma = true;
  if (!accept (l, '{'))
    return unexpected (l, "'{'");
  while (!accept (l, '}'))
    {
      const char *name;
      size_t length, k = 0;
      if (!comma)
        return unexpected (l, "a comma or '}'");
      if (read_string (l, &name, &length))
        return -1;
      while (k < KEYS && (strlen (keys[k].name) != length || memcmp (keys[k].name, name, length)))
        k++;
      char quoted[QK_QUOTED];
      qk_quote (quoted, name, length);
      if (k == KEYS)
        return qk_tensor_refuse (l->t, l->why,
                                 "key '%s' in the .npy header; allowed are descr, "
                                 "fortran_order and shape",
                                 quoted);
      if (seen[k])
        return qk_tensor_refuse (l->t, l->why, "key '%s' twice in the .npy header", quoted);
      if (!accept (l, ':'))
        return unexpected (l, "a colon");
      seen[k] = true;
      if (keys[k].read (l))
        return -1;
      comma = accept (l, ',');
    }
  for (size_t k = 0; k < KEYS; k++)
    if (!seen[k])
      return qk_tensor_refuse (l->t, l->why, "no key '%s' in the .npy header", keys[k].name);
  skip_blanks (l);
  return l->at == l->end ? 0 : unexpected (l, "the end of the header");
}

/* ---- The file ------------------------------------------------------------------------------- */

static const char mangled[] = "damaged: sent or saved as text, which changed its bytes; "
                              "transfer it again, as binary";

/* Version and length of the header, which begins at offset.  */
static int
read_prefix (const struct qk_tensor *t, uint64_t *offset, size_t *length, char why[static QK_WHY])
{
  static const char truncated[] = "truncated: it ends in the .npy header, at byte %" PRIu64;
  unsigned char head[PREFIX + 4] = { 0 };
  if (qk_tensor_bytes (head, t, 0, t->bytes < sizeof head ? (size_t)t->bytes : sizeof head, why))
    return -1;
  if (t->bytes >= MAGIC && memcmp (head, magic, MAGIC) != 0)
    return qk_tensor_refuse (t, why, "%s", mangled);
  if (t->bytes < PREFIX)
    return qk_tensor_refuse (t, why, truncated, t->bytes);
  unsigned version = head[MAGIC], width = version == 1 ? 2 : 4;
  if (version < 1 || version > 3 || head[MAGIC + 1] != 0)
    return qk_tensor_refuse (t, why, ".npy version %u.%u; 1.0, 2.0 and 3.0 are read", version,
                             head[MAGIC + 1]);
  uint64_t n = 0;
  for (unsigned i = width; i-- > 0;)
    n = n << 8 | head[PREFIX + i];
  *offset = PREFIX + width;
  if (n > LONGEST)
    return qk_tensor_refuse (
        t, why, "the .npy header claims %" PRIu64 " bytes; at most %d are read", n, (int)LONGEST);
  if (t->bytes < *offset || t->bytes - *offset < n)
    return qk_tensor_refuse (t, why, truncated, t->bytes);
  *length = (size_t)n;
  return 0;
}

static int
read_header (struct literal *l, size_t length, char *text)
{
  if (qk_tensor_bytes (text, l->t, l->offset, length, l->why))
    return -1;
  text[length] = '\0';
  l->start = l->at = text;
  l->end = text + length;
  if (memchr (text, '\r', length))
    return qk_tensor_refuse (l->t, l->why, "%s", mangled);
  if (!length || text[length - 1] != '\n')
    return qk_tensor_refuse (l->t, l->why,
                             "the .npy header does not end in a newline, at byte "
                             "%" PRIu64,
                             l->offset + length);
  return read_literal (l);
}

int
qk_npy_open (struct qk_tensor *t, char why[static QK_WHY])
{
  size_t length = 0;
  struct literal l = { .t = t, .why = why };
  if (read_prefix (t, &l.offset, &length, why))
    return -1;
  char *text = malloc (length + 1);
  if (!text)
    return qk_complain (why, "out of memory");
  int status = read_header (&l, length, text);
  free (text);
  uint64_t total;
  if (status || qk_tensor_lay (t, &total, l.fortran, why))
    return -1;
  t->data = l.offset + length;
  uint64_t there = t->bytes - t->data;
  if (there < total)
    return qk_tensor_refuse (
        t, why, "truncated: %" PRIu64 " bytes of data, and its shape needs %" PRIu64, there, total);
  if (there > total)
    return qk_tensor_refuse (t, why, "%" PRIu64 " bytes too long: its data end at byte %" PRIu64,
                             there - total, t->data + total);
  return 0;
}
