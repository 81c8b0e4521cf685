/* pictures.h -- what the report of `qkcheck verify` draws: runs, and quantities of them.  */

#ifndef QK_PICTURES_H
#define QK_PICTURES_H

#include "experiment.h"

struct qk_pictured
{
  const char *title;
  const char *says; /* what to see in it: a sentence or two */
  const char *command, *arguments;
  const char *const *quantities; /* a panel each; ended by NULL */
  const char *const *claims;     /* it belongs to reports with one of these rows; ended by NULL */
};

/* Ended by one without a title.  */
extern const struct qk_pictured qk_pictures[];

/* Whether a picture belongs to a report with that row.  */
bool qk_picture_shows (const struct qk_pictured *picture, const char *claim);

#endif
