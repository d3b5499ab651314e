/* turns.h: work in units that a worker can be stopped between.
 *
 * A piece of work is written once, as a function that asks hs_turn before everything it does. Its turns are numbered as
 * they come up, one for about HS_TURN operations, and a walk through the function does those of one number: the next
 * walk the next ones, until a walk ends in its own turn. Without turns (NULL) everything is done in one walk. What a
 * walk asks depends on shapes alone, never on what the turns have computed. */
#ifndef HS_TURNS_H
#define HS_TURNS_H

#include <stdbool.h>

/* Floating-point operations that a unit may take. */
#define HS_TURN 50e6
/* And those on one number, about, where they are more than a product's two: exponentials are polynomials. */
enum { HS_NORM_FLOPS = 16, HS_NORM_BACK_FLOPS = 32, HS_SOFTMAX_FLOPS = 24, HS_ACT_FLOPS = 32 };

typedef struct hs_turns {
    int wanted, at;
    double spent; /* by the turn that the walk is in */
    double done;  /* by products of the turn that was wanted */
} hs_turns;

/* Whether it is the turn of what comes next, which takes so many operations: at most HS_TURN. */
bool hs_turn(hs_turns *turns, double operations);
/* After a walk: whether there is a turn after it; *next is its number, 0 when there is none. */
bool hs_turns_left(const hs_turns *turns, int *next);

#endif
