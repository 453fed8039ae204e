/* Dealt tables: what is checked first, and the way to their code for a level. */
#include "dealt.h"

#include "lanes/walk_levels.h"

#define WB_EXPORT __attribute__((visibility("default")))

static int is_count(int64_t count)
{
    return count >= 0 && count <= INT32_MAX;
}

static int are_within(const int64_t *positions, int64_t n, int64_t end)
{
    for (int64_t at = 0; at < n; at++)
        if (positions[at] < 0 || positions[at] >= end)
            return 0;
    return 1;
}

int32_t wb_check_layers(const wb_layer *layers, int64_t n_layers, int64_t n_sums, int64_t *n_hidden)
{
    int64_t n_own_sums = 0;
    *n_hidden = 0;
    if (!is_count(n_layers))
        return WB_BAD_COUNT;
    for (int64_t number = 0; number < n_layers; number++) {
        const wb_layer *layer = layers + number;
        if (!is_count(layer->n_hidden) || layer->n_before != *n_hidden)
            return WB_BAD_COUNT;
        n_own_sums += 1 + layer->n_hidden;
        *n_hidden += 2 + layer->n_hidden;
        if (!is_count(n_own_sums) || !is_count(*n_hidden))
            return WB_BAD_COUNT;
    }
    return n_sums == n_own_sums ? WB_OK : WB_BAD_COUNT;
}

int32_t wb_check_dealt(const wb_trees *trees, const wb_dealt *dealt, int64_t *n_hidden)
{
    if (!is_count(dealt->n_rows) || !is_count(dealt->n_own) || !is_count(dealt->n_groups) || !is_count(dealt->n_repeats))
        return WB_BAD_COUNT;
    const int32_t status = wb_check_layers(dealt->layers, dealt->n_layers, dealt->n_sums, n_hidden);
    if (status != WB_OK)
        return status;
    if (trees->n_sources != dealt->n_own + *n_hidden || dealt->first_member[0] != 0)
        return WB_BAD_COUNT;
    for (int64_t group = 0; group < dealt->n_groups; group++)
        if (dealt->first_member[group + 1] < dealt->first_member[group])
            return WB_BAD_COUNT;
    const int is_sound = are_within(dealt->deals, dealt->n_repeats * dealt->n_rows, dealt->n_rows) &&
                         are_within(dealt->members, dealt->first_member[dealt->n_groups], dealt->n_own);
    return is_sound ? WB_OK : WB_BAD_COLUMN;
}

typedef int32_t dealt_margins_at(const wb_trees *, const wb_dealt *, double *);

WB_EXPORT int32_t wb_dealt_margins(int32_t level, const wb_trees *trees, const wb_dealt *dealt, double *margins)
{
#define WB_DEALT_MARGINS(name) WB_JOIN(wb_dealt_margins, name),
    static dealt_margins_at *const at[] = {WB_LEVELS(WB_DEALT_MARGINS)};
    return level >= 0 && level <= wb_best_level() ? at[level](trees, dealt, margins) : WB_BAD_LEVEL;
}
