/* Tracing leaves from their roots; see leaves.h. */
#include "leaves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CONDITIONS = 63 };

typedef struct {
    int64_t node, depth;
    int32_t is_left; /* of its parent */
} waiting;

typedef struct {
    const wb_trees *trees;
    const int64_t *own_players;
    int64_t n_own;
    int64_t *path;   /* inner nodes from the root */
    int32_t *turns;  /* 1 where the path goes left */
    int64_t *order;  /* positions in the path, by player and column */
} tracer;

static int compare_planes(const void *a, const void *b)
{
    const wb_plane *first = a, *second = b;
    if (first->column != second->column)
        return first->column < second->column ? -1 : 1;
    return first->bound < second->bound ? -1 : first->bound > second->bound;
}

/* List the planes of all inner nodes on hidden columns, each once. */
static void list_planes(const wb_trees *trees, int64_t n_own, wb_leaves *leaves)
{
    int64_t n = 0, kept = 0;
    for (int64_t node = 0; node < trees->n_nodes; node++)
        if (trees->left[node] >= 0 && trees->column[node] >= n_own && trees->column[node] < trees->n_columns)
            leaves->planes[n++] = (wb_plane){trees->threshold[node], trees->column[node] - n_own, 0.0f};
    qsort(leaves->planes, (size_t)n, sizeof *leaves->planes, compare_planes);
    for (int64_t at = 0; at < n; at++)
        if (!kept || compare_planes(leaves->planes + kept - 1, leaves->planes + at))
            leaves->planes[kept++] = leaves->planes[at];
    leaves->n_planes = kept;
    for (int64_t at = 0; at < kept; at++) {
        const float nearest = (float)leaves->planes[at].bound;
        leaves->planes[at].narrow = (double)nearest > leaves->planes[at].bound ? nextafterf(nearest, -INFINITY) : nearest;
    }
}

static int64_t sort_key(const tracer *trace, int64_t step, int64_t *column)
{
    *column = trace->trees->column[trace->path[step]];
    return *column < trace->n_own ? trace->own_players[*column] : INT64_MAX;
}

/* Put the steps of a path in the order of their players, then columns; hidden columns come last. */
static void sort_path(tracer *trace, int64_t depth)
{
    for (int64_t step = 0; step < depth; step++) {
        int64_t column, other, at = step;
        const int64_t player = sort_key(trace, step, &column);
        for (; at > 0; at--) {
            const int64_t before = sort_key(trace, trace->order[at - 1], &other);
            if (before < player || (before == player && other <= column))
                break;
            trace->order[at] = trace->order[at - 1];
        }
        trace->order[at] = step;
    }
}

static int32_t add_side(const tracer *trace, wb_leaves *leaves, int64_t step)
{
    const int64_t node = trace->path[step];
    const wb_plane wanted = {trace->trees->threshold[node], trace->trees->column[node] - trace->n_own, 0.0f};
    const wb_plane *found =
        bsearch(&wanted, leaves->planes, (size_t)leaves->n_planes, sizeof wanted, compare_planes);
    if (!found) /* a threshold that is not a number */
        return WB_BAD_COLUMN;
    leaves->sides[leaves->n_sides++] = (int32_t)(2 * (found - leaves->planes)) + !trace->turns[step];
    return WB_OK;
}

/* Narrow the last test by one step, or open one more for another column, and a condition for another player. */
static void add_test(const tracer *trace, wb_leaves *leaves, wb_leaf *leaf, int64_t step)
{
    const wb_trees *trees = trace->trees;
    const int64_t node = trace->path[step], column = trees->column[node];
    const int32_t player = (int32_t)trace->own_players[column];
    wb_test *last = leaves->tests + leaves->n_tests - 1;
    if (!leaf->n_tests || last->column != column) {
        if (!leaf->n_conditions || leaves->players[leaves->n_players - 1] != player) {
            leaves->players[leaves->n_players++] = player;
            leaf->n_conditions++;
        }
        last = leaves->tests + leaves->n_tests++;
        *last = (wb_test){-INFINITY, INFINITY, column, (int32_t)leaf->n_conditions - 1, 1};
        leaf->n_tests++;
    }
    if (trace->turns[step])
        last->high = trees->threshold[node] < last->high ? trees->threshold[node] : last->high;
    else
        last->low = trees->threshold[node] > last->low ? trees->threshold[node] : last->low;
    last->takes_missing = last->takes_missing && (trees->missing_left[node] != 0) == trace->turns[step];
}

static int32_t add_leaf(tracer *trace, wb_leaves *leaves, int64_t node, int64_t depth)
{
    const double *values = trace->trees->values + node * leaves->n_margins;
    int is_zero = 1;
    for (int64_t margin = 0; margin < leaves->n_margins; margin++)
        is_zero = is_zero && values[margin] == 0.0;
    if (is_zero)
        return WB_OK;
    int32_t status = WB_OK;
    wb_leaf leaf = {.node = node, .first_test = leaves->n_tests, .first_player = leaves->n_players, .first_side = leaves->n_sides};
    sort_path(trace, depth);
    for (int64_t at = 0; at < depth; at++) {
        const int64_t step = trace->order[at];
        if (trace->trees->column[trace->path[step]] < trace->n_own)
            add_test(trace, leaves, &leaf, step);
        else if (status == WB_OK)
            status = add_side(trace, leaves, step);
    }
    leaf.n_sides = leaves->n_sides - leaf.first_side;
    leaves->leaves[leaves->n_leaves++] = leaf;
    return leaf.n_conditions > MOST_CONDITIONS ? WB_BAD_COUNT : status;
}

