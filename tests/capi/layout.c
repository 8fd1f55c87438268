/* Compiled, never run: for this machine, and for a 32-bit device. */
#include "layout.h"
