/* turns.c: see turns.h. */
#include "turns.h"

#include <stddef.h>

bool hs_turn(hs_turns *turns, double operations)
{
    if (!turns)
        return true;
    if (turns->spent + operations > HS_TURN) {
        turns->at++;
        turns->spent = 0;
    }
    turns->spent += operations;
    return turns->at == turns->wanted;
}

bool hs_turns_left(const hs_turns *turns, int *next)
{
    *next = turns->at > turns->wanted ? turns->wanted + 1 : 0;
    return *next > 0;
}
