/* What leaves carry beside their conditions, in order: leaves by length, quadratures, how columns are read. */
#include "leaves.h"
#include "quadrature.h"

#include <stdlib.h>
#include <string.h>

#define WB_EXPORT __attribute__((visibility("default")))

/* Sort the leaves by their number of conditions, those with equal numbers as they are. */
static int sort_by_length(wb_leaves *leaves)
{
    int64_t *place = calloc((size_t)leaves->max_conditions + 2, sizeof *place);
    wb_leaf *sorted = malloc(((size_t)leaves->n_leaves + 1) * sizeof *sorted);
    if (!place || !sorted) {
        free(place);
        free(sorted);
        return 0;
    }
    for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
        place[leaves->leaves[leaf].k + 1]++;
    for (int64_t k = 0; k <= leaves->max_conditions; k++)
        place[k + 1] += place[k];
    for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
        sorted[place[leaves->leaves[leaf].k]++] = leaves->leaves[leaf];
    free(place);
    free(leaves->leaves);
    leaves->leaves = sorted;
    return 1;
}

/* Lay what the leaves point to in their order: it is then read from one end to the other. */
static int lay_in_order(wb_leaves *leaves)
{
    wb_condition *conditions = malloc(((size_t)leaves->n_conditions + 1) * sizeof *conditions);
    wb_test *tests = malloc(((size_t)leaves->n_tests + 1) * sizeof *tests);
    double *values = malloc(((size_t)leaves->n_values + 1) * sizeof *values);
    const int is_ready = conditions && tests && values;
    int64_t n_conditions = 0, n_tests = 0;
    for (int64_t i = 0; is_ready && i < leaves->n_leaves; i++) {
        wb_leaf *leaf = leaves->leaves + i;
        memcpy(values + i * leaves->n_margins, leaves->values + leaf->values,
               (size_t)leaves->n_margins * sizeof *values);
        leaf->values = i * leaves->n_margins;
        const wb_condition *from = leaves->conditions + leaf->first;
        leaf->first = n_conditions;
        for (int32_t j = 0; j < leaf->k; j++) {
            memcpy(tests + n_tests, leaves->tests + from[j].first, (size_t)from[j].n_tests * sizeof *tests);
            conditions[n_conditions] = from[j];
            conditions[n_conditions++].first = n_tests;
            n_tests += from[j].n_tests;
        }
    }
    void *const spent[] = {is_ready ? leaves->conditions : conditions, is_ready ? leaves->tests : tests,
                           is_ready ? leaves->values : values};
    for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
        free(spent[i]);
    if (is_ready) {
        leaves->conditions = conditions;
        leaves->tests = tests;
        leaves->values = values;
    }
    return is_ready;
}

int wb_sort_leaves(wb_leaves *leaves)
{
    return sort_by_length(leaves) && lay_in_order(leaves);
}

/* Make the quadratures that the leaves' conditions ask for: ceil(k / 2) points each. */
int wb_make_quadratures(wb_leaves *leaves)
{
    const int64_t most = (leaves->max_conditions + 1) / 2;
    leaves->rule_first = malloc((size_t)(most + 1) * sizeof *leaves->rule_first);
    if (!leaves->rule_first)
        return 0;
    for (int64_t n = 0; n <= most; n++)
        leaves->rule_first[n] = -1;
    for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++) {
        const int64_t n = (leaves->leaves[leaf].k + 1) / 2;
        if (leaves->rule_first[n] < 0) {
            leaves->rule_first[n] = leaves->n_points;
            leaves->n_points += n;
        }
    }
    leaves->points = malloc(((size_t)leaves->n_points + 1) * sizeof *leaves->points);
    leaves->weights = malloc(((size_t)leaves->n_points + 1) * sizeof *leaves->weights);
    if (!leaves->points || !leaves->weights)
        return 0;
    for (int64_t n = 1; n <= most; n++)
        if (leaves->rule_first[n] >= 0)
            wb_quadrature(n, leaves->points + leaves->rule_first[n], leaves->weights + leaves->rule_first[n]);
    return 1;
}

/* Copy how columns are read, so that the leaves stand without the trees. */
int wb_copy_columns(const wb_trees *trees, wb_leaves *leaves)
{
    const size_t n_columns = (size_t)trees->n_columns, n_members = (size_t)trees->n_members;
    leaves->source = malloc((n_columns + 1) * sizeof *leaves->source);
    leaves->rules = malloc(n_columns + 1);
    leaves->member_first = malloc((n_columns + 1) * sizeof *leaves->member_first);
    leaves->members = malloc((n_members + 1) * sizeof *leaves->members);
    if (!leaves->source || !leaves->rules || !leaves->member_first || !leaves->members)
        return 0;
    for (size_t column = 0; column < n_columns; column++) {
        leaves->source[column] = trees->source[column];
        leaves->rules[column] = trees->rules[column];
    }
    memcpy(leaves->member_first, trees->member_first, (n_columns + 1) * sizeof *leaves->member_first);
    if (n_members)
        memcpy(leaves->members, trees->members, n_members * sizeof *leaves->members);
    return 1;
}

WB_EXPORT void wb_release(wb_leaves *leaves)
{
    if (!leaves)
        return;
    void *const arrays[] = {leaves->leaves,       leaves->conditions, leaves->tests,      leaves->values,
                            leaves->cut_first,    leaves->cuts,       leaves->source,     leaves->rules,
                            leaves->member_first, leaves->members,    leaves->rule_first, leaves->points,
                            leaves->weights};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]);
    free(leaves);
}

WB_EXPORT void wb_cover_means(const wb_leaves *leaves, double *means)
{
    for (int64_t margin = 0; margin < leaves->n_margins; margin++)
        means[margin] = 0.0;
    for (int64_t i = 0; i < leaves->n_leaves; i++) {
        const wb_leaf *leaf = leaves->leaves + i;
        double share = 1.0;
        for (int64_t j = 0; j < leaf->k; j++)
            share *= leaves->conditions[leaf->first + j].ratio;
        for (int64_t margin = 0; margin < leaves->n_margins; margin++)
            means[margin] += share * leaves->values[leaf->values + margin];
    }
}

WB_EXPORT void wb_mark_pairs(const wb_leaves *leaves, uint8_t *marks)
{
    for (int64_t i = 0; i < leaves->n_leaves; i++) {
        const wb_condition *conditions = leaves->conditions + leaves->leaves[i].first;
        for (int32_t j = 0; j < leaves->leaves[i].k; j++)
            for (int32_t other = j + 1; other < leaves->leaves[i].k; other++)
                marks[(int64_t)conditions[j].player * leaves->n_players + conditions[other].player] = 1;
    }
}