static int32_t trace_tree(tracer *trace, wb_leaves *leaves, int64_t root, waiting *stack)
{
    const wb_trees *trees = trace->trees;
    int64_t n_waiting = 1;
    int32_t status = WB_OK;
    stack[0] = (waiting){root, 0, 0};
    while (n_waiting && status == WB_OK) {
        const waiting next = stack[--n_waiting];
        if (next.depth)
            trace->turns[next.depth - 1] = next.is_left;
        if (trees->left[next.node] < 0) {
            status = add_leaf(trace, leaves, next.node, next.depth);
            continue;
        }
        trace->path[next.depth] = next.node;
        stack[n_waiting++] = (waiting){trees->right[next.node], next.depth + 1, 0};
        stack[n_waiting++] = (waiting){trees->left[next.node], next.depth + 1, 1};
    }
    return status;
}

/* The steps of all paths to leaves: the sum of their depths, and the largest one. */
static int64_t count_steps(const wb_trees *trees, waiting *stack, int64_t *deepest)
{
    int64_t total = 0;
    for (int64_t tree = 0; tree < trees->n_trees; tree++) {
        int64_t n_waiting = 1;
        stack[0] = (waiting){trees->roots[tree], 0, 0};
        while (n_waiting) {
            const waiting next = stack[--n_waiting];
            if (trees->left[next.node] < 0) {
                total += next.depth;
                *deepest = next.depth > *deepest ? next.depth : *deepest;
                continue;
            }
            stack[n_waiting++] = (waiting){trees->right[next.node], next.depth + 1, 0};
            stack[n_waiting++] = (waiting){trees->left[next.node], next.depth + 1, 1};
        }
    }
    return total;
}

static int make_room(wb_leaves *leaves, const wb_trees *trees, int64_t n_steps)
{
    const size_t n_nodes = (size_t)trees->n_nodes + 1, n_most = (size_t)n_steps + 1;
    leaves->leaves = malloc(n_nodes * sizeof *leaves->leaves);
    leaves->planes = malloc(n_nodes * sizeof *leaves->planes);
    leaves->values = malloc(n_nodes * (size_t)trees->n_margins * sizeof *leaves->values);
    leaves->tests = malloc(n_most * sizeof *leaves->tests);
    leaves->players = malloc(n_most * sizeof *leaves->players);
    leaves->sides = malloc(n_most * sizeof *leaves->sides);
    return leaves->leaves && leaves->planes && leaves->values && leaves->tests && leaves->players && leaves->sides;
}

static int compare_leaves(const void *a, const void *b)
{
    const wb_leaf *first = a, *second = b;
    if (first->n_conditions != second->n_conditions)
        return first->n_conditions < second->n_conditions ? -1 : 1;
    if (first->n_sides != second->n_sides)
        return first->n_sides < second->n_sides ? -1 : 1;
    return first->node < second->node ? -1 : first->node > second->node;
}

static void sort_leaves(const wb_trees *trees, wb_leaves *leaves)
{
    const size_t n_margins = (size_t)leaves->n_margins;
    qsort(leaves->leaves, (size_t)leaves->n_leaves, sizeof *leaves->leaves, compare_leaves);
    for (int64_t leaf = 0; leaf < leaves->n_leaves; leaf++)
        memcpy(leaves->values + leaf * leaves->n_margins, trees->values + leaves->leaves[leaf].node * leaves->n_margins,
               n_margins * sizeof *leaves->values);
}

int32_t wb_trace_leaves(const wb_trees *trees, int64_t n_own, const int64_t *own_players, wb_leaves *leaves)
{
    memset(leaves, 0, sizeof *leaves);
    int32_t status = wb_check_trees(trees);
    if (status != WB_OK)
        return status;
    int64_t deepest = 0;
    waiting *stack = malloc(2 * ((size_t)trees->n_nodes + 1) * sizeof *stack);
    const int64_t n_steps = stack ? count_steps(trees, stack, &deepest) : 0;
    const size_t n_path = (size_t)deepest + 1;
    tracer trace = {trees, own_players, n_own, malloc(n_path * sizeof *trace.path), malloc(n_path * sizeof *trace.turns),
                    malloc(n_path * sizeof *trace.order)};
    status = stack && trace.path && trace.turns && trace.order && make_room(leaves, trees, n_steps) ? WB_OK : WB_NO_MEMORY;
    if (status == WB_OK) {
        leaves->n_margins = trees->n_margins;
        list_planes(trees, n_own, leaves);
    }
    for (int64_t tree = 0; status == WB_OK && tree < trees->n_trees; tree++)
        status = trace_tree(&trace, leaves, trees->roots[tree], stack);
    if (status == WB_OK)
        sort_leaves(trees, leaves);
    free(stack);
    free(trace.path);
    free(trace.turns);
    free(trace.order);
    return status;
}

void wb_drop_leaves(wb_leaves *leaves)
{
    free(leaves->leaves);
    free(leaves->planes);
    free(leaves->values);
    free(leaves->tests);
    free(leaves->players);
    free(leaves->sides);
    memset(leaves, 0, sizeof *leaves);
}

void wb_read_patterns(const wb_leaves *leaves, const double *row, uint64_t *patterns)
{
    for (int64_t number = 0; number < leaves->n_leaves; number++) {
        const wb_leaf *leaf = leaves->leaves + number;
        const wb_test *tests = leaves->tests + leaf->first_test;
        uint64_t missed = 0;
        for (int64_t at = 0; at < leaf->n_tests; at++) {
            const double value = row[tests[at].column];
            const int is_met = value != value ? tests[at].takes_missing : value > tests[at].low && value <= tests[at].high;
            missed |= (uint64_t)!is_met << tests[at].condition;
        }
        patterns[number] = ~missed & (((uint64_t)1 << leaf->n_conditions) - 1);
    }
}
