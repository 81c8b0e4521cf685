# share.awk -- of the lines of a list the share QK_TEST_EFFORT, evenly spread; from 1 on all of them.

BEGIN {
  effort = ENVIRON["QK_TEST_EFFORT"] + 0
  if (effort <= 0)
    effort = 1
}

int (NR * effort + 0.999) > int ((NR - 1) * effort + 0.999)
