/* How a row is read: each library's rules turn a source into a prepared value, cuts turn that into a cell. */
#ifndef WHYBOX_COLUMNS_H
#define WHYBOX_COLUMNS_H

#include "kernel.h"

/* Cells of a value that is missing; no test starts so high. */
#define WB_MISSING UINT16_MAX
#define WB_MISSING_WIDE UINT32_MAX

typedef struct {
    uint8_t rules;
    const int64_t *members;
    int64_t n_members;
} wb_reading;

static inline int wb_is_member(const wb_reading *reading, double value)
{
    /* trunc() without a call; beyond 2^62 nothing is listed, and the conversion would be undefined */
    if (!(value > -0x1p62 && value < 0x1p62))
        return 0;
    const int64_t category = (int64_t)value;
    int64_t low = 0, high = reading->n_members;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (reading->members[middle] < category)
            low = middle + 1;
        else
            high = middle;
    }
    return low < reading->n_members && reading->members[low] == category;
}

static inline double wb_prepare(const wb_reading *reading, double value)
{
    const uint8_t rules = reading->rules;
    if (rules & WB_NARROW)
        value = (double)(float)value;
    if ((rules & WB_NAN_IS_ZERO) && value != value)
        value = 0.0;
    if ((rules & WB_ZERO_IS_MISSING) && value >= -1e-35 && value <= 1e-35)
        value = __builtin_nan("");
    if ((rules & WB_CATEGORIES) && value == value)
        value = wb_is_member(reading, value) == ((rules & WB_MEMBERS_LEFT) != 0) ? 0.0 : 1.0;
    return value;
}

#endif
