/* t-deal.c -- tests. */
#include "support.h"
int main(void){return 0;}
