/* status.c: names and texts of the statuses. */
#include "hs.h"

const char *hs_status_name(hs_status status)
{
    switch (status) {
#define HS_STATUS(name, number, text) \
    case HS_##name:                   \
        return #name;
#include "status.def"
#undef HS_STATUS
    }
    return "?";
}

const char *hs_status_text(hs_status status)
{
    switch (status) {
#define HS_STATUS(name, number, text) \
    case HS_##name:                   \
        return text;
#include "status.def"
#undef HS_STATUS
    }
    return "?";
}
