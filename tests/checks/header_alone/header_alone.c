/* The public header as a C program meets it: first, alone, and twice. */
#include <portal_session/portal_session.h>
#include <portal_session/portal_session.h>
