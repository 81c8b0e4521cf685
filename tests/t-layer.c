/* t-layer.c -- tests. */
#include "support.h"
int main(void){return 0;}
